"""Money in minor units."""

from __future__ import annotations

import pytest

from crm_platform.kernel import money


@pytest.mark.parametrize("currency", ["EUR", "JPY", "KWD"])
@pytest.mark.parametrize("minor", [0, 1, 99, 100, 1999, -1, -199, -1000, 10**17 + 99])
def test_whole_units_are_what_is_left_without_the_rest(minor: int, currency: str) -> None:
    assert money.whole(minor, currency=currency) == int(money.major(minor, currency=currency))
