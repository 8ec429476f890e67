"""Taking a seat: one function for invitation, acceptance, return and another role; races for the last one are decided by the database (`kernel.gates`)."""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from crm_platform.kernel import clock, gates, seating
from crm_platform.kernel.errors import CrmError, PlanRefusal

from .models import Access, Role, Seat, SeatState, User
from .roles import OWNER

PENDING_FOR = timedelta(days=7)
FIELDS = ("seat", "seat_state", "seat_since")


class NoSeat(CrmError):
    """The person's account is there, without a seat at present."""

    code, status = "no_seat", 403
    heading = _("There is no seat for you at present")
    sentence = _("Your firm has fewer seats now than people. Everything you made is kept under your name; an administrator can give you a seat in the settings.")


class SeatsTaken(PlanRefusal):
    """The seats became fewer after somebody was invited."""

    code = "seats_taken"
    sentence = _("All seats of the firm are taken at present. Your invitation stays good: an administrator can make room for you.")


def metric_of(role: Role) -> str:
    """Which limit a seat of the role counts against."""
    return "viewers" if role.view_only else "users"


def take_seat(person: User, role: Role) -> None:
    """Give a person the seat that a role needs; the one held before is given back. Raises PlanRefusal where there is none; the caller saves.

    Where all are taken and seats wait for their payment, the person has one of those: it looks only, for seven days.
    """
    metric = metric_of(role)
    if person.pk is not None and held_metric(person) == metric:
        return
    if metric == "users" and person.seat == Seat.OCCASIONAL and role.code != OWNER:
        free_seat(person)
        _set(person, SeatState.HELD)
        return
    state = SeatState.HELD
    try:
        gates.require(metric)
    except PlanRefusal:
        if metric != "users" or role.code == OWNER:
            raise
        if _waits_already(person):
            return
        if seating.pending_room() < 1:
            raise
        state = SeatState.PENDING
    free_seat(person)
    _set(person, state)
    if state == SeatState.PENDING and person.pk is not None:
        person.save(update_fields=["seat_state", "seat_since"])  # the next who asks counts this one


def require_room(role: Role, *, adding: int) -> None:
    """Raises PlanRefusal where not all of so many would have a seat, or one that waits for its payment: then none of them is let in."""
    metric = metric_of(role)
    room = gates.usage(metric).room
    if room is not None and room + (seating.pending_room() if metric == "users" else 0) < adding:
        gates.require(metric, adding=adding)


def free_seat(person: User) -> None:
    """Give back what a person holds."""
    metric = held_metric(person)
    if metric:
        gates.free(metric)


def held_metric(person: User) -> str:
    """Which limit the person counts against at present; "" for none: without access, without a seat, waiting for one, or paid by the day."""
    if person.pk is None or person.access not in (Access.ACTIVE, Access.INVITED):
        return ""
    if person.role.view_only:
        return "viewers"
    return "users" if person.seat == Seat.NAMED and person.seat_state == SeatState.HELD else ""


def confirm_seat(person: User) -> None:
    """Before an invited person comes in: the seat that was kept must still be there. Raises SeatsTaken."""
    metric = held_metric(person)
    if not metric or person.role.code == OWNER:
        return
    usage = gates.usage(metric)
    if usage.ceiling is not None and usage.used > usage.ceiling:
        raise SeatsTaken(metric=metric, limit=usage.limit, ceiling=usage.ceiling, used=usage.used)


def _waits_already(person: User) -> bool:
    return person.access in (Access.ACTIVE, Access.INVITED) and person.seat_state == SeatState.PENDING and not person.role.view_only and not _lapsed(person)


def looks_only(person: User) -> bool:
    """Whether the person waits for a seat's payment."""
    return person.seat_state == SeatState.PENDING and person.role.code != OWNER


def admit(person: User, *, working: bool = True, counted: bool = True) -> None:
    """Before a person's request: raises NoSeat, or what the firm's kind of seats refuses. `working`: a person at a desk, not a program with a token.

    Not `counted`: what a page that is merely open asks for by itself takes no place at work and no day.
    """
    if person.role.code == OWNER or person.role.view_only:
        return
    if person.seat_state != SeatState.HELD:
        _seat_again(person)
    if person.seat_state == SeatState.NONE or (person.seat_state == SeatState.PENDING and _lapsed(person)):
        raise NoSeat(ask="/seat-asked")
    occasional = person.seat == Seat.OCCASIONAL
    if person.seat_state == SeatState.HELD and counted and (working or occasional):
        seating.admit(person.pk, occasional=occasional)


def _seat_again(person: User) -> None:
    """A free seat goes to who waits for one; one whom the firm left out comes back once it has more seats than then."""
    if person.seat == Seat.NAMED and seating.may_come_back(chosen=person.seat_state == SeatState.NONE):
        gates.require("users")
        _set(person, SeatState.HELD)
        person.save(update_fields=["seat_state", "seat_since"])


def _lapsed(person: User) -> bool:
    return person.seat_since is None or clock.now() >= person.seat_since + PENDING_FOR


def _set(person: User, state: str) -> None:
    person.seat_state, person.seat_since = state, clock.now()
