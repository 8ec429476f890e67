"""Sweeping costs little, and forgets nobody."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from crm_platform.db import sides
from crm_platform.jobs import broker
from crm_platform.kernel import clock
from tenants import scheduler
from tenants.models import State, Workspace


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The public ids of those whom the scheduler wakes."""
    found: list[str] = []
    monkeypatch.setattr(broker, "wake", lambda public_id, generation, lane: found.append(public_id))
    return found


def test_within_an_hour_each_is_swept_once(doors, woken: list[str]) -> None:
    with sides.control_unit():
        active = set(Workspace.objects.filter(state=State.ACTIVE).values_list("public_id", flat=True))
    for minute in range(scheduler.MINUTES):
        scheduler.sweep_all(minute=1_000_000 + minute)
    assert doors.place.public_id in active
    assert Counter(woken) == Counter(dict.fromkeys(active, 1))


@pytest.mark.parametrize(("seconds", "swept"), [(5, False), (59, False), (61, True), (121, True), (123, False), (300, False), (541, True), (603, False)])
def test_who_was_active_is_swept_a_minute_and_nine_minutes_later(woken: list[str], seconds: int, swept: bool) -> None:
    broker.queue().delete(broker.ACTIVE)
    broker.queue().zadd(broker.ACTIVE, {"w-quiet:3": (clock.real_now() - timedelta(seconds=seconds)).timestamp()})
    scheduler.sweep_active()
    assert woken == (["w-quiet"] if swept else [])


def test_a_look_each_minute_leaves_no_gap() -> None:
    assert all(most - least > 60 for least, most in scheduler.QUIET_FOR)
