"""What things cost: volume steps, rounding, discounts, proration, anchors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from billing import plans, pricing
from billing.pricing import Discount, Interval, Item, Line
from billing.pricing.periods import Period, after, period_at, prorated
from billing.pricing.quoting import lines_of, part, spread
from billing.pricing.terms import BadTerms, NotSoldSo

TEAM = pricing.read(next(plan for plan in plans.PLANS if plan.code == "team").terms)


def lines(seats: int, interval: Interval = Interval.MONTH) -> list[Line]:
    return lines_of([Item("plan:team:1:seats", TEAM.rate("EUR", interval), seats)])


@pytest.mark.parametrize("one", [*plans.PLANS, *plans.ADD_ONS], ids=lambda one: one.code)
def test_all_that_is_sold_has_terms_that_can_be_charged(one) -> None:
    terms = pricing.read(one.terms)
    assert terms.currencies == ["EUR", "RUB", "USD", "UZS"]
    assert all(rate.amount(1) >= 0 for rate in terms.rates.values())


def test_the_more_seats_the_cheaper_each() -> None:
    rate = TEAM.rate("EUR", Interval.MONTH)
    assert [rate.unit(seats) for seats in (1, 24, 25, 50, 100)] == [1_900, 1_900, 1_748, 1_634, 1_520]
    assert rate.amount(5) == 9_500


def test_what_is_not_sold_is_refused() -> None:
    with pytest.raises(NotSoldSo):
        TEAM.rate("JPY", Interval.MONTH)


@pytest.mark.parametrize(
    "terms",
    [
        {}, {"prices": {"EUR": {"week": {"base": 1}}}}, {"prices": {"EUR": {"month": {"base": -1}}}}, {"prices": {"EUR": {"month": {"base": 9.99}}}},
        {"prices": {"EUR": {"month": {"steps": [[5, 100]]}}}}, {"prices": {"EUR": {"month": {"steps": [[5, 100], [5, 90], [None, 80]]}}}},
        {"prices": {"EUR": {"month": {"steps": [[None, 100], [None, 90]]}}}}, {"prices": {}, "least": 3, "most": 2}, {"prices": {}, "seats": "heads"},
    ],
)  # fmt: skip
def test_terms_by_which_nobody_could_be_charged(terms) -> None:
    with pytest.raises(BadTerms):
        pricing.read(terms)


def test_case_76_rounding_totals_equal_lines() -> None:
    given = [Line("seats", 3, 999, 2_997), Line("contacts", 1, 901, 901)]
    found = pricing.quote(given, "EUR", discount=Discount("SPRING", percent_bp=1_700), tax_bp=2_000)
    assert [(line.discount, line.tax) for line in found.lines] == [(509, 498), (153, 150)]
    assert found.total == sum(line.net + line.tax for line in found.lines) == 3_884
    for currency in ("JPY", "KWD"):
        assert pricing.quote(given, currency, tax_bp=2_000).total == 3_898 + 599 + 180


def test_an_amount_off_is_spread_and_never_more_than_the_bill() -> None:
    assert spread(100, [1, 1, 1]) == [34, 33, 33]
    assert spread(100, [0, 0]) == [0, 0]
    found = pricing.quote(lines(1), "EUR", discount=Discount("ALL", amount=1_000_000, currency="EUR"))
    assert found.total == 0
    assert pricing.quote(lines(1), "EUR", discount=Discount("RUB", amount=500, currency="RUB")).total == 1_900


def test_rounding_goes_away_from_nought_on_both_sides() -> None:
    assert [part(amount, 1, 2) for amount in (1, -1, 3, -3)] == [1, -1, 2, -2]


def test_case_51_the_anchors_day_is_kept() -> None:
    anchor = datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC)
    assert [after(anchor, Interval.MONTH, count).day for count in range(4)] == [31, 28, 31, 30]
    leap = datetime(2028, 2, 29, tzinfo=UTC)
    assert [after(leap, Interval.YEAR, count).day for count in (1, 4)] == [28, 29]
    assert period_at(anchor, Interval.MONTH, datetime(2027, 3, 1, tzinfo=UTC)) == Period(anchor.replace(month=2, day=28), anchor.replace(month=3))
    assert period_at(anchor, Interval.MONTH, anchor) == Period(anchor, anchor.replace(month=2, day=28))
    assert period_at(leap, Interval.YEAR, datetime(2030, 2, 28, tzinfo=UTC)).start == datetime(2030, 2, 28, tzinfo=UTC)


def test_half_a_period_costs_half_and_there_and_back_nets_to_nought() -> None:
    period = Period(datetime(2027, 4, 1, tzinfo=UTC), datetime(2027, 5, 1, tzinfo=UTC))
    middle = period.start + timedelta(days=15)
    there, back = prorated(lines(5), lines(6), period, middle), prorated(lines(6), lines(5), period, middle)
    assert [line.amount for line in there] == [-4_750, 5_700]
    assert sum(line.amount for line in there + back) == 0
    assert prorated(lines(5), lines(5), period, middle) == []
    assert all(line.amount == 0 for line in prorated(lines(5), lines(6), period, period.end + timedelta(days=3)))
