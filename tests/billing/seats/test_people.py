"""Seats as people have them: taken, kept, left, waited for, shared, counted by days."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections

from billing.metering import notices, proof
from billing.metering.models import Counter
from billing.seats import admitting, asking, choosing, terms
from billing.seats.models import PendingSeats, SeatPlace
from billing.seats.terms import SeatTerms
from crm_platform.accounts import seats, services, tokens
from crm_platform.accounts.actors import actor_of
from crm_platform.accounts.models import Access, Role, SeatState, User
from crm_platform.accounts.seats import NoSeat, SeatsTaken
from crm_platform.db import sides
from crm_platform.kernel import clock
from crm_platform.kernel.errors import Forbidden, Invalid, NotFound, PlanRefusal
from crm_platform.kernel.permissions import robot
from tenants.inside import services as inside
from tests.billing.buying import operation
from tests.conftest import PASSWORD, Door
from tests.factories.cast import cast

HOUSE = robot("test")


def limit(door: Door, users: int | None) -> None:
    """What a told plan leads to; 14 days over, so that no buffer is left."""
    with sides.unit(door.place):
        inside.write_state(door.place, operation(), limits={**inside.state().limits, "users": users, "viewers": 10})
        Counter.objects.update_or_create(metric="users", defaults={"reached_at": clock.now() - timedelta(days=15)})


def role(code: str) -> int:
    return Role.objects.get(code=code).pk


def invite(door: Door, *names: str, code: str = "seller") -> list[User]:
    with door.unit():
        return services.invite(HOUSE, emails=[f"{name}@veldhuis.example" for name in names], role_id=role(code))


def come(door: Door, person: User) -> User:
    with door.unit():
        fresh = User.objects.get(pk=person.pk)
        token = tokens.invite_link(fresh).rstrip("/").rsplit("/", 1)[-1]
        return services.accept(token, name=fresh.name.title(), password=PASSWORD)


def counted(door: Door) -> tuple[int, int]:
    """Counter and count."""
    with door.unit():
        found = proof.prove()["users"]
    assert found["counter"] == found["count"]
    return found["counter"], found["count"]


def states(door: Door) -> dict[str, str]:
    with door.unit():
        return {str(person.email).split("@")[0]: person.seat_state for person in User.objects.exclude(email=None)}


def at_once(*doing: Callable[[], Any]) -> list[str]:
    found: list[str] = []

    def one(do: Callable[[], Any]) -> None:
        try:
            do()
            found.append("done")
        except PlanRefusal as error:
            found.append(error.code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one, args=(do,)) for do in doing]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(found)


def test_case_61_two_invitations_on_the_last_seat(doors: Door) -> None:
    limit(doors, 2)
    assert at_once(lambda: invite(doors, "ann"), lambda: invite(doors, "ben")) == ["done", "limit_reached"]
    assert counted(doors) == (2, 2)
    with pytest.raises(PlanRefusal):
        invite(doors, "cas")
    assert len(states(doors)) == 2


def test_case_61_accepting_after_the_seats_fell(doors: Door) -> None:
    limit(doors, 3)
    ann, ben = invite(doors, "ann", "ben")
    limit(doors, 2)
    with pytest.raises(SeatsTaken):
        come(doors, ann)
    with doors.unit():
        assert User.objects.get(pk=ann.pk).access == Access.INVITED
        services.deactivate(HOUSE, pk=ben.pk)
    assert come(doors, ann).access == Access.ACTIVE
    assert counted(doors) == (2, 2)


def test_case_61_return_and_another_role_at_the_limit(doors: Door) -> None:
    limit(doors, 2)
    ann = invite(doors, "ann")[0]
    vera = invite(doors, "vera", code="viewer")[0]
    with doors.unit(), pytest.raises(PlanRefusal):
        services.change_place(HOUSE, pk=vera.pk, role_id=role("seller"), group_id=None)
    with doors.unit():
        services.deactivate(HOUSE, pk=ann.pk)
    with doors.unit():
        services.change_place(HOUSE, pk=vera.pk, role_id=role("seller"), group_id=None)
    with pytest.raises(PlanRefusal), doors.unit():
        services.activate(HOUSE, pk=ann.pk)
    assert counted(doors) == (2, 2)
    with doors.unit():
        services.change_place(HOUSE, pk=vera.pk, role_id=role("viewer"), group_id=None)
        services.activate(HOUSE, pk=ann.pk)
    assert counted(doors) == (2, 2)


def test_of_many_invitations_all_or_none(doors: Door) -> None:
    limit(doors, 3)
    with pytest.raises(PlanRefusal):
        invite(doors, "ann", "ben", "cas")
    assert (len(states(doors)), counted(doors)) == (1, (1, 1))


def pending(door: Door, count: int) -> None:
    with door.unit():
        PendingSeats.objects.create(operation=operation(), count=count, until=clock.now() + timedelta(days=7))


def test_a_seat_that_waits_for_its_payment_looks_only_for_seven_days(doors: Door) -> None:
    limit(doors, 1)
    pending(doors, 2)
    assert at_once(lambda: invite(doors, "ann"), lambda: invite(doors, "ben"), lambda: invite(doors, "cas")) == ["done", "done", "limit_reached"]
    assert counted(doors) == (1, 1)
    with doors.unit():
        person = User.objects.select_related("role", "group").filter(seat_state=SeatState.PENDING).first()
    come(doors, person)
    browser = doors.client(person.email)
    assert browser.get("/contacts").status_code == 200
    assert browser.post("/contacts/new", {"name": "X"}).status_code == 403
    with doors.unit():
        person = User.objects.select_related("role", "group").get(pk=person.pk)
        assert actor_of(person).view_only
    with clock.frozen(clock.now() + timedelta(days=8)):
        assert browser.get("/contacts").status_code == 403
    limit(doors, 3)  # it is paid
    assert browser.get("/contacts").status_code == 200
    with doors.unit():
        assert User.objects.get(pk=person.pk).seat_state == SeatState.HELD
    assert counted(doors) == (2, 2)


def test_case_66_twelve_people_and_five_seats(doors: Door) -> None:
    limit(doors, 12)
    people = [*invite(doors, *[f"p{n}" for n in range(6)]), *invite(doors, *[f"q{n}" for n in range(5)])]
    for person in people:
        come(doors, person)
    assert counted(doors) == (12, 12)
    limit(doors, 5)
    chosen = [person.pk for person in people[3:7]]
    with doors.unit():
        with pytest.raises(Invalid):
            choosing.choose_who_stays(HOUSE, people=[person.pk for person in people[:5]])  # and the owner: six
        with pytest.raises(NotFound):
            choosing.choose_who_stays(HOUSE, people=[10**9])
        out = choosing.choose_who_stays(HOUSE, people=chosen)
    assert len(out) == 7
    assert states(doors)["olga"] == SeatState.HELD  # who was not named, and is the owner
    assert counted(doors) == (5, 5)
    browser = doors.client("p0@veldhuis.example")
    page = browser.get("/contacts")
    assert page.status_code == 403
    assert b"administrator can give you a seat" in page.content
    assert doors.client("p4@veldhuis.example").get("/contacts").status_code == 200
    with doors.unit():  # a freed seat stays free: the firm had chosen
        services.deactivate(HOUSE, pk=chosen[0])
    assert browser.get("/contacts").status_code == 403
    limit(doors, 12)
    assert browser.get("/contacts").status_code == 200
    assert states(doors)["p0"] == SeatState.HELD
    with doors.unit():
        assert "seats.chosen" in set(_events())


def _events() -> list[str]:
    from crm_platform.events.models import Event

    return list(Event.objects.values_list("name", flat=True))


def test_where_nobody_chooses_the_order_does_after_14_days(doors: Door) -> None:
    limit(doors, 4)
    invite(doors, "ann", "ben")
    invite(doors, "ada", code="administrator")
    with doors.unit():
        assert choosing.settle_over() == []
    limit(doors, 2)
    with doors.unit():
        out = choosing.settle_over()
    assert sorted(str(person.email) for person in out) == ["ann@veldhuis.example", "ben@veldhuis.example"]
    assert counted(doors) == (2, 2)


def test_who_may_choose_and_give_kinds_of_seats(inside) -> None:
    people = cast()
    with pytest.raises(choosing.OwnersChoose):
        choosing.choose_who_stays(people["administrator"], people=[])
    assert not User.objects.filter(seat_state="none").exists()
    for name in ("manager", "seller", "viewer"):
        with pytest.raises(Forbidden):
            choosing.choose_who_stays(people[name], people=[])
        with pytest.raises(Forbidden):
            choosing.set_kind(people[name], pk=people["seller"].user_id or 0, kind="occasional")


@pytest.fixture
def sold(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Says what kind of seats the workspace has."""

    def say(**values: Any) -> None:
        for module in (admitting, choosing, terms):
            monkeypatch.setattr(module, "terms", lambda: SeatTerms(**values))

    return say


def test_of_n_people_k_work_at_the_same_time(doors: Door, sold) -> None:
    limit(doors, None)
    people = [come(doors, person) for person in invite(doors, "ann", "ben", "cas")]
    sold(kind="concurrent", bought=2)
    ann, ben, cas = (doors.client(person.email) for person in people)
    assert [browser.get("/contacts").status_code for browser in (ann, ben)] == [200, 200]
    refused = cas.get("/contacts")
    assert refused.status_code == 402
    assert b"Ann, Ben" in refused.content
    assert doors.client().get("/contacts").status_code == 200  # the owner is never kept out
    with doors.unit():
        SeatPlace.objects.filter(person=people[0].pk).update(until=clock.real_now() - timedelta(seconds=1))
    assert cas.get("/contacts").status_code == 200
    assert ann.get("/contacts").status_code == 402
    with doors.unit():
        assert sorted(admitting.at_work()) == sorted([people[1].pk, people[2].pk])


def test_the_last_shared_place_goes_to_one(doors: Door, sold) -> None:
    sold(kind="concurrent", bought=3)

    def take(person: int) -> None:
        with doors.unit():
            try:
                admitting.take_place(person)
            except admitting.AllAtWork as error:
                raise PlanRefusal(what="", held=0, taken=0) from error

    found = at_once(*[lambda person=person: take(person) for person in range(100, 108)])
    assert found == ["done"] * 3 + ["limit_reached"] * 5
    with doors.unit():
        assert len(admitting.at_work()) == 3


def test_occasional_seats_are_counted_by_day_up_to_the_ceiling(doors: Door, sold) -> None:
    limit(doors, 3)
    people = [come(doors, person) for person in invite(doors, "ann", "ben")]
    with doors.unit(), pytest.raises(Invalid):
        choosing.set_kind(HOUSE, pk=people[0].pk, kind="occasional")  # no ceiling: none are sold
    sold(occasional=2)
    with doors.unit():
        for person in people:
            choosing.set_kind(HOUSE, pk=person.pk, kind="occasional")
    assert counted(doors) == (1, 1)
    ann, ben = (doors.client(person.email) for person in people)
    assert [browser.get("/contacts").status_code for browser in (ann, ann, ben)] == [200, 200, 200]
    with doors.unit():
        assert admitting.days_used(admitting.today().replace(day=1)) == 2
    with clock.frozen(clock.now().replace(day=28) + timedelta(days=1)):
        if admitting.today().month == clock.real_now().month:
            refused = ann.get("/contacts")
            assert refused.status_code == 402
            assert b"An administrator can raise the ceiling" in refused.content
    with doors.unit():
        choosing.set_kind(HOUSE, pk=people[0].pk, kind="named")
    assert counted(doors) == (2, 2)


def test_the_owner_cannot_be_unseated(doors: Door) -> None:
    limit(doors, 1)
    with doors.unit():
        owner = User.objects.select_related("role").get(role__code="owner")
        choosing.choose_who_stays(HOUSE, people=[])
        owner.refresh_from_db()
        assert owner.seat_state == SeatState.HELD
        with pytest.raises(Invalid):
            choosing.set_kind(HOUSE, pk=owner.pk, kind="occasional")
        owner.seat_state = SeatState.NONE
        seats.admit(owner)
        seller = User(role=Role.objects.get(code="seller"), seat_state=SeatState.NONE)
        choosing.SeatChoice.objects.create(seats=1)
        with pytest.raises(NoSeat):
            seats.admit(seller)


def test_who_has_no_seat_asks_the_administrators_once_a_day(inside) -> None:
    from crm_platform.letters.models import Letter

    people = cast()
    person = User.objects.select_related("role", "group").get(pk=people["seller"].user_id)
    before = Letter.objects.count()
    assert asking.ask(person) >= 3  # the firm's owner, and two of the cast
    assert asking.ask(person) == 0
    assert Letter.objects.count() - before >= 3
    with clock.frozen(clock.now() + timedelta(days=2)):
        assert asking.ask(person) >= 3


def test_more_seats_bring_back_whom_the_firm_had_left_out(doors: Door) -> None:
    with doors.unit():
        owner = actor_of(User.objects.select_related("role", "group").get(role__code="owner"))
    limit(doors, None)
    people = invite(doors, "ada", "ben", "cor")
    limit(doors, 2)
    with doors.unit():
        choosing.choose_who_stays(owner, people=[people[0].pk])
    limit(doors, 3)
    with doors.unit():
        assert [str(person.email).split("@")[0] for person in choosing.bring_back()] == ["ben"]
    assert (states(doors)["ben"], states(doors)["cor"], counted(doors)) == ("held", "none", (3, 3))
    limit(doors, 2)
    with doors.unit():
        assert choosing.bring_back() == []
    limit(doors, None)
    with doors.unit():
        assert [str(person.email).split("@")[0] for person in choosing.bring_back()] == ["cor"]


def test_seats_that_were_bought_may_be_full_only_more_people_than_seats_are_news(doors: Door) -> None:
    def told(users: int, **seats: int) -> bool:
        with doors.unit():
            inside.write_state(doors.place, operation(), limits={**inside.state().limits, "users": users}, seats=seats)
        with doors.unit():
            return "users" in notices.tell()

    invite(doors, "ada")
    assert told(2, bought=2) is False
    with doors.unit():
        Counter.objects.filter(metric="users").update(noticed=0)
    assert told(1, bought=1) is True
    with doors.unit():
        Counter.objects.filter(metric="users").update(noticed=0)
    assert told(2) is True
