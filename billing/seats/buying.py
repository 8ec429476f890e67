"""Seats more and fewer: previewed to the cent, there at once; where the payment is declined they wait for it seven days, and nothing else changes."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from django.db import DatabaseError, InterfaceError
from django.utils.translation import gettext_lazy as _

from billing import ports, pricing, rights
from billing.models import PendingChange, Subscription
from billing.pricing.terms import Seats
from billing.providers import syncing
from billing.providers.protocol import Preview, ProviderUnavailable
from billing.subscribing import changing, pricing_of, targets
from billing.subscribing.accounts import Held, announce, held, note
from billing.subscribing.acts import Busy, Doing, doing, waiting
from billing.subscribing.changing import apply_now, checked
from crm_platform.accounts.models import Access, Seat, User
from crm_platform.accounts.seats import PENDING_FOR
from crm_platform.db import sides
from crm_platform.kernel import clock, gates
from crm_platform.kernel.errors import Conflict, CrmError, Invalid, NotFound, PlanRefusal
from crm_platform.kernel.permissions import Actor, robot
from crm_platform.kernel.workspace import Place
from crm_platform.ui.markup import figure
from tenants.models import State

from . import asking
from .models import PendingSeats

MOST_DAYS = 10_000
_log = logging.getLogger("kartoteka.billing")


class SeatsWait(Conflict):
    """Seats that were asked for still wait for their payment."""

    code = "seats_wait"
    sentence = _("{count} seats wait for their payment until {until}. Pay for them, or give them up, before you add others.")


class SeatsInUse(Conflict):
    """People sit on them."""

    code = "seats_in_use"
    sentence = _("{used} seats are in use. Close the access of somebody first, or choose who stays; then the seats can be given back.")


@dataclass(frozen=True, slots=True)
class Added:
    """What became of new seats: there (`applied`), or `pending` until `until`, to be confirmed at `confirm_url` where the bank asks. `declined` is the provider's code."""

    applied: bool
    pending: int = 0
    until: datetime | None = None
    confirm_url: str = ""
    declined: str = ""


def preview(place: Place, count: int) -> Preview:
    """What so many seats more (or, below nought, fewer) cost or bring now, and at the next bill. Opens units of its own."""
    with sides.control_unit():
        target = _more(held(place), count)
    return pricing_of.preview(place, target, at_end=False)


def add(place: Place, count: int, *, as_of: datetime, actor: Actor, operation: str) -> Added:
    """So many seats more, at once: one call however many. Declined, or with the provider away, they wait: people on them look only, the quantity is unchanged, no bill is open.

    Raises Forbidden, Invalid, NothingBought, BillOpen, AboveCeiling, SeatsWait, ChangedMeanwhile, Busy. Opens units of its own.
    """
    rights.require_to_change(actor)
    _positive(count)

    def check(had: Held) -> Mapping[str, Any]:
        _none_waits(had)
        return targets.stored(checked(had, _more(had, count)))

    with doing(place, "seats.add", actor=actor, operation=operation, as_of=as_of, check=check) as under:
        if under.done is not None:
            return _read(under.done)
        added = _pay(place, under, as_of, count=count)
        under.become(**_stored(added))
    if added.applied:
        announce(place, actor, "seats.added", before={"seats": under.held.subscription.seats}, after={"seats": under.act.target["seats"]})
    else:
        announce(place, actor, "seats.pending", after={"seats": count, "until": added.until.date().isoformat() if added.until else ""})
    return added


def pay_pending(place: Place, *, actor: Actor, operation: str) -> Added:
    """Try to pay for the seats that wait, at today's figures; those on them may write from then on. Raises NotFound where none waits. Opens units of its own."""
    rights.require_to_change(actor)
    now = clock.now()

    def check(had: Held) -> Mapping[str, Any]:
        row = waiting(had, "seats")
        if row is None or row.effective_at <= now:
            raise NotFound
        return {**targets.stored(checked(had, _more(had, row.target["added"]))), "as_of": now.isoformat()}

    with doing(place, "seats.pay", actor=actor, operation=operation, as_of=now, check=check) as under:
        if under.done is not None:
            return _read(under.done)
        changed = apply_now(under, datetime.fromisoformat(under.act.target["as_of"]))  # asked once more after a lost answer, it is the same question
        if changed.applied:
            _settle(place, under.held, state="applied")
            syncing.sync_account(under.held.account.pk, patience=5.0)
        added = Added(changed.applied, confirm_url=changed.confirm_url, declined=changed.declined)
        under.become(**_stored(added))
    if added.applied:
        announce(place, actor, "seats.added", before={"seats": under.held.subscription.seats}, after={"seats": under.act.target["seats"]})
    return added


def retry_unanswered(*, most: int = 50) -> int:
    """Ask again for the seats of which the provider told nothing; returns how many firms now know. What it had done is seen first, so that nothing is paid twice."""
    with sides.control_unit():
        rows = PendingChange.objects.select_related("subscription__workspace").filter(kind="seats", state="waiting", target__unanswered=True, effective_at__gt=clock.now())
        found = [(row.pk, row.subscription.workspace) for row in rows.order_by("?")[:most]]  # who fails each time keeps nobody else waiting
    return sum(_retry(pk, workspace.place) for pk, workspace in found)


def _retry(pk: int, place: Place) -> bool:
    with sides.control_unit():
        had = held(place)
    try:
        syncing.sync_account(had.account.pk, patience=5.0)
        with sides.control_unit():
            arrived = not PendingChange.objects.filter(pk=pk, state="waiting").exists()
        if arrived:
            _settle(place, had, state="applied")
        else:
            pay_pending(place, actor=robot("billing"), operation=f"again.{pk}")
    except (Busy, ProviderUnavailable, DatabaseError, InterfaceError):
        return False
    except CrmError as error:
        _log.warning("seats that wait could not be asked for again", extra={"workspace": place.public_id, "error": error.code})
    with sides.control_unit():
        PendingChange.objects.filter(pk=pk).update(target=_answered(PendingChange.objects.get(pk=pk).target))
    return True


def _answered(target: Mapping[str, Any]) -> dict[str, Any]:
    return {**target, "unanswered": False}


def give_up_pending(place: Place, *, actor: Actor) -> None:
    """The seats that wait are not wanted any more. Raises NotFound. Opens units of its own."""
    rights.require_to_change(actor)
    with sides.control_unit():
        had = held(place, lock=True)
        row = waiting(had, "seats")
        if row is None:
            raise NotFound
        note(had.account, "seats.given_up", actor=actor, before=row.target)
    _settle(place, had, state="taken_back")


def remove(place: Place, count: int, *, as_of: datetime, actor: Actor, operation: str) -> None:
    """So many seats fewer, freed at once and credited the same day. Raises SeatsInUse where people sit on them, else as `add` does. Opens units of its own."""
    rights.require_to_change(actor)
    _positive(count)
    with sides.unit(place):
        used = gates.usage("users").used

    def check(had: Held) -> Mapping[str, Any]:
        had.require_live()
        if had.subscription.seats - count < used and pricing.read(had.subscription.plan.terms).seats == Seats.NAMED:
            raise SeatsInUse(used=used)
        return targets.stored(checked(had, _more(had, -count)))

    with doing(place, "seats.remove", actor=actor, operation=operation, as_of=as_of, check=check) as under:
        if under.done is not None:
            return
        with _out_of_use(place, under.held, count):
            apply_now(under, as_of)
            syncing.sync_account(under.held.account.pk, patience=5.0)
    announce(place, actor, "seats.removed", before={"seats": under.held.subscription.seats}, after={"seats": under.act.target["seats"]})


@contextmanager
def _out_of_use(place: Place, had: Held, count: int) -> Iterator[None]:
    """While free seats are given back they count as taken: an invitation that comes meanwhile finds none of them. Raises SeatsInUse. Opens units of its own.

    Whoever dies in between leaves the counter too high, until the nightly proof.
    """
    if pricing.read(had.subscription.plan.terms).seats != Seats.NAMED:
        yield
        return
    try:
        with sides.unit(place):
            gates.require("users", adding=count)
    except PlanRefusal as error:
        with sides.unit(place):
            raise SeatsInUse(used=gates.usage("users").used) from error
    try:
        yield
    finally:
        with sides.unit(place):
            gates.free("users", removing=count)


def settle_arrived(pk: int) -> None:
    """Seats that waited (`pk`, their pending change) are there: nobody waits for their payment any more, and nobody more is let in on them. Opens units of its own."""
    with sides.control_unit():
        row = PendingChange.objects.select_related("subscription__workspace").get(pk=pk)
        workspace = row.subscription.workspace
    if workspace.state != State.ERASED:
        with sides.unit(workspace.place):
            PendingSeats.objects.filter(settled_at=None, until__lte=row.effective_at).update(settled_at=clock.now())


def set_occasional_ceiling(place: Place, days: int | None, *, actor: Actor) -> None:
    """On how many days a month occasional seats may be used, all together; None for no such seats. Beyond it a log-in asks an administrator. Opens units of its own."""
    rights.require_to_change(actor)
    if days is None:
        _nobody_by_the_day(place)
    elif isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= MOST_DAYS:
        raise Invalid(fields={"days": [str(_("From 1 to {most} days.")).format(most=MOST_DAYS)]})
    with sides.control_unit():
        had = held(place, lock=True)
        had.require_live()
        before = had.subscription.occasional_ceiling
        if days is not None and days > (before or 0):
            _days_are_sold(had)
            changing.within_ceiling(had, targets.present(had), days=days)
        Subscription.objects.filter(pk=had.subscription.pk).update(occasional_ceiling=days, changed_at=clock.now())
        note(had.account, "occasional.ceiling", actor=actor, before={"days": before}, after={"days": days})
    ports.told(had.subscription.workspace)
    announce(place, actor, "seats.occasional", before={"days": before}, after={"days": days or 0})
    if days is not None:
        with sides.unit(place):
            asking.let_in_by_ceiling(actor, days=days)


def _pay(place: Place, under: Doing, as_of: datetime, *, count: int) -> Added:
    try:
        changed = apply_now(under, as_of)
    except ProviderUnavailable:
        return _pend(place, under, count, Added(applied=False), unanswered=True)
    if not changed.applied:
        return _pend(place, under, count, Added(applied=False, confirm_url=changed.confirm_url, declined=changed.declined))
    syncing.sync_account(under.held.account.pk, patience=5.0)
    return Added(applied=True)


def _pend(place: Place, under: Doing, count: int, added: Added, *, unanswered: bool = False) -> Added:
    """Seven days of waiting, said on both sides; the same operation says it once."""
    until = clock.now() + PENDING_FOR
    with sides.control_unit():
        row, _made = PendingChange.objects.get_or_create(
            subscription=under.held.subscription, kind="seats", state="waiting",
            defaults={"target": {**under.act.target, "added": count, "unanswered": unanswered}, "effective_at": until, "asked_by": under.act.actor},
        )  # fmt: skip
    with sides.unit(place):
        PendingSeats.objects.get_or_create(operation=under.act.operation, defaults={"count": count, "until": row.effective_at})
    return replace(added, pending=count, until=row.effective_at)


def _settle(place: Place, had: Held, *, state: str) -> None:
    with sides.control_unit():
        PendingChange.objects.filter(subscription=had.subscription, kind="seats", state="waiting").update(state=state)
    with sides.unit(place):
        PendingSeats.objects.filter(settled_at=None).update(settled_at=clock.now())


def _none_waits(had: Held) -> None:
    had.require_live()
    row = waiting(had, "seats")
    if row is None:
        return
    if row.effective_at > clock.now():
        raise SeatsWait(count=row.target["added"], until=row.effective_at.date().isoformat())
    PendingChange.objects.filter(pk=row.pk).update(state="lapsed")


def _more(had: Held, count: int) -> Any:
    had.require_live()
    present = targets.present(had)
    return replace(present, seats=present.seats + count)


def _days_are_sold(had: Held) -> None:
    """A plan without a price of the day has no occasional seats: nothing is given away by mistake."""
    if not pricing.read(had.subscription.plan.terms).day.get(had.subscription.currency):
        raise Invalid(fields={"days": [str(_("This plan has no seats by the day."))]})


def _nobody_by_the_day(place: Place) -> None:
    with sides.unit(place):
        count = User.objects.filter(seat=Seat.OCCASIONAL, access__in=(Access.ACTIVE, Access.INVITED), role__view_only=False).count()
    if count:
        raise Invalid(fields={"days": [str(_("People with a seat by the day: {count}. Give them another kind of seat first.")).format(count=count)]})


def _positive(count: int) -> None:
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= targets.MOST_SEATS:
        raise targets.BadQuantity(least=1, most=figure(targets.MOST_SEATS))


def _stored(added: Added) -> dict[str, Any]:
    return {**asdict(added), "until": added.until.isoformat() if added.until else None}


def _read(kept: Mapping[str, Any]) -> Added:
    until = kept.get("until")
    return Added(kept["applied"], kept["pending"], datetime.fromisoformat(until) if until else None, kept["confirm_url"], kept["declined"])


