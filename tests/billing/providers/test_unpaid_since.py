"""From when a subscription is unpaid: the provider's moment, whichever clock is ahead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from billing.providers import choosing

NOW = datetime(2027, 3, 10, 9, 30, tzinfo=UTC)
PAST_DUE: Any = SimpleNamespace(status="past_due", external_id="s1")


def bill(*, failed: datetime | None = None, due: datetime | None = None, status: str = "open", of: str = "s1", created: datetime = NOW, problem: str = "") -> Any:
    return SimpleNamespace(failed_at=failed, due_at=due, status=status, subscription=of, problem=problem, created=created)


@pytest.mark.parametrize("ahead", [timedelta(days=-3), timedelta(minutes=10), timedelta(days=31)], ids=str)
def test_the_moment_of_the_failure_stands_even_where_our_clock_is_behind(ahead: timedelta) -> None:
    assert choosing.unpaid_since(PAST_DUE, [bill(failed=NOW + ahead)], known=None, now=NOW) == NOW + ahead


def test_what_is_known_stays_and_without_any_moment_it_is_now() -> None:
    assert choosing.unpaid_since(PAST_DUE, [bill(failed=NOW, created=NOW - timedelta(days=9, hours=1))], known=NOW - timedelta(days=9), now=NOW) == NOW - timedelta(days=9)
    assert choosing.unpaid_since(PAST_DUE, [bill(), bill(failed=NOW, of="s2"), bill(failed=NOW, status="void")], known=None, now=NOW) == NOW
    assert choosing.unpaid_since(SimpleNamespace(status="active", external_id="s1"), [bill(failed=NOW)], known=NOW, now=NOW) is None  # type: ignore[arg-type]


def test_once_the_bill_is_paid_the_next_open_one_counts_from_its_own_day() -> None:
    january, february = datetime(2027, 1, 1, 9, tzinfo=UTC), datetime(2027, 2, 1, 9, tzinfo=UTC)
    paid, owed = bill(failed=january, created=january, status="paid"), bill(failed=february, created=february)
    assert choosing.unpaid_since(PAST_DUE, [owed, paid], known=january, now=NOW) == february
    assert choosing.unpaid_since(PAST_DUE, [owed, bill(failed=january, created=january)], known=january, now=NOW) == january
    # By transfer it is the day on which it was to be paid, whenever it was written; one that is not due yet does not count.
    late, early, ahead = (bill(due=NOW - timedelta(days=days), created=NOW - timedelta(days=30)) for days in (2, 9, -5))
    assert choosing.unpaid_since(PAST_DUE, [late, early, ahead], known=NOW - timedelta(days=9), now=NOW) == NOW - timedelta(days=9)
    assert choosing.unpaid_since(PAST_DUE, [late, ahead], known=NOW - timedelta(days=9), now=NOW) == NOW - timedelta(days=2)


def test_a_bill_that_could_not_be_made_is_owed_from_its_day_whatever_became_of_another() -> None:
    stuck = bill(created=NOW - timedelta(days=3), status="draft", problem="customer_tax_location_invalid")
    assert choosing.unpaid_since(PAST_DUE, [stuck, bill(failed=NOW - timedelta(days=9), status="paid")], known=NOW - timedelta(days=9), now=NOW) == NOW - timedelta(days=3)
    assert choosing.unpaid_since(PAST_DUE, [bill(failed=NOW, created=NOW - timedelta(days=3))], known=NOW - timedelta(days=3), now=NOW) == NOW - timedelta(days=3)
