"""Seats bought and given back: to the cent, at once, once; declined, they wait and nothing else changes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing.models import PendingChange
from billing.seats import buying
from billing.seats.buying import SeatsInUse, SeatsWait
from billing.seats.models import PendingSeats
from billing.subscribing import changing, pricing_of, targets
from billing.subscribing.accounts import NothingBought
from billing.subscribing.acts import ChangedMeanwhile
from billing.subscribing.targets import BadQuantity
from crm_platform.db import sides
from crm_platform.kernel import clock
from crm_platform.kernel.errors import Forbidden, NotFound
from tests.billing.buying import Firm, later, operation
from tests.factories.cast import cast


def add(firm: Firm, count: int) -> buying.Added:
    return buying.add(firm.place, count, as_of=buying.preview(firm.place, count).as_of, actor=firm.owner, operation=operation())


def remove(firm: Firm, count: int) -> None:
    buying.remove(firm.place, count, as_of=clock.now(), actor=firm.owner, operation=operation())


def test_a_seat_more_costs_what_was_shown_and_is_there_at_once(firm: Firm) -> None:
    firm.buy()
    before = firm.charged()
    with later(firm.row().period_start + timedelta(days=11, seconds=3)):
        seen = buying.preview(firm.place, 1)
        added = buying.add(firm.place, 1, as_of=seen.as_of, actor=firm.owner, operation=operation())
    assert (added.applied, firm.charged() - before) == (True, seen.now.total)
    assert 0 < seen.now.total < 1_900
    assert (firm.row().seats, firm.ledger()) == (6, [(5, 5), (1, 6)])
    assert {"seats.add"} <= set(firm.journal())
    assert "seats.added" in firm.events()


def test_case_64_a_declined_seat_waits_seven_days_and_no_bill_is_open(firm: Firm) -> None:
    firm.buy()
    before = firm.state()
    firm.provider.decline_next()
    added = add(firm, 2)
    assert (added.applied, added.pending, added.declined) == (False, 2, "card_declined")
    assert added.until is not None
    assert timedelta(days=6, hours=23) < added.until - clock.now() <= timedelta(days=7)
    firm.look()
    assert (firm.state(), firm.row().past_due_since, firm.row().status) == (before, None, "active")
    assert firm.ledger() == [(5, 5)]
    with sides.unit(firm.place):
        assert [row.count for row in PendingSeats.objects.all()] == [2]
    with pytest.raises(SeatsWait):
        add(firm, 1)
    assert "seats.pending" in firm.events()
    firm.provider.decline_next()
    assert not buying.pay_pending(firm.place, actor=firm.owner, operation=operation()).applied
    assert buying.pay_pending(firm.place, actor=firm.owner, operation=operation()).applied
    assert (firm.row().seats, firm.ledger()) == (7, [(5, 5), (2, 7)])
    with pytest.raises(NotFound):
        buying.pay_pending(firm.place, actor=firm.owner, operation=operation())
    with sides.unit(firm.place):
        assert not PendingSeats.objects.filter(settled_at=None).exists()


def test_seats_that_were_not_paid_for_lapse(firm: Firm) -> None:
    firm.buy()
    firm.provider.decline_next()
    add(firm, 2)
    with later(clock.now() + timedelta(days=8)):
        with pytest.raises(NotFound):
            buying.pay_pending(firm.place, actor=firm.owner, operation=operation())
        assert add(firm, 1).applied
    with sides.control_unit():
        assert list(PendingChange.objects.filter(subscription__workspace=firm.door.workspace, kind="seats").values_list("state", flat=True)) == ["lapsed"]
    assert firm.row().seats == 6


def test_seats_that_wait_can_be_given_up(firm: Firm) -> None:
    firm.buy()
    firm.provider.decline_next()
    add(firm, 2)
    buying.give_up_pending(firm.place, actor=firm.owner)
    with pytest.raises(NotFound):
        buying.give_up_pending(firm.place, actor=firm.owner)
    assert add(firm, 1).applied


def test_a_seat_fewer_is_credited_the_same_day(firm: Firm) -> None:
    firm.buy()
    charged = firm.charged()
    with later(firm.row().period_start + timedelta(days=10)):
        owed = buying.preview(firm.place, -2).now.total
        remove(firm, 2)
    assert owed < 0
    assert (firm.row().seats, firm.charged(), firm.account().balance_minor) == (3, charged, owed)
    assert firm.ledger() == [(5, 5), (-2, 3)]
    assert "seats.removed" in firm.events()


def test_case_65_fewer_and_more_in_one_period_is_not_paid_twice(firm: Firm) -> None:
    firm.buy()
    charged = firm.charged()
    with later(firm.row().period_start + timedelta(days=10)):
        remove(firm, 2)
        assert add(firm, 2).applied
    assert (firm.row().seats, firm.charged(), firm.account().balance_minor) == (5, charged, 0)


def test_seats_in_use_are_not_given_back(firm: Firm) -> None:
    firm.buy(seats="2")
    before = firm.state()
    with pytest.raises(SeatsInUse, match="1 seats are in use"):
        remove(firm, 2)
    with pytest.raises(BadQuantity):
        remove(firm, 0)
    assert firm.state() == before


def test_case_63_twenty_at_once_is_one_call_and_a_silent_provider_stops_nobody(firm: Firm) -> None:
    firm.buy()
    assert add(firm, 20).applied
    assert firm.provider.calls.count("apply_change") == 1
    firm.provider.faults = ["before"]
    added = add(firm, 20)
    assert (added.applied, added.pending, firm.row().seats) == (False, 20, 25)
    assert buying.retry_unanswered() == 1
    assert firm.row().seats == 45
    firm.provider.faults = ["after"]
    assert add(firm, 5).pending == 5  # it was done there, and its answer lost
    assert buying.retry_unanswered() == 1
    assert (firm.row().seats, firm.ledger()[-1]) == (50, (5, 50))
    assert buying.retry_unanswered() == 0


def test_case_62_a_seat_given_back_and_a_year_at_once_is_charged_for_the_live_count(firm: Firm) -> None:
    firm.buy()
    target = targets.target_from(firm.place, {"interval": "year"})
    old = pricing_of.preview(firm.place, target)
    remove(firm, 1)
    with pytest.raises(ChangedMeanwhile):
        changing.change(firm.place, target, as_of=old.as_of, actor=firm.owner, operation=operation())
    assert firm.change(interval="year").applied
    assert (firm.row().seats, firm.row().interval) == (4, "year")
    assert next(iter(firm.provider.books.subscriptions.values())).target.seats == 4


def test_what_was_chosen_for_the_next_period_stands_with_the_new_seats(firm: Firm) -> None:
    firm.buy(plan="business")
    firm.change(plan="team")
    assert add(firm, 2).applied
    with later(firm.row().period_end + timedelta(minutes=1)):
        firm.look()
    assert (firm.row().plan.code, firm.row().seats) == ("team", 7)


@pytest.mark.parametrize("count", [0, -1, 10**9, True, 96])
def test_no_other_numbers(firm: Firm, count: int) -> None:
    firm.buy()
    before = firm.state()
    with pytest.raises(BadQuantity):
        buying.add(firm.place, count, as_of=clock.now(), actor=firm.owner, operation=operation())
    assert firm.state() == before


def test_who_may_and_where_nothing_is_bought(firm: Firm) -> None:
    with pytest.raises(NothingBought):
        buying.add(firm.place, 1, as_of=clock.now(), actor=firm.owner, operation=operation())
    firm.buy()
    before = firm.state()
    with sides.unit(firm.place):
        people = cast()
    for name in ("manager", "seller", "viewer"):
        for verb in (buying.add, buying.remove):
            with pytest.raises(Forbidden):
                verb(firm.place, 1, as_of=clock.now(), actor=people[name], operation=operation())
        with pytest.raises(Forbidden):
            buying.set_occasional_ceiling(firm.place, 5, actor=people[name])
    assert firm.state() == before
