"""Somebody who cannot come in asks an administrator, at most once a day; the administrator lets the person in for a day, gives a seat, or refuses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from billing import rights
from billing.subscribing import changing, targets
from billing.subscribing.accounts import held
from crm_platform.accounts import directory, roles
from crm_platform.accounts.actors import actor_of
from crm_platform.accounts.models import Access, Seat, SeatState, User
from crm_platform.accounts.roles import OWNER, PEOPLE
from crm_platform.db import sides
from crm_platform.events.backbone import emit
from crm_platform.events.models import Event
from crm_platform.kernel import access, clock, gates, workspace
from crm_platform.kernel.errors import Conflict, NotFound
from crm_platform.kernel.permissions import Action, Actor, require
from crm_platform.kernel.workspace import Place
from crm_platform.letters import post

from . import admitting
from .models import SeatRequest

ASKED = "seat.asked"
WAITING, ALLOWED, REFUSED = "waiting", "allowed", "refused"
DAYS, SEAT = "days", "seat"
# So long an administrator's no holds, and so seldom letters are written.
ONCE_IN = timedelta(days=1)


class AnsweredAlready(Conflict):
    """Another administrator was quicker."""

    code = "answered_already"
    sentence = _("{who} has answered this already.")


def ask(person: User) -> int:
    """Write to owners and administrators; returns to how many, 0 where they know it since yesterday or have refused. In the caller's unit."""
    now = clock.now()
    last = latest(person.pk)
    if last is not None and last.state == REFUSED and last.answered_at is not None and last.answered_at > now - ONCE_IN:
        return 0
    SeatRequest.objects.update_or_create(person=person.pk, state=WAITING, defaults={"why": _why(person), "asked_at": now})
    if Event.objects.filter(name=ASKED, record_id=person.pk, at__gt=now - ONCE_IN).exists():
        return 0
    readers = [one for one in directory.everyone().values() if one.role.code in (roles.OWNER, roles.ADMINISTRATOR) and one.access == Access.ACTIVE and one.email]
    for reader in readers:
        post.write(str(reader.email), "seat_asked", language=reader.language, who=person.name, url=workspace.url("/settings/plan/seats"))
    emit(actor_of(person), "seat.asked", entity="person", record_id=person.pk, after={"name": person.name})
    return len(readers)


def entered(sender: Any, *, user: Any = None, **_more: Any) -> None:
    """Somebody logs in: where the days of occasional seats are used up, the log-in asks by itself."""
    if workspace.current() is None or user is None or user.seat != Seat.OCCASIONAL or user.seat_state != SeatState.HELD:
        return
    if access.here().level >= access.Level.READ and not admitting.may_come(user.pk) and user.role.code != OWNER and not user.role.view_only:
        ask(user)


def latest(person: int) -> SeatRequest | None:
    """What the person asked last. Inside the workspace's unit."""
    return SeatRequest.objects.filter(person=person).order_by("-id").first()


def waiting() -> list[tuple[SeatRequest, User]]:
    """Who asks and still cannot come in, who asked first before. Inside the workspace's unit."""
    rows = list(SeatRequest.objects.filter(state=WAITING).order_by("asked_at", "id"))
    people = directory.everyone() if rows else {}
    full = any(row.why == DAYS for row in rows) and admitting.days_left() < 1
    found = [(row, people[row.person]) for row in rows if row.person in people]
    return [(row, person) for row, person in found if person.access == Access.ACTIVE and _kept_out(row, person, full=full)]


def let_in(place: Place, pk: int, *, actor: Actor) -> User:
    """One day more than the ceiling, for this person and today: it comes on the bill like the others. Raises Forbidden, NotFound, AnsweredAlready, NothingBought, AboveCeiling. Opens units of its own."""
    rights.require_to_change(actor)
    with sides.unit(place):
        _open(pk, why=DAYS)
        used = admitting.days_used(admitting.month())
    with sides.control_unit():
        had = held(place)
        had.require_live()
        changing.within_ceiling(had, targets.present(had), days=max(used + 1, had.subscription.occasional_ceiling or 0))
    with sides.unit(place):
        return _answer(actor, _open(pk, why=DAYS), state=ALLOWED, event="seat.let_in", on=admitting.today())


def give_seat(actor: Actor, *, pk: int) -> User:
    """A full seat for who asked, where one is free. In the caller's unit; raises Forbidden, NotFound, AnsweredAlready, PlanRefusal."""
    require(actor, PEOPLE.right(Action.EDIT))
    row = _open(pk, why=SEAT)
    person = User.objects.select_for_update(of=("self",)).select_related("role").get(pk=row.person)
    if person.seat_state != SeatState.HELD:
        gates.require("users")
        person.seat, person.seat_state, person.seat_since = Seat.NAMED, SeatState.HELD, clock.now()
        person.save(update_fields=["seat", "seat_state", "seat_since"])
    return _answer(actor, row, state=ALLOWED, event="seat.changed", after={"seat": Seat.NAMED.value})


def refuse(actor: Actor, *, pk: int) -> User:
    """Not now. In the caller's unit; raises Forbidden, NotFound, AnsweredAlready."""
    rights.require_to_change(actor)
    return _answer(actor, _open(pk), state=REFUSED, event="seat.refused")


def let_in_by_ceiling(actor: Actor, *, days: int) -> list[User]:
    """The ceiling was raised to so many days: those who asked first come in, as far as it reaches. In the workspace's unit."""
    room = days - admitting.days_used(admitting.month())
    rows = SeatRequest.objects.filter(state=WAITING, why=DAYS).order_by("asked_at", "id")[: max(0, room)]
    return [_answer(actor, row, state=ALLOWED, event="") for row in rows]


def _open(pk: int, *, why: str = "") -> SeatRequest:
    row = SeatRequest.objects.select_for_update().filter(pk=pk, **({"why": why} if why else {})).first()
    if row is None:
        raise NotFound
    if row.state != WAITING:
        raise AnsweredAlready(who=row.answered_by)
    return row


def _answer(actor: Actor, row: SeatRequest, *, state: str, event: str, on: Any = None, after: dict[str, Any] | None = None) -> User:
    row.state, row.answered_at, row.answered_by, row.allowed_on = state, clock.now(), actor.name[:200], on
    row.save(update_fields=["state", "answered_at", "answered_by", "allowed_on"])
    person = User.objects.select_related("role").get(pk=row.person)
    if person.email:
        post.write(person.email, "seat_answered", language=person.language, allowed=state == ALLOWED, today=on is not None, who=actor.name, url=workspace.url("/"))
    if event:
        emit(actor, event, entity="person", record_id=person.pk, after={"name": person.name, **(after or {})})
    return person


def _why(person: User) -> str:
    return DAYS if person.seat == Seat.OCCASIONAL and person.seat_state == SeatState.HELD else SEAT


def _kept_out(row: SeatRequest, person: User, *, full: bool) -> bool:
    if row.why == DAYS:
        return full and person.seat == Seat.OCCASIONAL and person.seat_state == SeatState.HELD and not person.role.view_only
    return person.seat_state != SeatState.HELD and not person.role.view_only
