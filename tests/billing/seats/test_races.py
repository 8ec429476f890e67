"""Seats on their way: what waits is told as seats, what has come is no longer waited for, and what is given back nobody takes meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from billing.metering import proof
from billing.models import Act
from billing.providers.protocol import ProviderUnavailable
from billing.seats import admitting, buying
from billing.seats.admitting import Seats
from billing.seats.buying import SeatsInUse
from crm_platform.accounts.models import SeatState
from crm_platform.db import sides
from crm_platform.jobs import serving
from crm_platform.kernel import clock, gates
from crm_platform.kernel.errors import PlanRefusal
from tests.billing.buying import Firm, operation
from tests.billing.seats.test_people import invite
from tests.billing.states.test_api import read


def wait(firm: Firm, count: int) -> None:
    """So many seats that wait for their payment."""
    firm.provider.decline_next()
    added = buying.add(firm.place, count, as_of=buying.preview(firm.place, count).as_of, actor=firm.owner, operation=operation())
    assert added.pending == count


def remove(firm: Firm, count: int = 1) -> None:
    buying.remove(firm.place, count, as_of=clock.now(), actor=firm.owner, operation=operation())


def users(firm: Firm) -> tuple[int, int | None]:
    with sides.unit(firm.place):
        usage = gates.usage("users")
        return usage.used, usage.limit


def proved(firm: Firm) -> bool:
    with sides.unit(firm.place):
        found = proof.prove()["users"]
    return bool(found["counter"] == found["count"])


def test_programs_are_told_of_seats_and_not_of_people(firm: Firm) -> None:
    firm.buy()
    wait(firm, 2)
    assert read(firm.door).json()["seats"] == {"bought": 5, "used": 1, "pending": 2}
    buying.give_up_pending(firm.place, actor=firm.owner)
    assert read(firm.door).json()["seats"]["pending"] == 0


def test_seats_that_came_by_the_providers_page_take_nobody_more_in(firm: Firm) -> None:
    firm.buy(seats="2")
    wait(firm, 2)
    for row in firm.provider.books.subscriptions.values():  # the payer confirmed there
        row.target = replace(row.target, seats=4)
    firm.look()
    serving.serve_side(sides.control_unit, seconds=20)
    with sides.unit(firm.place):
        assert (admitting.pending(), Seats().pending_room()) == (0, 0)
    assert read(firm.door).json()["seats"] == {"bought": 4, "used": 1, "pending": 0}
    assert [person.seat_state for person in invite(firm.door, "ann", "ben", "cleo")] == [SeatState.HELD] * 3
    with pytest.raises(PlanRefusal):
        invite(firm.door, "dirk")


def test_other_seats_that_wait_are_not_settled_by_those_that_came(firm: Firm) -> None:
    firm.buy(seats="2")
    wait(firm, 1)
    for row in firm.provider.books.subscriptions.values():
        row.target = replace(row.target, seats=3)
    firm.look()
    wait(firm, 2)  # before the worker has looked
    serving.serve_side(sides.control_unit, seconds=20)
    with sides.unit(firm.place):
        assert admitting.pending() == 2


def test_a_seat_that_is_given_back_goes_to_nobody_meanwhile(firm: Firm, monkeypatch: Any) -> None:
    firm.buy(seats="3")
    real, refused = firm.provider.apply_change, []

    def slow(*given: Any, **more: Any) -> Any:
        invite(firm.door, "ann")
        with pytest.raises(PlanRefusal):
            invite(firm.door, "ben")
        refused.append("ben")
        return real(*given, **more)

    monkeypatch.setattr(firm.provider, "apply_change", slow)
    remove(firm)
    assert (users(firm), firm.row().seats, refused) == ((2, 2), 2, ["ben"])
    assert proved(firm)


def test_taken_between_the_look_and_the_click_they_stay(firm: Firm) -> None:
    firm.buy(seats="3")
    invite(firm.door, "ann", "ben")
    before = firm.state()
    with pytest.raises(SeatsInUse, match="3 seats are in use"):
        remove(firm)
    assert (firm.state(), users(firm), proved(firm)) == (before, (3, 3), True)


@pytest.mark.parametrize("error", [ProviderUnavailable, SeatsInUse])
def test_not_given_back_they_are_free_again(firm: Firm, monkeypatch: Any, error: Any) -> None:
    firm.buy(seats="3")

    def refuse(*given: Any, **more: Any) -> Any:
        raise error(used=1)

    monkeypatch.setattr(firm.provider, "apply_change", refuse)
    with pytest.raises(error):
        remove(firm)
    assert (users(firm), firm.row().seats, proved(firm)) == ((1, 3), 3, True)
    invite(firm.door, "ann", "ben")


def test_seats_given_back_whose_answer_was_lost_are_given_back_once(firm: Firm) -> None:
    firm.buy(seats="9")
    key, as_of = operation(), buying.preview(firm.place, -2).as_of
    firm.provider.faults.append("after")
    with pytest.raises(ProviderUnavailable):
        buying.remove(firm.place, 2, as_of=as_of, actor=firm.owner, operation=key)
    firm.look()  # an event came before the same form was sent again
    assert firm.row().seats == 7
    buying.remove(firm.place, 2, as_of=as_of, actor=firm.owner, operation=key)
    assert (firm.row().seats, firm.ledger(), proved(firm)) == (7, [(9, 9), (-2, 7)], True)
    assert firm.events().count("seats.removed") == 1


def test_a_page_that_died_after_the_payment_pays_no_second_time(firm: Firm, monkeypatch: Any) -> None:
    firm.buy()
    key, as_of, before = operation(), buying.preview(firm.place, 1).as_of, firm.charged()
    real = buying.apply_now

    def dies(*given: Any, **more: Any) -> Any:
        real(*given, **more)
        raise RuntimeError

    monkeypatch.setattr(buying, "apply_now", dies)
    with pytest.raises(RuntimeError):
        buying.add(firm.place, 1, as_of=as_of, actor=firm.owner, operation=key)
    monkeypatch.setattr(buying, "apply_now", real)
    paid = firm.charged() - before
    firm.look()
    assert (firm.row().seats, paid > 0) == (6, True)
    assert buying.add(firm.place, 1, as_of=as_of, actor=firm.owner, operation=key).applied
    assert (firm.row().seats, firm.charged() - before) == (6, paid)


def test_what_was_lost_is_reckoned_anew_once_something_else_was_done(firm: Firm) -> None:
    firm.buy(seats="9")
    firm.provider.faults = ["before"]
    assert buying.add(firm.place, 2, as_of=buying.preview(firm.place, 2).as_of, actor=firm.owner, operation=operation()).pending == 2
    firm.provider.faults = ["before"]
    assert buying.retry_unanswered() == 0
    with sides.control_unit():
        Act.objects.filter(account__workspace=firm.door.workspace, state="open").update(until=clock.real_now() - timedelta(seconds=1))
    remove(firm, 3)
    assert buying.retry_unanswered() == 1
    assert firm.row().seats == 9 - 3 + 2


def test_seats_that_wait_are_asked_for_again_after_another_act(firm: Firm) -> None:
    firm.buy()
    firm.provider.faults = ["before"]
    assert buying.add(firm.place, 2, as_of=buying.preview(firm.place, 2).as_of, actor=firm.owner, operation=operation()).pending == 2
    account = firm.account()
    with sides.control_unit():
        Act.objects.create(account=account, operation=operation(), kind="plan.change", actor="somebody", until=clock.real_now() + timedelta(seconds=30))
    assert buying.retry_unanswered() == 0
    with sides.control_unit():
        Act.objects.filter(account__workspace=firm.door.workspace, state="open").update(until=clock.real_now() - timedelta(seconds=1))
    assert buying.retry_unanswered() == 1
    assert firm.row().seats == 7


def test_waiting_seats_are_paid_for_as_of_the_first_try(firm: Firm, monkeypatch: Any) -> None:
    firm.buy()
    wait(firm, 1)
    real, asked = firm.provider.apply_change, []

    def told(subscription: str, target: Any, *, as_of: Any, key: str) -> Any:
        asked.append((key, as_of))
        return real(subscription, target, as_of=as_of, key=key)

    monkeypatch.setattr(firm.provider, "apply_change", told)
    key, firm.provider.faults = operation(), ["before"]
    with pytest.raises(ProviderUnavailable):
        buying.pay_pending(firm.place, actor=firm.owner, operation=key)
    assert buying.pay_pending(firm.place, actor=firm.owner, operation=key).applied
    assert (len(asked), asked[0] == asked[1]) == (2, True)  # with one key nothing else may be asked
