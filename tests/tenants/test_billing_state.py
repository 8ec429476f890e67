"""The eight states, by moments and now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tenants.lifecycle.billing_state import BillingState, Facts, standing

SINCE = datetime(2027, 3, 1, 12, tzinfo=UTC)


def on_day(day: float, facts: Facts) -> BillingState:
    return standing(facts, now=SINCE + timedelta(days=day)).state


@pytest.mark.parametrize(
    ("day", "state"),
    [(0, "past_due"), (14.99, "past_due"), (15, "limited"), (44.99, "limited"), (45, "frozen"), (224.99, "frozen"), (225, "delete_scheduled"), (254, "delete_scheduled"), (900, "delete_scheduled")],
)
def test_unpaid_goes_down_by_days(day: float, state: str) -> None:
    assert on_day(day, Facts(past_due_since=SINCE)) == state


def test_each_says_when_it_changes() -> None:
    found = [standing(Facts(past_due_since=SINCE), now=SINCE + timedelta(days=day)).changes_at for day in (0, 20, 50, 230)]
    assert [(moment - SINCE).days for moment in found if moment] == [15, 45, 225, 255]


def test_a_promise_holds_for_a_week_and_the_days_go_on() -> None:
    facts = Facts(past_due_since=SINCE, promised_until=SINCE + timedelta(days=27))
    assert [on_day(day, facts) for day in (16, 26.9, 27, 46)] == ["past_due", "past_due", "limited", "frozen"]


def test_the_operator_may_hold_it_longer() -> None:
    assert on_day(100, Facts(past_due_since=SINCE, extended_until=SINCE + timedelta(days=101))) == "past_due"


def test_a_trial_leads_to_free() -> None:
    facts = Facts(trial_ends_at=SINCE)
    assert [on_day(-1, facts), on_day(0, facts)] == ["trial", "active"]
    assert standing(facts, now=SINCE, over=True).state is BillingState.OVER_LIMIT


def test_a_pause_is_as_limited_and_ends_by_itself() -> None:
    facts = Facts(paused_until=SINCE)
    found = standing(facts, now=SINCE - timedelta(days=1))
    assert (found.state, found.paused, found.changes_at) == ("limited", True, SINCE)
    assert on_day(0, facts) == "active"


def test_what_is_erased_stays_so() -> None:
    assert on_day(-400, Facts(past_due_since=SINCE, erased_at=SINCE)) == "deleted"


def test_facts_are_stored_and_read() -> None:
    facts = Facts(trial_ends_at=SINCE, promised_until=SINCE)
    assert Facts.read(facts.stored()) == facts
    assert Facts.read({"unknown": "x"}) == Facts()
