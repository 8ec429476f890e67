"""The clockwork of transfers: every hour each subscription is brought to the present, and each month is closed by a document."""

from __future__ import annotations

from datetime import datetime, timedelta

from billing.documents import closing, refunding
from billing.documents.services import locked
from billing.models import Subscription
from billing.providers import syncing
from crm_platform.db import sides
from crm_platform.kernel import clock, jobs
from crm_platform.kernel.jobs import Lease
from tenants.timing import services as timing

from . import books
from .models import TransferSubscription

# Seconds between two rounds.
EVERY = 600.0
JOB = "transfers.go_on"
_ahead = timedelta(0)


def ask() -> None:
    """Leave the round to a worker: the scheduler's chore."""
    with sides.control_unit():
        jobs.later(JOB, 0, key=JOB)


def ask_when_moved() -> None:
    """Somebody moved business time: the round does not wait for its turn. The scheduler's chore."""
    global _ahead
    found = timing.ahead()
    if abs(found - _ahead) > timedelta(minutes=1):
        _ahead = found
        ask()


@jobs.register(JOB)
def go_on(_pk: int, *, lease: Lease) -> None:
    """One round."""
    with sides.control_unit():
        lease.beat()
    bring_to(clock.now())
    closing.close_month(clock.now())
    refunding.ask_again()


def bring_to(now: datetime, *, customer: str = "") -> int:
    """Bring all that is due to a moment, each in a unit of its own; how many were looked at."""
    with sides.control_unit():
        rows = TransferSubscription.objects.filter(ended_at=None, closed_at=None)
        due = rows.filter(customer__external_id=customer) if customer else rows
        found = list(due.order_by("pk").values_list("pk", "customer__account_id"))
    for pk, account_id in found:
        with sides.control_unit():
            account = locked(account_id)
            row = TransferSubscription.objects.select_for_update(of=("self",)).select_related("customer__account", "first").get(pk=pk)
            before = (row.billed_until, row.ended_at, row.target, row.paused_until)
            books.go_on(row, now)
            if before != (row.billed_until, row.ended_at, row.target, row.paused_until) or _fell_due(row, now):
                account.dirty_at = clock.real_now()
                account.save(update_fields=["dirty_at"])
                jobs.later(syncing.LOOK, account.pk)
    return len(found)


def _fell_due(row: TransferSubscription, now: datetime) -> bool:
    """Whether a bill is overdue of which the mirror knows nothing yet, however long nobody looked."""
    overdue = any(one.due_at is not None and one.due_at <= now for one in books.open_bills([row]))
    return overdue and Subscription.objects.filter(workspace=row.customer.account.workspace_id, external_id=row.external_id, past_due_since=None).exists()
