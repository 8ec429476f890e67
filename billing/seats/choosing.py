"""Who stays when there are fewer seats than people. Nobody's records vanish; those left out keep their account and come back with the seats."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.metering.models import Counter
from crm_platform.accounts import roles, services
from crm_platform.accounts.models import Access, Role, Seat, SeatState, User
from crm_platform.accounts.roles import OWNER, PEOPLE
from crm_platform.events.backbone import emit
from crm_platform.kernel import clock, gates, seating
from crm_platform.kernel.errors import Forbidden, Invalid, NotFound
from crm_platform.kernel.permissions import Action, Actor, ActorKind, as_ever, require, robot

from .models import SeatChoice
from .terms import terms

# So long the firm may choose by itself; then the order below decides.
TO_CHOOSE = timedelta(days=14)
# A seat of a role that only looks: free.
VIEWER = "viewer"


class OwnersChoose(Forbidden):
    """Whoever manages people moves nobody off their seat: that is an owner's word (billing.md, part 2)."""

    code = "owners_choose"
    sentence = _("Who stays is chosen by an owner of the workspace.")


def may_choose(actor: Actor) -> bool:
    """Whether the actor says who stays: an owner, or the house itself."""
    return actor.kind == ActorKind.ROBOT or actor.role == OWNER


def seated() -> list[User]:
    """Those who have a seat or were left without one, in the order in which they would stay: owners, administrators, then who was here last."""
    rows = User.objects.select_related("role").filter(Q(seat_state=SeatState.HELD) | Q(seat_state=SeatState.NONE), access__in=(Access.ACTIVE, Access.INVITED), role__view_only=False, seat=Seat.NAMED)
    rank = {OWNER: 0, roles.ADMINISTRATOR: 1}
    return sorted(rows, key=lambda person: (rank.get(person.role.code, 2), -(person.last_seen_at.timestamp() if person.last_seen_at else 0), person.pk))


def choose_who_stays(actor: Actor, *, people: Collection[int]) -> list[User]:
    """These keep a seat, the others are left without one, for now; owners always stay. Returns those left out. In the caller's unit.

    Raises Forbidden (OwnersChoose), NotFound for a person who is not there, Invalid where more are chosen than there are seats.
    """
    require(as_ever(actor), PEOPLE.right(Action.EDIT))
    if not may_choose(actor):
        raise OwnersChoose
    rows = seated()
    if unknown := set(people) - {person.pk for person in rows}:
        raise NotFound(people=sorted(unknown))
    stay = set(people) | {person.pk for person in rows if person.role.code == OWNER}
    limit = gates.usage("users").limit
    if limit is not None and len(stay) > max(limit, sum(1 for person in rows if person.role.code == OWNER)):
        raise Invalid(fields={"people": [str(_("There are {seats} seats, and {chosen} people were chosen, owners included.")).format(seats=limit, chosen=len(stay))]})
    return _seat(actor, rows, stay, limit=limit)


def settle_over() -> list[User]:
    """Where the firm has not chosen for 14 days, the order decides: who is left out. In the caller's unit; nothing where all fit."""
    usage = gates.usage("users")
    row = Counter.objects.filter(metric="users").first()
    since = row.reached_at if row else None
    if usage.limit is None or usage.used <= usage.limit or since is None or clock.now() < since + TO_CHOOSE:
        return []
    rows = [person for person in seated() if person.seat_state == SeatState.HELD]
    return _seat(robot("billing"), rows, {person.pk for person in rows[: usage.limit]} | {person.pk for person in rows if person.role.code == OWNER}, limit=usage.limit)


def bring_back() -> list[User]:
    """There are more seats than when some were left out: they have theirs again, in the order in which they would have stayed. In the caller's unit; returns them."""
    usage = gates.usage("users")
    if not seating.may_come_back(chosen=True):
        return []
    rows = seated()
    left = [person for person in rows if person.seat_state == SeatState.NONE]
    back = left if usage.limit is None else left[: max(0, usage.limit - usage.used)]
    for person in back:
        gates.require("users")
        person.seat_state, person.seat_since = SeatState.HELD, clock.now()
        person.save(update_fields=["seat_state", "seat_since"])
    if back:
        stay = sorted(person.pk for person in rows if person.seat_state == SeatState.HELD)
        emit(robot("billing"), "seats.chosen", entity="workspace", record_id=None, after={"people": stay, "left_out": [person.pk for person in left if person not in back]}, also=["workspace:1"])
    return back


def _seat(actor: Actor, rows: list[User], stay: set[int], *, limit: int | None) -> list[User]:
    now, out = clock.now(), []
    for person in rows:
        state = SeatState.HELD if person.pk in stay else SeatState.NONE
        if state == SeatState.NONE:
            out.append(person)
        if person.seat_state == state:
            continue
        if state == SeatState.NONE:
            gates.free("users")
        else:
            gates.restore("users")
        person.seat_state, person.seat_since = state, now
        person.save(update_fields=["seat_state", "seat_since"])
    SeatChoice.objects.create(seats=limit or len(rows))
    emit(actor, "seats.chosen", entity="workspace", record_id=None, after={"people": sorted(stay), "left_out": [person.pk for person in out]}, also=["workspace:1"])
    return out


def set_kind(actor: Actor, *, pk: int, kind: str) -> User:
    """Give a person a full seat, or one paid by the active day. In the caller's unit; raises Forbidden, NotFound, Invalid, PlanRefusal."""
    require(actor, PEOPLE.right(Action.EDIT))
    person = User.objects.select_for_update(of=("self",)).select_related("role").filter(pk=pk).first()
    if person is None:
        raise NotFound
    if kind not in Seat.values or (kind == Seat.OCCASIONAL and (person.role.code == OWNER or terms().occasional is None)):
        raise Invalid(fields={"seat": [_("This kind of seat cannot be given: owners have full seats, and occasional ones need their ceiling first.")]})
    if person.seat == kind:
        return person
    counted = person.access in (Access.ACTIVE, Access.INVITED) and not person.role.view_only
    if kind == Seat.NAMED:
        gates.require("users", adding=int(counted))
    elif counted and person.seat_state == SeatState.HELD:
        gates.free("users")
    before, person.seat = person.seat, kind
    person.seat_state, person.seat_since = SeatState.HELD, clock.now()
    person.save(update_fields=["seat", "seat_state", "seat_since"])
    emit(actor, "seat.changed", entity="person", record_id=pk, before={"seat": before}, after={"seat": kind, "name": person.name})
    return person


def give(actor: Actor, *, pk: int, kind: str, role_id: int) -> User:
    """Give a person a kind of seat with a role that goes with it: "named", "occasional", or "viewer" for a role that only looks. In the caller's unit; raises as `set_kind` and `change_place` do."""
    require(actor, PEOPLE.right(Action.EDIT))
    person = User.objects.select_related("role").filter(pk=pk, access__in=(Access.ACTIVE, Access.INVITED)).first()
    role = Role.objects.filter(pk=role_id).first()
    if person is None:
        raise NotFound
    if kind not in (*Seat.values, VIEWER) or (kind == VIEWER and person.role.code == OWNER):
        raise Invalid(fields={"kind": [str(_("This kind of seat cannot be given: owners have full seats, and occasional ones need their ceiling first."))]})
    if role is None or role.view_only != (kind == VIEWER):
        raise Invalid(fields={"role": [str(_("Choose a role that goes with this kind of seat."))]})
    if kind != VIEWER and person.role.view_only:
        set_kind(actor, pk=pk, kind=kind)  # before the role: then it counts as what it will be
    if role.pk != person.role_id:
        services.change_place(actor, pk=pk, role_id=role.pk, group_id=person.group_id)
    return set_kind(actor, pk=pk, kind=Seat.NAMED.value if kind == VIEWER else kind)
