"""The ledger of seats: append-only. It follows what is bought, whoever changed it."""

from __future__ import annotations

from billing.models import SeatEntry, Subscription


def last(subscription: Subscription, kind: str = "named") -> int:
    """How many seats there were after the last line. Inside a control unit."""
    row = SeatEntry.objects.filter(workspace=subscription.workspace_id, kind=kind).order_by("-id").first()
    return row.seats if row else 0


def follow(subscription: Subscription, *, reason: str, actor: str, operation: str, kind: str = "named") -> SeatEntry | None:
    """Write what has changed since the last line, once for an operation; None where nothing has. Inside a control unit that holds the account's row."""
    before = last(subscription, kind)
    if subscription.seats == before or SeatEntry.objects.filter(operation=operation).exists():
        return None
    return SeatEntry.objects.create(
        workspace_id=subscription.workspace_id, kind=kind, change=subscription.seats - before, seats=subscription.seats, reason=reason[:40], actor=actor[:200], operation=operation
    )  # fmt: skip
