"""Seats by the day on the bill: on the next one at their own plan's price; the last of them on a bill of their own; none twice, none forgotten, none for nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError

from billing import telling
from billing.models import DayStretch
from billing.seats import admitting, buying, days
from billing.seats.models import SeatDay
from billing.subscribing import life, pausing
from crm_platform.db import sides
from tests.billing.buying import Firm, firm_at, later, operation
from tests.conftest import Door
from tests.tenants.lives import let_go

BEGIN = datetime(2027, 3, 10, 9, tzinfo=UTC)
END = datetime(2027, 4, 10, 9, tzinfo=UTC)


@pytest.fixture
def sold(firm: Firm) -> Firm:
    """Team for five, and twenty days a month by the day."""
    return by_the_day(firm)


def by_the_day(firm: Firm) -> Firm:
    with later(BEGIN):
        firm.buy()
        buying.set_occasional_ceiling(firm.place, 20, actor=firm.owner)
    return firm


def worked(firm: Firm, *on: tuple[int, int]) -> None:
    """Month and day on which somebody came in."""
    with sides.unit(firm.place):
        SeatDay.objects.bulk_create([SeatDay(person=7, day=datetime(2027, month, day, tzinfo=UTC).date()) for month, day in on])


def rounds(firm: Firm, at: datetime) -> int:
    """What the chores do, three times at one moment; the firm's own alone."""
    with later(at):
        firm.look()
        done = [(days.take_up_leaving(), days.settle_stretches(), days.charge_last_month()) for _time in range(3)]
        firm.look()
    return sum(bills for _left, bills, _months in done)


def stretches(firm: Firm) -> list[tuple[Any, ...]]:
    account = firm.account()
    with sides.control_unit():
        return list(DayStretch.objects.filter(account=account).order_by("pk").values_list("plan__code", "last", "days", "amount_minor"))


def cancel(firm: Firm, *, at: datetime, at_end: bool = True) -> None:
    with later(at):
        life.cancel(firm.place, actor=firm.owner, operation=operation(), at_end=at_end)


def test_days_come_on_the_next_bill_once(sold: Firm) -> None:
    worked(sold, (3, 11), (3, 12), (3, 31))
    rounds(sold, datetime(2027, 4, 1, 12, tzinfo=UTC))
    assert sold.charged() == 9_500
    rounds(sold, END + timedelta(minutes=1))
    assert sold.charged() == 2 * 9_500 + 3 * 190
    assert sold.journal().count("occasional.charged") == 1


def test_a_month_is_not_charged_before_it_is_over_by_the_firms_clock(sold: Firm) -> None:
    worked(sold, (3, 11))
    with later(datetime(2027, 3, 31, 12, tzinfo=UTC)):
        assert days.charge_days(sold.place, start=datetime(2027, 3, 1, tzinfo=UTC).date(), end=datetime(2027, 4, 1, tzinfo=UTC).date()) == 0
    with later(datetime(2027, 4, 1, 12, tzinfo=UTC)):
        assert days.charge_days(sold.place, start=datetime(2027, 3, 1, tzinfo=UTC).date(), end=datetime(2027, 4, 1, tzinfo=UTC).date()) == 190


def test_a_plan_that_was_cancelled_closes_with_a_bill_of_its_last_days(sold: Firm) -> None:
    worked(sold, (3, 11), (4, 2), (4, 10))
    cancel(sold, at=BEGIN + timedelta(days=3))
    rounds(sold, datetime(2027, 4, 1, 12, tzinfo=UTC))  # March waits for a next bill that does not come
    assert rounds(sold, END + timedelta(minutes=10)) == 1
    assert sold.charged() == 9_500 + 3 * 190
    assert stretches(sold) == [("team", True, 2, 380)]
    assert sold.row().plan.code == "free"
    assert {"occasional.charged", "occasional.closed"} <= set(sold.journal())
    assert "seats.days_billed" in sold.events()
    assert rounds(sold, END + timedelta(days=40)) == 0
    assert sold.charged() == 9_500 + 3 * 190


def test_the_last_bill_carries_the_tax(doors: Door) -> None:
    with firm_at(doors, tax_bp=2_100) as firm:
        by_the_day(firm)
        worked(firm, (4, 2), (4, 3))
        cancel(firm, at=BEGIN)
        rounds(firm, END + timedelta(minutes=10))
        assert firm.charged() == 9_500 * 121 // 100 + round(2 * 190 * 1.21)


def test_no_days_no_bill(sold: Firm) -> None:
    cancel(sold, at=BEGIN)
    assert rounds(sold, END + timedelta(minutes=10)) == 0
    assert (sold.charged(), stretches(sold)) == (9_500, [("team", True, 0, 0)])
    assert "occasional.closed" not in sold.journal()
    assert "seats.days_billed" not in sold.events()


def test_where_nobody_bought_days_nothing_waits(firm: Firm) -> None:
    with later(BEGIN):
        firm.buy()
    cancel(firm, at=BEGIN)
    rounds(firm, END + timedelta(minutes=10))
    assert stretches(firm) == []


def test_an_answer_that_was_lost_bills_nothing_twice(sold: Firm) -> None:
    worked(sold, (4, 2))
    cancel(sold, at=BEGIN)
    with later(END + timedelta(minutes=10)):
        sold.look()
        sold.provider.faults = ["after"]
        assert days.settle_stretches() == 0
        sold.provider.down = True
        assert days.settle_stretches() == 0
        sold.provider.down = False
        assert [days.settle_stretches(), days.settle_stretches()] == [1, 0]
    assert sold.charged() == 9_500 + 190


def test_ended_at_once_the_days_of_that_day_are_billed_too(sold: Firm) -> None:
    worked(sold, (3, 11), (3, 12))
    at = datetime(2027, 3, 12, 12, tzinfo=UTC)
    cancel(sold, at=at, at_end=False)
    rounds(sold, at + timedelta(minutes=5))
    assert sold.charged() == 9_500 + 2 * 190


def test_under_another_plan_the_days_before_keep_their_price(sold: Firm) -> None:
    """Business costs 360 a day: the four of before, that of the change included, cost 190."""
    worked(sold, (3, 11), (3, 12), (3, 15), (3, 20), (3, 21))
    with later(datetime(2027, 3, 20, 12, tzinfo=UTC)):
        assert sold.change(plan="business").applied
    assert rounds(sold, datetime(2027, 3, 20, 13, tzinfo=UTC)) == 0  # the day is not over
    before = sold.charged()
    assert rounds(sold, datetime(2027, 3, 21, 12, tzinfo=UTC)) == 1
    rounds(sold, datetime(2027, 4, 1, 12, tzinfo=UTC))
    rounds(sold, END + timedelta(minutes=10))
    assert sold.charged() - before == 5 * 3_600 + 4 * 190 + 360
    assert stretches(sold) == [("team", False, 4, 760)]


def test_a_plan_without_days_has_none_and_bills_those_of_before(sold: Firm) -> None:
    worked(sold, (3, 11), (3, 12))
    with later(datetime(2027, 3, 20, 12, tzinfo=UTC)):
        assert sold.change(plan="everyone", seats="1", at_end=False).applied
        row = sold.row()
        assert (row.occasional_ceiling, telling.seats_of(row)["occasional"]) == (20, None)
    before = sold.charged()
    rounds(sold, datetime(2027, 3, 21, 12, tzinfo=UTC))
    rounds(sold, END + timedelta(minutes=10))
    assert sold.charged() - before == 149_000 + 2 * 190


def test_who_leaves_is_billed_while_the_days_can_be_counted(sold: Firm) -> None:
    worked(sold, (3, 11), (3, 14))
    with later(datetime(2027, 3, 15, 12, tzinfo=UTC)):
        let_go(sold.door, days=30)
    assert rounds(sold, datetime(2027, 3, 15, 13, tzinfo=UTC)) == 1
    assert sold.charged() == 9_500 + 2 * 190
    assert stretches(sold) == [("team", True, 2, 380)]
    cancel(sold, at=datetime(2027, 3, 15, 14, tzinfo=UTC))
    assert rounds(sold, END + timedelta(minutes=10)) == 0
    assert sold.charged() == 9_500 + 2 * 190


def test_when_a_pause_begins_what_was_had_before_is_billed(sold: Firm) -> None:
    worked(sold, (3, 11), (3, 14), (6, 20))
    begins = datetime(2027, 3, 15, 12, tzinfo=UTC)
    with later(begins):
        until = pausing.pause(sold.place, 3, actor=sold.owner, operation=operation())
    assert rounds(sold, begins + timedelta(minutes=5)) == 1
    assert sold.charged() == 9_500 + 2 * 190
    with later(until + timedelta(minutes=1)):
        sold.look()
        pausing.come_back_due()
    rounds(sold, datetime(2027, 7, 1, 12, tzinfo=UTC))
    rounds(sold, datetime(2027, 7, 16, 12, tzinfo=UTC))
    assert sold.charged() == 9_500 + 2 * 190 + 2 * 9_500 + 190


def test_unpaid_until_it_ends_the_days_are_owed_beside_the_bill(sold: Firm) -> None:
    worked(sold, (4, 2), (4, 11))
    with later(END + timedelta(minutes=1)):
        sold.provider.decline_next()
        sold.look()
        assert sold.row().past_due_since is not None
    with later(END + timedelta(days=14)):
        [bought] = sold.provider.books.subscriptions.values()
        bought.status, bought.ended_at = "canceled", END + timedelta(days=14)
        sold.provider.decline_next()
    assert rounds(sold, END + timedelta(days=14, minutes=5)) == 1
    assert (sold.row().status, sold.row().plan.code, sold.charged()) == ("canceled", "team", 9_500)
    owed = [one.quote.total for one in sold.provider.books.invoices.values() if one.status == "open"]
    assert owed == [9_500, 2 * 190]
    sold.provider.pay(next(iter(key for key, one in sold.provider.books.invoices.items() if one.quote.total == 9_500 and one.status == "open")), key=operation())
    assert rounds(sold, END + timedelta(days=15)) == 0  # paid, it is Free: nothing ends twice
    assert sold.row().plan.code == "free"


def test_bought_again_the_days_of_before_are_not_charged_again(sold: Firm) -> None:
    worked(sold, (4, 2))
    cancel(sold, at=BEGIN)
    rounds(sold, END + timedelta(minutes=10))
    with later(END + timedelta(days=2)):
        sold.buy()
    before = sold.charged()
    worked(sold, (4, 20))
    rounds(sold, datetime(2027, 5, 1, 12, tzinfo=UTC))
    rounds(sold, END + timedelta(days=33))
    assert sold.charged() - before == 9_500 + 190


def test_in_a_pause_nothing_is_put_on_a_bill_that_will_be_voided(sold: Firm) -> None:
    begins = datetime(2027, 3, 15, 12, tzinfo=UTC)
    with later(begins):
        pausing.pause(sold.place, 3, actor=sold.owner, operation=operation())
    rounds(sold, begins + timedelta(minutes=5))
    worked(sold, (3, 20))
    rounds(sold, datetime(2027, 4, 1, 12, tzinfo=UTC))
    [bought] = sold.provider.books.subscriptions.values()
    assert (bought.lines, sold.charged(), sold.journal().count("occasional.charged")) == ([], 9_500, 0)
    with later(datetime(2027, 4, 1, 13, tzinfo=UTC)):
        pausing.unpause(sold.place, actor=sold.owner, operation=operation())


@pytest.mark.parametrize("paused", [False, True])
def test_who_can_only_read_has_no_day(sold: Firm, paused: bool) -> None:
    with later(datetime(2027, 3, 15, 12, tzinfo=UTC)):
        if paused:
            pausing.pause(sold.place, 3, actor=sold.owner, operation=operation())
        with sides.unit(sold.place):
            admitting.Seats().admit(7, occasional=True)
            assert SeatDay.objects.filter(person=7).count() == (0 if paused else 1)
        if paused:
            pausing.unpause(sold.place, actor=sold.owner, operation=operation())


def test_a_pause_that_began_at_the_provider_is_billed_like_ours(sold: Firm) -> None:
    worked(sold, (3, 11), (3, 14))
    begins = datetime(2027, 3, 15, 12, tzinfo=UTC)
    with later(begins):
        [bought] = sold.provider.books.subscriptions.values()
        bought.status = "paused"
    assert rounds(sold, begins + timedelta(minutes=5)) == 1
    assert (sold.charged(), stretches(sold)) == (9_500 + 2 * 190, [("team", True, 2, 380)])


def test_a_workspace_that_cannot_be_entered_keeps_nobody_else_waiting(sold: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    worked(sold, (3, 11))
    asked: list[object] = []

    def away(*given: object, **_more: object) -> None:
        asked.append(given)
        raise OperationalError("no connection")

    with later(datetime(2027, 4, 1, 12, tzinfo=UTC)):
        monkeypatch.setattr(days, "charge_days", away)
        assert (days.charge_last_month(), len(asked) > 0) == (0, True)
        life.cancel(sold.place, actor=sold.owner, operation=operation(), at_end=False)
        asked.clear()
        monkeypatch.setattr(days, "_settle", away)
        assert (days.settle_stretches(), len(asked) > 0) == (0, True)
