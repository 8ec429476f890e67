"""What a provider has of an account becomes what we have of it. The only place where the mirror is written; nothing here asks anybody.

The provider's word is an input: the plan follows it, the state is computed from moments (`tenants.lifecycle.billing_state`).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from billing import ports
from billing.models import AddOnVersion, BillingAccount, MoneyEntry, PendingChange, PlanVersion, Subscription
from billing.plans import FREE
from billing.pricing import references
from crm_platform.kernel import clock, jobs
from tenants.lifecycle.billing_state import LONGEST_PAUSE_DAYS
from tenants.models import State, Workspace

from . import choosing, drifting
from .choosing import Sold
from .models import DriftKind
from .protocol import AccountSeen, InvoiceSeen, SubscriptionSeen

_log = logging.getLogger("kartoteka.billing")
# A period that is to begin now, and the job that sees to it.
ANEW, SETTLE = "anew", "billing.settle"
# What a change of which is worth a line in the journal of money.
_TOLD = ("plan", "seats", "add_ons", "status", "interval", "cancel_at", "past_due_since", "paused_until")


def apply(account: BillingAccount, seen: AccountSeen) -> Workspace | None:
    """Bring the account to what was seen; the workspace that must be told, if any. Inside a control unit, the account's row locked."""
    _note_account(account, seen)
    ports.refunds(account, seen)
    for invoice in seen.invoices:
        ports.documents(account, invoice)
    ports.notes(account, seen)
    _note_problems(account, seen)
    row = Subscription.objects.select_for_update(of=("self",)).select_related("plan", "workspace").filter(workspace=account.workspace_id).first()
    if row is None or row.workspace.state == State.ERASED:
        return None
    before, external_id = _as_told(row), row.external_id
    _note_subscription(account, row, seen)
    _settle_changes(row)
    after = _as_told(row)
    if after != before:
        changed = {name for name in after if after[name] != before[name]}
        pair = [{name: side[name] for name in sorted(changed)} for side in (before, after)]
        MoneyEntry.objects.create(account=account, name="subscription.changed", actor=f"provider {account.provider}", before=pair[0], after=pair[1])
        ports.synced(account, before | {"external_id": external_id}, after)
    return row.workspace


def would_change(account: BillingAccount, seen: AccountSeen) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """What the subscription is, and what `apply` would make of it; nothing is kept. None without a subscription. Inside a control unit."""
    found: list[dict[str, Any]] = []
    with transaction.atomic():
        row = Subscription.objects.select_for_update(of=("self",)).select_related("plan", "workspace").filter(workspace=account.workspace_id).first()
        if row is not None:
            found.append(_as_compared(row))
            _note_subscription(account, row, seen)
            found.append(_as_compared(row))
        transaction.set_rollback(True)
    return (found[0], found[1]) if len(found) == 2 else None


def _note_account(account: BillingAccount, seen: AccountSeen) -> None:
    account.synced_at = clock.now()
    account.balance_minor, account.method = seen.balance, dict(seen.method)
    paid = [one for one in seen.invoices if one.status == "paid" and one.quote.total]
    if paid and not account.currency:
        first = min(paid, key=lambda one: one.created)
        account.currency, account.currency_fixed_at = first.quote.currency, first.paid_at or first.created
    if seen.deleted:
        # Unlinked: the next checkout makes a customer anew. The old id stands in the journal.
        MoneyEntry.objects.create(account=account, name="customer.gone", actor=f"provider {account.provider}", before={"external_id": account.external_id})
        drifting.found(DriftKind.CUSTOMER_GONE, account.provider, account.external_id, account=account)
        account.external_id = ""
    account.save(update_fields=["synced_at", "balance_minor", "method", "currency", "currency_fixed_at", "external_id"])


def _note_problems(account: BillingAccount, seen: AccountSeen) -> None:
    """An alarm while a bill cannot be made final, closed by the look that finds it mended."""
    for one in seen.invoices:
        if one.problem:
            drifting.found(DriftKind.INVOICES, account.provider, subject_of(account, one), account=account, facts=unfinished(one), money=one.quote.total, currency=one.quote.currency)
    drifting.close(DriftKind.INVOICES, account.provider, [subject_of(account, one) for one in seen.invoices if not one.problem])


def subject_of(account: BillingAccount, invoice: InvoiceSeen) -> str:
    """Under what a difference of an invoice is kept."""
    return f"{account.public_id}:{invoice.external_id}"


def unfinished(invoice: InvoiceSeen) -> dict[str, Any]:
    """What is said of a bill that cannot be made final."""
    return {"invoice": invoice.external_id, "problem": invoice.problem}


def _note_subscription(account: BillingAccount, row: Subscription, seen: AccountSeen) -> None:
    orders = dict(PlanVersion.objects.order_by("version").values_list("code", "order"))
    alive = choosing.live(seen.subscriptions)
    drifting.stands(DriftKind.TWO_LIVE, account, facts={"subscriptions": [one.external_id for one in alive]}, there=len(alive) > 1)
    one = choosing.governing(seen.subscriptions, orders)
    strange = one is not None and not choosing.is_known(one.status)
    drifting.stands(DriftKind.DIFFERS, account, facts={"status": [one.status] if one else []}, there=strange)
    if strange:
        return
    if one is None or one.status == "canceled":
        _end(row, one, seen)
    elif one.status == "incomplete":
        if not row.external_id:
            row.status = "incomplete"
            row.save(update_fields=["status"])
    elif _is_trial_without_card(one, row):
        _end(row, one, seen)
    else:
        _live(account, row, one, seen)


def _live(account: BillingAccount, row: Subscription, one: SubscriptionSeen, seen: AccountSeen) -> None:
    _note_anew(row, one, seen)
    held = choosing.sold(one)
    plan = PlanVersion.objects.filter(code=held.plan, version=held.version).first()
    strange = [*held.strange, *([] if plan else [f"plan:{held.plan}:{held.version}"]), *_unknown_add_ons(held)]
    drifting.stands(DriftKind.CATALOGUE, account, facts={"strange": strange}, there=bool(strange))
    if plan is not None:
        row.plan = plan
        row.seats, row.add_ons = held.seats, {ref: count for ref, count in held.add_ons.items() if count}
    now = clock.now()
    row.external_id, row.status, row.interval, row.currency = one.external_id, one.status, str(one.interval), one.currency
    row.anchor, row.period_start, row.period_end = one.anchor, one.period_start, one.period_end
    row.cancel_at, row.ended_at, row.trial_ends_at = one.cancel_at, None, None
    row.past_due_since = choosing.unpaid_since(one, seen.invoices, known=row.past_due_since, now=now)
    row.discount = _discount(one)
    row.paused_until = _paused_until(row, one, now)
    row.changed_at = now
    row.save()


def _note_anew(row: Subscription, one: SubscriptionSeen, seen: AccountSeen) -> None:
    """Paid after the provider had given up: the period that runs is nobody's, so one begins now (`subscribing.returning`)."""
    if row.status != "unpaid" or row.past_due_since is None or not choosing.paid_after_giving_up(one, seen.invoices, since=row.past_due_since, now=clock.now()):
        return
    PendingChange.objects.get_or_create(subscription=row, kind=ANEW, state="waiting", defaults={"effective_at": clock.now(), "asked_by": "billing"})
    jobs.later(SETTLE, 0, key=SETTLE)


def _end(row: Subscription, one: SubscriptionSeen | None, seen: AccountSeen) -> None:
    """Nothing lives at the provider. Only what stood there ends: a plan that was given by hand, or a trial of ours, goes on."""
    if not row.external_id:
        if row.status == "incomplete":
            row.status = "none"
            row.save(update_fields=["status"])
        return
    owed = any(invoice.status == "open" and invoice.subscription == row.external_id for invoice in seen.invoices)
    if row.past_due_since is not None and owed:
        # The provider gave up trying; the bill is still open, so it stays unpaid by our own clock.
        mine = [invoice for invoice in seen.invoices if invoice.subscription == row.external_id]
        row.past_due_since = choosing.oldest_unpaid(mine, known=row.past_due_since, now=clock.now()) or row.past_due_since
        row.status, row.changed_at = "canceled", clock.now()
        row.save(update_fields=["status", "past_due_since", "changed_at"])
        return
    row.ended_at = (one and one.ended_at) or clock.now()
    row.plan = PlanVersion.objects.filter(code=FREE).order_by("-version")[0]
    row.status, row.external_id, row.seats, row.add_ons, row.discount = "canceled", "", 0, {}, {}
    row.interval, row.cancel_at, row.past_due_since, row.paused_until, row.promised_until = "", None, None, None, None
    row.period_end, row.changed_at = None, clock.now()
    row.save()


def _is_trial_without_card(one: SubscriptionSeen, row: Subscription) -> bool:
    """A provider's trial that ended with nobody to charge stands as paused there; to us it is over. A pause of ours is known by its end."""
    return one.status == "paused" and row.paused_until is None and one.trial_end is not None and one.trial_end >= one.period_start


def _paused_until(row: Subscription, one: SubscriptionSeen, now: datetime) -> datetime | None:
    """Ours stays as it was asked for, until the provider no longer pauses; one begun in the provider's own pages lasts as long as the longest of ours.

    A mere stop of collecting (`paused` beside a live status) that we did not ask for changes nobody's access.
    """
    if one.status == "paused":
        return row.paused_until or now + timedelta(days=LONGEST_PAUSE_DAYS)
    return row.paused_until if one.paused else None


def _unknown_add_ons(held: Sold) -> list[str]:
    known = {f"{code}:{version}" for code, version in AddOnVersion.objects.values_list("code", "version")} if held.add_ons else set()
    return [references.add_on(ref) for ref in held.add_ons if ref not in known]


def _discount(one: SubscriptionSeen) -> dict[str, Any]:
    if one.discount is None:
        return {}
    found = one.discount
    ends = one.discount_ends.isoformat() if one.discount_ends else None
    return {"code": found.code, "percent_bp": found.percent_bp, "amount": found.amount, "currency": found.currency, "ends_at": ends}


def _settle_changes(row: Subscription) -> None:
    """Changes that waited for a moment that is past, and have come true."""
    now = clock.now()
    for waiting in PendingChange.objects.filter(subscription=row, state="waiting", effective_at__lte=now).exclude(kind__in=("pause", ANEW)):  # what follows from them is done by `pausing` and `returning`
        target: Mapping[str, Any] = waiting.target
        wanted = (target.get("plan", row.plan.code), target.get("version", row.plan.version), target.get("seats", row.seats))
        if (waiting.kind == "cancel" and row.status == "canceled") or (waiting.kind != "cancel" and wanted == (row.plan.code, row.plan.version, row.seats)):
            PendingChange.objects.filter(pk=waiting.pk).update(state="applied")


def _as_compared(row: Subscription) -> dict[str, Any]:
    more = {"external_id": row.external_id, "period_end": row.period_end.isoformat() if row.period_end else None, "discount": row.discount}
    return _as_told(row) | more


def _as_told(row: Subscription) -> dict[str, Any]:
    """What matters of a subscription, JSON-able."""
    values = {name: getattr(row, name) for name in _TOLD}
    values["plan"] = f"{row.plan.code}:{row.plan.version}"
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}
