"""The life of what is bought: cancel and resume, pause and come back, promise to pay."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from billing import ports, rights
from billing.models import PendingChange, Subscription
from billing.pricing import Interval
from billing.pricing.periods import after
from billing.providers import syncing
from billing.providers.protocol import Changed
from billing.providers.registry import provider_for
from crm_platform.db import sides
from crm_platform.kernel import clock
from crm_platform.kernel.errors import Conflict, NotFound
from crm_platform.kernel.permissions import Actor
from crm_platform.kernel.workspace import Place
from tenants.lifecycle.billing_state import FROZEN_FROM, LIMITED_FROM, PROMISE_DAYS

from . import returning
from .accounts import Held, announce, held, note
from .acts import asked, doing

KEPT_MONTHS = 24


class NotCancelled(Conflict):
    """There is nothing to resume."""

    code = "not_cancelled"
    sentence = _("The plan is not cancelled.")


class CancelledAlready(Conflict):
    """Twice is once."""

    code = "cancelled_already"
    sentence = _("The plan is cancelled already, to the end of its period.")


class NothingToPromise(Conflict):
    """No bill is open, or it is too late for a promise."""

    code = "nothing_to_promise"
    sentence = _("There is no open bill for which a promise would help.")


class PromisedAlready(Conflict):
    """One promise a period."""

    code = "promised_already"
    sentence = _("A payment was promised for this period already. Once it is paid, everything opens at once.")


def cancel(place: Place, *, actor: Actor, operation: str, at_end: bool = True) -> None:
    """End the plan at its period's end, or now; nothing is refunded by it and nothing deleted. A change that was planned for that end is taken back by it, and stays so if the plan goes on after all. Opens units of its own."""
    rights.require_to_change(actor)

    def check(had: Held) -> None:
        had.require_live()
        if had.subscription.cancel_at is not None and at_end:
            raise CancelledAlready

    with doing(place, "plan.cancelled", actor=actor, operation=operation, check=check) as under:
        if under.done is not None:
            return
        row = under.held.subscription
        asked(under, "cancel", lambda provider, key: provider.cancel(row.external_id, at_end=at_end, key=key))
        with sides.control_unit():
            if at_end and row.period_end is not None:
                PendingChange.objects.get_or_create(
                    subscription=row, kind="cancel", state="waiting", defaults={"effective_at": row.period_end, "asked_by": actor.name[:200]}
                )  # fmt: skip
        taken_back = _take_back(row, "plan")  # the provider lets it go
        syncing.sync_account(under.held.account.pk, patience=5.0)
    if taken_back:
        announce(place, actor, "plan.change_taken_back")
    announce(place, actor, "plan.cancelled", after={"at": _said(row.period_end) if at_end else ""})


def resume(place: Place, *, actor: Actor, operation: str) -> None:
    """A cancelled plan goes on, until its period's end. Opens units of its own."""
    rights.require_to_change(actor)

    def check(had: Held) -> None:
        had.require_live()
        if had.subscription.cancel_at is None:
            raise NotCancelled

    with doing(place, "plan.resumed", actor=actor, operation=operation, check=check) as under:
        if under.done is not None:
            return
        row = under.held.subscription
        asked(under, "resume", lambda provider, key: provider.resume(row.external_id, key=key))
        _take_back(row, "cancel")
        syncing.sync_account(under.held.account.pk, patience=5.0)
    announce(place, actor, "plan.resumed")


def promise(place: Place, *, actor: Actor) -> datetime:
    """Seven days more of full work for an unpaid bill, once a period. Returns until when. Opens units of its own."""
    rights.require_to_change(actor)
    with sides.control_unit():
        had = held(place, lock=True)
        row, now = had.subscription, clock.now()
        if row.past_due_since is None or now >= row.past_due_since + timedelta(days=FROZEN_FROM):
            raise NothingToPromise
        period = row.period_start or row.past_due_since
        if row.promised_for == period:
            raise PromisedAlready
        until = max(now, row.past_due_since + timedelta(days=LIMITED_FROM)) + timedelta(days=PROMISE_DAYS)
        Subscription.objects.filter(pk=row.pk).update(promised_until=until, promised_for=period, changed_at=now)
        note(had.account, "payment.promised", actor=actor, after={"until": until.isoformat()})
        workspace = row.workspace
    ports.told(workspace)
    announce(place, actor, "payment.promised", after={"until": _said(until)})
    return until


def pay_open_bill(place: Place, *, actor: Actor, operation: str, invoice: str) -> Changed:
    """Try an open bill again, by the card that is kept. Raises NotFound for one that is not this account's. Opens units of its own."""
    rights.require_to_change(actor)
    with doing(place, "bill.pay", actor=actor, operation=operation) as under:
        if under.done is not None:
            return Changed(**under.done["changed"])
        _require_own_bill(under.held, invoice)
        changed: Changed = asked(under, "pay", lambda provider, key: provider.pay(invoice, key=key))
        under.become(changed=asdict(changed))
        _look(under.held)
    returning.begin(place)
    return changed


def keep_price(subscription: Subscription, *, at: datetime) -> None:
    """From the moment on which a version was bought, its price and limits are kept for 24 months. Inside a control unit."""
    subscription.price_kept_until = after(at, Interval.MONTH, KEPT_MONTHS)
    subscription.save(update_fields=["price_kept_until"])


def _take_back(row: Subscription, kind: str) -> bool:
    with sides.control_unit():
        return bool(PendingChange.objects.filter(subscription=row, kind=kind, state="waiting").update(state="taken_back"))


def _require_own_bill(had: Held, invoice: str) -> None:
    """Another account's bill is not there."""
    if not had.account.external_id:
        raise NotFound
    seen = provider_for(had.account).fetch(had.account.external_id)
    if invoice not in {one.external_id for one in seen.invoices if one.status == "open"}:
        raise NotFound


def _look(had: Held) -> None:
    syncing.sync_account(had.account.pk, patience=5.0)


def _said(moment: Any) -> str:
    return moment.date().isoformat() if moment is not None else ""


