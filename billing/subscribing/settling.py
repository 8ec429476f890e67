"""What follows from a purchase or a change once the provider's word has arrived, in the same unit: whoever looked, the page of return, an event, or the nightly look."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from billing import ports
from billing.models import BillingAccount, Checkout, PendingChange, PlanVersion, Subscription
from billing.seats import days, ledger
from billing.seats.models import ARRIVED
from crm_platform.kernel import clock, jobs

from . import acts, carrying, pricing_of, referring, spending
from .accounts import note
from .life import keep_price

BOUGHT = ("active", "trialing", "past_due")


@ports.synced.answer
def settle(account: BillingAccount, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Answer to `ports.synced`: the ledger of seats follows, a purchase is finished, its price is kept, its discount begins, a change that was waited for is there."""
    row = Subscription.objects.select_related("plan", "workspace").get(workspace=account.workspace_id)
    act = acts.under_way(account.pk)
    reason, actor = (act.kind, act.actor) if act else ("provider", f"provider {account.provider}")
    ledger.follow(row, reason=reason, actor=actor, operation=f"sync.{account.pk}.{account.sync_generation}")
    days.follow(account, row, before, after)
    if row.status not in BOUGHT:
        if before["status"] == "incomplete":
            _fell_through(account)
        elif before["status"] in BOUGHT and reason != "plan.cancelled":
            _trial_goes_on(account, row, before["external_id"])
        return
    if before["status"] not in BOUGHT:
        _finish(account, row)
    if before["plan"] != after["plan"] or row.price_kept_until is None:
        keep_price(row, at=clock.now())
    _arrived(row)
    pricing_of.begin_discount(row, begins=row.period_start or clock.now())
    spending.watch(account)


def _finish(account: BillingAccount, row: Subscription) -> None:
    Checkout.objects.filter(account=account, state="open").update(state="finished")
    Subscription.objects.filter(pk=row.pk).update(promised_until=None, promised_for=None, extended_until=None)
    referring.bought(account)
    carrying.ask(account)


def _fell_through(account: BillingAccount) -> None:
    """A first payment that was under way did not arrive: its purchase is over, nothing was had by it, and another may begin."""
    if Checkout.objects.filter(account=account, state="open").update(state="closed"):
        note(account, "checkout.failed", actor=f"provider {account.provider}")


def _trial_goes_on(account: BillingAccount, row: Subscription, subscription: str) -> None:
    """What was bought in a trial, to begin at once, has ended without a payment: what was left of the trial is had as before."""
    trial = ports.never_paid(account, subscription)
    if not trial or datetime.fromisoformat(trial["ends_at"]) <= clock.now() or row.external_id or row.past_due_since is not None:
        return
    plan = PlanVersion.objects.get(code=trial["plan"], version=trial["version"])
    Subscription.objects.filter(pk=row.pk).update(plan=plan, trial_ends_at=trial["ends_at"], status="none", ended_at=None, price_kept_until=None, changed_at=clock.now())
    note(account, "trial.goes_on", actor="billing", after={"trial_ends_at": trial["ends_at"]})


def _arrived(row: Subscription) -> None:
    """A waiting change of seats whose number is there, by this or another way."""
    for waiting in PendingChange.objects.filter(subscription=row, kind="seats", state="waiting"):
        if row.seats >= waiting.target.get("seats", 0):
            PendingChange.objects.filter(pk=waiting.pk).update(state="applied")
            jobs.later(ARRIVED, waiting.pk, key=f"{ARRIVED}.{waiting.pk}")
