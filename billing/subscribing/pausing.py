"""A pause: nothing is billed while it lasts. What was paid before runs on; whoever comes back in a period that was not billed begins a new one on that day."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from billing import rights
from billing.models import PendingChange, Subscription
from billing.pricing import Interval
from billing.pricing.periods import after
from billing.providers import calling, syncing
from billing.providers.registry import provider_for
from billing.seats import days
from crm_platform.db import sides
from crm_platform.kernel import clock
from crm_platform.kernel.errors import Conflict, Invalid
from crm_platform.kernel.permissions import Actor
from crm_platform.kernel.workspace import Place

from .accounts import BillOpen, Held, announce
from .acts import Doing, asked, by_itself, doing, waiting

LONGEST_PAUSE, PAUSE = 6, "pause"


class Paused(Conflict):
    """A pause is on, or none is."""

    code = "paused"
    sentence = _("As the pause stands now, this does not apply.")


def pause(place: Place, months: int, *, actor: Actor, operation: str) -> datetime:
    """Nothing is charged for one to six months; everything can be read and exported, the price is kept. Returns until when. Opens units of its own."""
    rights.require_to_change(actor)
    if isinstance(months, bool) or not isinstance(months, int) or not 1 <= months <= LONGEST_PAUSE:
        raise Invalid(fields={"months": [_("A pause lasts from one to six months.")]})
    until = after(clock.now(), Interval.MONTH, months)

    def check(had: Held) -> None:
        had.require_live()
        if had.unpaid:
            raise BillOpen
        if had.subscription.paused_until is not None or had.subscription.cancel_at is not None:
            raise Paused

    with doing(place, "plan.paused", actor=actor, operation=operation, check=check) as under:
        if under.done is not None:
            return datetime.fromisoformat(under.done["until"])
        row = under.held.subscription
        asked(under, "pause", lambda provider, key: provider.pause(row.external_id, until=until, key=key))
        with sides.control_unit():
            Subscription.objects.filter(pk=row.pk).update(paused_until=until, changed_at=clock.now())
            PendingChange.objects.filter(subscription=row, kind=PAUSE, state="waiting").update(state="lapsed")
            PendingChange.objects.create(subscription=row, kind=PAUSE, effective_at=until, asked_by=actor.name[:200])
            days.rests(under.held.account, row, operation=operation)
        under.become(until=until.isoformat())
        syncing.sync_account(under.held.account.pk, patience=5.0)
    announce(place, actor, "plan.paused", after={"until": until.date().isoformat()})
    return until


def unpause(place: Place, *, actor: Actor, operation: str) -> None:
    """Come back from a pause before its end; a new period is billed where the present one was not. Opens units of its own."""
    rights.require_to_change(actor)

    def check(had: Held) -> None:
        had.require_live()
        if had.subscription.paused_until is None:
            raise Paused

    with doing(place, "plan.unpaused", actor=actor, operation=operation, check=check) as under:
        if under.done is not None:
            return
        _come_back(under)
        with sides.control_unit():
            Subscription.objects.filter(pk=under.held.subscription.pk).update(paused_until=None, changed_at=clock.now())
        syncing.sync_account(under.held.account.pk, patience=5.0)
    announce(place, actor, "plan.unpaused")


def is_unbilled(row: Subscription, change: PendingChange | None) -> bool:
    """Whether the present period began in the pause (`change`, the row that waits for its end): coming back begins, and bills, a new one."""
    return change is not None and row.period_start is not None and change.created_at < row.period_start < change.effective_at


def come_back_due(*, most: int = 50) -> int:
    """Pauses that are over: a new period is billed where the present one was not. Returns how many were seen to. Opens units of its own, asks providers."""
    with sides.control_unit():
        rows = PendingChange.objects.select_related("subscription__workspace").filter(kind=PAUSE, state="waiting", effective_at__lte=clock.now())
        found = [(row.pk, row.subscription.workspace) for row in rows.order_by("effective_at")[:most]]
    return sum(by_itself(pk, workspace.place, "plan.unpaused", operation=f"back.{pk}", work=_come_back) for pk, workspace in found)


def _come_back(under: Doing) -> None:
    """By the period in which the provider is now: one that began in the pause was not billed."""
    syncing.sync_account(under.held.account.pk, patience=5.0)
    with sides.control_unit():
        row = Subscription.objects.get(pk=under.held.subscription.pk)
        change = waiting(under.held, PAUSE)
        anew, account = is_unbilled(row, change), under.held.account
    name = f"back.{change.pk}" if change is not None else under.act.operation  # of one pause one call, whoever asks for it again
    calling.once(name, "come_back", {}, lambda key: provider_for(account).come_back(row.external_id, anew=anew, key=key), account=account)
    if change is not None:
        with sides.control_unit():
            PendingChange.objects.filter(pk=change.pk).update(state="applied")
