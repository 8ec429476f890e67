"""Sweeping costs little, and forgets nobody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.db import DatabaseError

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


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the scheduler's clock, to seconds of the epoch."""
    return lambda moment: monkeypatch.setattr(scheduler.clock, "real_now", lambda: datetime.fromtimestamp(moment, UTC))


def test_within_an_hour_each_is_swept_once(doors, woken: list[str], at: Callable[[float], None]) -> None:
    with sides.control_unit():
        active = set(Workspace.objects.filter(state=State.ACTIVE).values_list("public_id", flat=True))
    broker.queue().delete(broker.ACTIVE)
    at(1_700_000_002.5)
    sweeps = scheduler.Sweeps()
    for moment in range(0, 3600, 40):  # looks that come late: what lies between them is not left out
        at(1_700_000_002.5 + moment + 40)
        sweeps.look()
    assert doors.place.public_id in active
    assert Counter(woken) == Counter(dict.fromkeys(active, 1))


def test_a_look_after_hours_sweeps_each_once(doors, woken: list[str], at: Callable[[float], None]) -> None:
    at(1_700_000_000)
    sweeps = scheduler.Sweeps()
    at(1_700_000_000 + 3 * 3600)
    sweeps.look()
    assert Counter(woken)[doors.place.public_id] == 1
    assert max(Counter(woken).values()) == 1


def test_who_was_active_is_swept_a_minute_and_nine_minutes_later(woken: list[str], at: Callable[[float], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "sweep_all", lambda shares: None)
    start = clock.real_now().timestamp()
    broker.queue().delete(broker.ACTIVE)
    broker.queue().zadd(broker.ACTIVE, {"w-quiet:3": start})
    at(start)
    sweeps, swept = scheduler.Sweeps(), []
    for passed in range(0, 700, 4):
        at(start + passed)
        sweeps.look()
        swept += [passed] * len(woken)
        woken.clear()
    assert swept == [64, 544]


def test_a_look_that_failed_is_made_up_for(doors, woken: list[str], at: Callable[[float], None], monkeypatch: pytest.MonkeyPatch) -> None:
    start = clock.real_now().timestamp()
    broker.queue().delete(broker.ACTIVE)
    broker.queue().zadd(broker.ACTIVE, {"w-quiet:3": start})
    at(start + 58)
    sweeps = scheduler.Sweeps()
    with monkeypatch.context() as broken:
        broken.setattr(scheduler, "sweep_all", _no_database)
        broken.setattr(broker, "last_active", lambda since, until: [])
        at(start + 63)
        with pytest.raises(DatabaseError):
            sweeps.look()
    at(start + 68)
    sweeps.look()
    assert "w-quiet" in woken


def _no_database(**_given: object) -> None:
    raise DatabaseError("the database is away")
