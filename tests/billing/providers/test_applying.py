"""What a look writes, and what it leaves alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from billing.models import PendingChange, Subscription
from billing.providers import applying, choosing
from crm_platform.db import sides
from crm_platform.kernel import clock

from .conftest import Paying, target
from .test_syncing import DAY, sync


def test_a_change_that_waited_and_came_true_is_settled(paying: Paying) -> None:
    bought = paying.buy(target(8))
    ends = bought.period.end
    sync(paying)
    row = paying.row
    with sides.control_unit():
        waits = PendingChange.objects.create(subscription=row, kind="plan", target={"plan": "start", "version": 1, "seats": 4}, effective_at=ends, asked_by="Olga")
    paying.provider.change_at_end(bought.id, target(4, plan="start"), key="e")
    sync(paying)
    with sides.control_unit():
        assert PendingChange.objects.get(pk=waits.pk).state == "waiting"
    with clock.frozen(ends):
        paying.provider.pass_time()
        sync(paying)
    with sides.control_unit():
        assert PendingChange.objects.get(pk=waits.pk).state == "applied"


def test_a_plan_given_by_hand_is_left_alone(paying: Paying) -> None:
    with sides.control_unit():
        Subscription.objects.filter(workspace=paying.door.workspace).update(trial_ends_at=None)
    sync(paying)
    assert paying.row.plan.code == "business"


def test_what_would_change_is_asked_without_changing(paying: Paying) -> None:
    paying.buy(target(6))
    account, seen = paying.account, paying.provider.fetch(paying.customer)
    with sides.control_unit():
        pair = applying.would_change(account, seen)
    assert pair is not None
    assert (pair[0]["seats"], pair[1]["seats"]) == (0, 6)
    assert paying.row.seats == 0


@pytest.mark.parametrize(
    ("statuses", "chosen"),
    [(["incomplete", "active"], 1), (["canceled", "past_due"], 1), (["unpaid", "paused"], 1), (["past_due", "trialing"], 1), (["unheard_of", "incomplete"], 0), (["unheard_of", "unpaid"], 1)],
)
def test_the_one_that_counts(paying: Paying, statuses: list[str], chosen: int) -> None:
    seen = replace(paying.buy().seen())
    found = [replace(seen, external_id=f"s{number}", status=status, created=seen.created + number * DAY) for number, status in enumerate(statuses)]
    assert choosing.governing(found, {}) == found[chosen]
