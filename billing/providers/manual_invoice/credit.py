"""Work before money: whom a bill of a checkout lets work at once, and what is put right where it was never paid."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from billing import ports
from billing.documents.models import Status
from billing.documents.services import locked
from billing.models import BillingAccount, Subscription
from crm_platform.kernel import clock

from . import books
from .models import TransferSubscription


def pays_first(account: BillingAccount, now: datetime) -> bool:
    """Whether what is bought next begins only with its money: something has worked, its first bill is unpaid, and nothing that was bought since has been paid. Inside a control unit."""
    bought = TransferSubscription.objects.select_related("first").filter(customer__account=account)
    paid = bought.filter(first__status=Status.PAID, first__total_minor__gt=0).order_by("-pk").first()
    rows = bought.filter(waits=False, pk__gt=paid.pk if paid is not None else 0).exclude(first=None).exclude(first__status=Status.PAID)
    return any(row.first is not None and row.first.period_start is not None and row.first.period_start < (row.closed_at or row.ended_at or now) for row in rows)


def trial_of(account: BillingAccount, now: datetime) -> dict[str, Any]:
    """The trial that is given up by a purchase that begins at once: {"plan", "version", "ends_at"}, {} for none. Inside a control unit."""
    row = Subscription.objects.select_related("plan").filter(workspace=account.workspace_id, trial_ends_at__gt=now, external_id="").first()
    if row is None or row.trial_ends_at is None:
        return {}
    return {"plan": row.plan.code, "version": row.plan.version, "ends_at": row.trial_ends_at.isoformat()}


@ports.never_paid.answer
def never_paid(account: BillingAccount, subscription: str) -> Mapping[str, Any] | None:
    """Answer to `ports.never_paid`: the trial that was given up for it; None for one that was paid for, or is none of ours."""
    row = TransferSubscription.objects.select_related("first").filter(external_id=subscription, customer__account=account).first()
    if row is None or row.first is None or row.first.status == Status.PAID or row.first.paid_minor:
        return None
    return dict(row.trial)


@ports.buying.answer
def let_go(account: BillingAccount) -> None:
    """Answer to `ports.buying`: what has lapsed, or never began, can be paid no more once something else is bought."""
    locked(account.pk)
    now = clock.now()
    for row in TransferSubscription.objects.select_related("customer__account", "first").filter(customer__account=account, ended_at=None, closed_at=None):
        if books.is_waiting(row) or books.lapsed_at(row, now) is not None:
            books.let_go(row, now, reason="bought anew")
            Subscription.objects.filter(workspace=account.workspace_id, status="incomplete", external_id="").update(status="none")


def unproven() -> frozenset[str]:
    """Subscriptions by transfer of which no money has come yet, by their external ids. Inside a control unit."""
    rows = TransferSubscription.objects.filter(ended_at=None, closed_at=None).exclude(first=None).exclude(first__status=Status.PAID)
    return frozenset(rows.values_list("external_id", flat=True))
