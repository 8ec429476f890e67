"""From when a subscription is unpaid: the provider's moment, whichever clock is ahead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from billing.providers import choosing

NOW = datetime(2027, 3, 10, 9, 30, tzinfo=UTC)
PAST_DUE: Any = SimpleNamespace(status="past_due", external_id="s1")


def bill(*, failed: datetime | None = None, due: datetime | None = None, status: str = "open", of: str = "s1") -> Any:
    return SimpleNamespace(failed_at=failed, due_at=due, status=status, subscription=of, problem="", created=NOW)


@pytest.mark.parametrize("ahead", [timedelta(days=-3), timedelta(minutes=10), timedelta(days=31)], ids=str)
def test_the_moment_of_the_failure_stands_even_where_our_clock_is_behind(ahead: timedelta) -> None:
    assert choosing.unpaid_since(PAST_DUE, [bill(failed=NOW + ahead)], known=None, now=NOW) == NOW + ahead


def test_what_is_known_stays_and_without_any_moment_it_is_now() -> None:
    assert choosing.unpaid_since(PAST_DUE, [bill(failed=NOW)], known=NOW - timedelta(days=9), now=NOW) == NOW - timedelta(days=9)
    assert choosing.unpaid_since(PAST_DUE, [bill(), bill(failed=NOW, of="s2"), bill(failed=NOW, status="void")], known=None, now=NOW) == NOW
    assert choosing.unpaid_since(SimpleNamespace(status="active", external_id="s1"), [bill(failed=NOW)], known=NOW, now=NOW) is None  # type: ignore[arg-type]
