"""The day's look: what counts, what moves, what is never changed."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from billing.models import Coupon, Subscription
from billing.reports import daily, figures
from billing.reports.models import Day, Kind, Movement, MrrLine, TrialStart
from crm_platform.jobs.models import Job
from crm_platform.kernel import clock

from .year import BEGINS, nobody, paid, subscription


@pytest.fixture(autouse=True)
def nobody_else(control_side: None) -> None:
    """No other workspace has a subscription."""
    nobody()


def look(days: int = 0) -> Day:
    """The look of a day after the beginning."""
    with clock.frozen(BEGINS + timedelta(days=days)):
        day = daily.take()
    assert day is not None
    return day


def moves(day: Day) -> list[tuple[str, str, int, str]]:
    """Its movements."""
    return [(one.kind, one.currency, one.minor, one.reason) for one in day.movements.order_by("currency", "id")]


def change(row: Subscription, **values: Any) -> None:
    """As if a verb had changed the row."""
    Subscription.objects.filter(pk=row.pk).update(**values)


@pytest.mark.parametrize(
    ("given", "minor"),
    [
        ({}, 3 * 1_900),
        ({"interval": "year"}, 3 * 1_500),
        ({"seats": 30}, 30 * 1_748),
        ({"plan": "everyone", "seats": 40}, 149_000),
        ({"add_ons": {"contacts_10k:1": 2}}, 3 * 1_900 + 2 * 900),
        ({"discount": {"code": "A", "percent_bp": 1_700, "duration": "forever"}}, 5_700 - 969),
        ({"discount": {"code": "A", "amount": 700, "currency": "EUR", "duration": "repeating", "ends_at": "2027-02-01T00:00:00+00:00"}}, 5_000),
        ({"discount": {"code": "A", "percent_bp": 5_000, "duration": "once"}}, 5_700),
        ({"discount": {"code": "A", "percent_bp": 5_000, "ends_at": "2026-12-01T00:00:00+00:00"}}, 5_700),
        ({"discount": {"code": "A", "amount": 700, "currency": "USD"}}, 5_700),
        ({"status": "past_due", "past_due_since": BEGINS - timedelta(days=14)}, 5_700),
        ({"cancel_at": BEGINS + timedelta(hours=1)}, 5_700),
        ({"currency": "RUB"}, 3 * 189_000),
    ],
)
def test_what_a_subscription_brings(given: dict[str, Any], minor: int) -> None:
    paid(BEGINS, **given)
    assert [line.minor for line in look().lines.all()] == [minor]


@pytest.mark.parametrize(
    "given",
    [
        {"status": "past_due", "past_due_since": BEGINS - timedelta(days=15)},
        {"paused_until": BEGINS + timedelta(days=3)},
        {"cancel_at": BEGINS},
        {"ended_at": BEGINS - timedelta(days=1), "status": "canceled"},
        {"status": "none", "interval": "", "currency": ""},
        {"status": "incomplete"},
        {"plan": "free"},
        {"discount": {"code": "ALL", "percent_bp": 10_000, "duration": "forever"}},
        {"trial_ends_at": BEGINS + timedelta(days=1)},
    ],
)
def test_what_brings_nothing(given: dict[str, Any]) -> None:
    paid(BEGINS, **given)
    assert not look().lines.exists()
    assert not Movement.objects.exists()


def test_a_coupon_that_holds_once_is_known_by_its_row() -> None:
    Coupon.objects.create(code="ONCE", percent_bp=5_000, duration="once")
    paid(BEGINS, discount={"code": "ONCE", "percent_bp": 5_000})
    assert [line.minor for line in look().lines.all()] == [5_700]


def test_the_life_of_a_subscription_in_movements() -> None:
    row = subscription(BEGINS)
    assert moves(look()) == []
    change(row, status="active", trial_ends_at=None, currency="EUR", interval="month", seats=3)
    assert moves(look(1)) == [("new", "EUR", 10_800, "")]
    change(row, seats=4)
    assert moves(look(2)) == [("expansion", "EUR", 3_600, "")]
    assert moves(look(3)) == []
    change(row, seats=1)
    assert moves(look(4)) == [("contraction", "EUR", -10_800, "")]
    change(row, past_due_since=BEGINS + timedelta(days=4), status="past_due")
    assert moves(look(18)) == []
    assert moves(look(19)) == [("churn", "EUR", -3_600, "unpaid")]
    change(row, past_due_since=None, status="active")
    assert moves(look(20)) == [("reactivation", "EUR", 3_600, "")]
    change(row, paused_until=BEGINS + timedelta(days=40))
    assert moves(look(21)) == [("churn", "EUR", -3_600, "paused")]
    assert moves(look(40)) == [("reactivation", "EUR", 3_600, "")]
    change(row, currency="RUB", paused_until=None)
    assert moves(look(41)) == [("churn", "EUR", -3_600, "currency"), ("reactivation", "RUB", 359_000, "currency")]
    change(row, status="canceled", ended_at=BEGINS + timedelta(days=41))
    assert moves(look(42)) == [("churn", "RUB", -359_000, "left")]


def test_a_day_is_looked_at_once_and_never_changed() -> None:
    row = paid(BEGINS)
    day = look()
    change(row, seats=9)
    with clock.frozen(BEGINS + timedelta(hours=5)):
        assert daily.take() is None
    with clock.frozen(BEGINS - timedelta(days=3)):
        assert daily.take() is None
    line = MrrLine.objects.get(day=day)
    assert line.minor == 5_700
    for written in (day, line, Movement.objects.get(day=day)):
        with pytest.raises(TypeError):
            written.save()
        with pytest.raises(TypeError):
            written.delete()


def test_the_scheduler_leaves_the_look_once_and_a_worker_takes_it(django_db_blocker: Any) -> None:
    from billing.reports import tasks
    from crm_platform.db import sides
    from crm_platform.kernel import jobs

    with sides.outside():
        Job.objects.filter(key=daily.JOB).delete()
    assert jobs.find(daily.JOB) is tasks.take


def test_the_figures_of_a_month() -> None:
    stays, grows, leaves = paid(BEGINS, seats=10), paid(BEGINS, seats=10), paid(BEGINS, seats=10)
    assert look().figures == {"active": 3}
    change(grows, seats=20)
    change(leaves, status="canceled", ended_at=BEGINS + timedelta(days=2))
    paid(BEGINS, seats=5)
    change(stays, seats=8)
    look(15)
    look(31)
    month = next(one for one in figures.months(2) if one.first == date(2027, 1, 1))
    flow = figures.flows(month.start, month.end)[0]
    assert (flow.start, flow.end, flow.difference) == (57_000, 62_700, 0)
    assert flow.moves == {"new": 9_500, "expansion": 19_000, "reactivation": 0, "contraction": -3_800, "churn": -19_000}
    assert (flow.arr, flow.arpa) == (752_400, 20_900)
    assert (flow.nrr, flow.gross_churn, flow.logo_churn) == (9_333, 4_000, 3_333)
    assert month.closed
    assert figures.moved(month, currency="EUR", kind=Kind.CHURN).count() == 1


def test_trials_that_are_paid_for_in_time() -> None:
    rows = [subscription(BEGINS) for _one in range(4)]
    look()
    assert TrialStart.objects.filter(workspace__in=[row.workspace.public_id for row in rows]).count() == 4
    bought = {"status": "active", "trial_ends_at": None, "currency": "EUR", "interval": "month", "seats": 1}
    change(rows[0], **bought)
    look(3)
    change(rows[1], **bought)
    look(51)
    change(rows[2], **bought)
    look(52)
    began, converted = figures.trials(date(2027, 1, 1))
    assert (began, converted) == (4, 2)


def test_cohorts_by_the_month_of_the_first_payment() -> None:
    first, second = paid(BEGINS + timedelta(days=3)), paid(BEGINS + timedelta(days=3))
    look(3)
    look(31)
    change(second, status="canceled", ended_at=BEGINS)
    paid(BEGINS)
    look(40)
    look(59)
    assert first.pk
    january, february = figures.cohorts(figures.months(3))[-3:-1]
    assert (january.size, january.kept[:2], february.size, february.kept[:1]) == (2, [2, 1], 1, [1])


def test_months_without_any_look_are_none() -> None:
    assert figures.months(12) == []
