"""Fixtures of money."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from billing.models import Coupon, Redemption
from crm_platform.db import sides
from tests.conftest import Door

from .buying import Firm, firm_at


@pytest.fixture
def firm(doors: Door) -> Iterator[Firm]:
    """A fresh firm in its trial, with the provider in memory."""
    with firm_at(doors) as made:
        yield made


@pytest.fixture
def codes(firm: Firm) -> Iterator[Callable[..., Coupon]]:
    """Makes promo codes, and takes them off again."""
    made: list[Coupon] = []

    def make(**values: Any) -> Coupon:
        with sides.control_unit():
            row = Coupon.objects.create(**values)
        made.append(row)
        return row

    yield make
    with sides.control_unit():
        Redemption.objects.filter(coupon__in=made).delete()
        Coupon.objects.filter(pk__in=[row.pk for row in made]).delete()
