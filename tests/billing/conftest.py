"""Fixtures of money."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from billing.dunning.models import Told
from billing.models import Coupon, DayStretch, PendingChange, Redemption, Subscription
from crm_platform.db import sides
from crm_platform.kernel import clock
from tests.conftest import Door

from .buying import Firm, firm_at


@pytest.fixture
def doors(doors: Door) -> Door:
    """A workspace, and nothing is owed to others: the rounds go over all of them and say how many they did, and what earlier tests left is not of that number."""
    with sides.control_unit():
        Told.objects.filter(told_at=None).update(told_at=clock.real_now())
        Subscription.objects.exclude(past_due_since=None).update(past_due_since=None)
        PendingChange.objects.filter(state="waiting").update(state="lapsed")
        DayStretch.objects.filter(settled_at=None).update(settled_at=clock.real_now())
    return doors


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
