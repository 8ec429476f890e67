"""Sweeping costs little, and forgets nobody."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connections
from django.test.utils import CaptureQueriesContext

from crm_platform.db import sides
from crm_platform.events.models import Event
from crm_platform.jobs import broker
from crm_platform.jobs.glance import Glance
from crm_platform.jobs.models import Job
from crm_platform.kernel import clock
from tenants import scheduler, sweeping
from tenants.models import Due, State, Workspace
from tests.platform import queues

GOING = threading.Event()


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The public ids of those whom a sweep wakes."""
    found: list[str] = []
    monkeypatch.setattr(broker, "wake", lambda public_id, generation, lane: found.append(public_id) or True)
    monkeypatch.setattr(sweeping, "REST", 0.0)
    return found


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The public ids of those who are looked at; none of them has anything left."""
    found: list[str] = []
    monkeypatch.setattr(sweeping, "REST", 0.0)
    monkeypatch.setattr(sweeping, "_looked_at", lambda one, down: found.append(one.place.public_id) or True)
    return found


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the sweeper's clock, to seconds of the epoch."""
    return lambda moment: monkeypatch.setattr(sweeping.clock, "real_now", lambda: datetime.fromtimestamp(moment, UTC))


def _everybody() -> set[str]:
    with sides.control_unit():
        return set(Workspace.objects.filter(state=State.ACTIVE).values_list("public_id", flat=True))


def test_at_the_start_all_are_looked_at_and_within_an_hour_each_once_more(doors, seen: list[str], at: Callable[[float], None]) -> None:
    broker.queue().delete(broker.ACTIVE)
    at(1_700_000_002.5)
    sweeper = sweeping.Sweeper()
    sweeper.round(GOING)
    assert doors.place.public_id in seen
    assert Counter(seen) == Counter(dict.fromkeys(_everybody(), 1))
    seen.clear()
    for moment in range(0, 3600, 40):  # rounds that come late: what lies between them is not left out
        at(1_700_000_002.5 + moment + 40)
        sweeper.round(GOING)
    assert Counter(seen) == Counter(dict.fromkeys(_everybody(), 1))


def test_a_round_after_hours_looks_at_each_once(doors, seen: list[str], at: Callable[[float], None]) -> None:
    at(1_700_000_000)
    sweeper = sweeping.Sweeper()
    sweeper.round(GOING)
    seen.clear()
    at(1_700_000_000 + 3 * 3600)
    sweeper.round(GOING)
    assert Counter(seen) == Counter(dict.fromkeys(_everybody(), 1))


def _active(doors: Any, moment: float) -> None:
    """It alone has left work, at that moment, and its share of the hour does not come up beside it."""
    broker.queue().delete(broker.ACTIVE)
    broker.queue().zadd(broker.ACTIVE, {f"{doors.place.public_id}:{doors.place.generation}": moment})


@pytest.fixture
def sweeper(seen: list[str], at: Callable[[float], None], monkeypatch: pytest.MonkeyPatch) -> sweeping.Sweeper:
    """One whose first round is over, and that goes by who was active alone."""
    monkeypatch.setattr(sweeping, "SHARES", 10**9)
    at(clock.real_now().timestamp())
    found = sweeping.Sweeper()
    found.round(GOING)
    seen.clear()
    return found


def test_who_was_active_is_looked_at_a_minute_and_nine_minutes_later(doors, sweeper: sweeping.Sweeper, seen: list[str], at: Callable[[float], None]) -> None:
    start = clock.real_now().timestamp()
    _active(doors, start)
    looked = []
    for passed in range(0, 700, 4):
        at(start + passed)
        sweeper.round(GOING)
        looked += [passed] * seen.count(doors.place.public_id)
        seen.clear()
    assert looked == [64, 544]


def test_a_round_that_failed_is_made_up_for(doors, sweeper: sweeping.Sweeper, seen: list[str], at: Callable[[float], None], monkeypatch: pytest.MonkeyPatch) -> None:
    start = clock.real_now().timestamp()
    _active(doors, start)
    with monkeypatch.context() as broken:
        broken.setattr(sides, "control_unit", _no_registry)
        at(start + 63)
        with pytest.raises(OperationalError):
            sweeper.round(GOING)
    at(start + 68)
    sweeper.round(GOING)
    assert seen == [doors.place.public_id]


def _no_registry(*_given: object, **_more: object) -> AbstractContextManager[None]:
    raise OperationalError("the registry is away")


def test_one_on_a_database_that_is_down_is_looked_at_when_it_is_back(doors, sweeper: sweeping.Sweeper, seen: list[str], at: Callable[[float], None], monkeypatch: pytest.MonkeyPatch) -> None:
    start = clock.real_now().timestamp()
    _active(doors, start)
    with monkeypatch.context() as down:
        down.setattr(sweeping, "_looked_at", lambda one, down: False)
        at(start + 63)
        sweeper.round(GOING)
    at(start + 68)
    sweeper.round(GOING)
    at(start + 73)
    sweeper.round(GOING)
    assert seen == [doors.place.public_id]


def _look(doors: Any) -> bool:
    with sides.control_unit():
        due = Due.objects.filter(workspace=doors.workspace).first()
    return sweeping._looked_at(sweeping.Asked(doors.place, due and due.at), set())


@pytest.mark.parametrize("left", ["job", "event", "dead"])
def test_who_has_something_left_is_woken(doors, woken: list[str], left: str) -> None:
    queues.quiet(doors)
    past = clock.real_now() - timedelta(minutes=1)
    with doors.unit():
        if left == "event":
            Event.objects.create(name="test.swept", pending=True)
        else:
            Job.objects.create(name="test.swept", target=1, at=past, **({"state": "running", "leased_until": past} if left == "dead" else {}))
    assert _look(doors)
    assert woken == [doors.place.public_id]


def test_who_rests_is_looked_at_in_one_statement_and_not_woken(doors, woken: list[str]) -> None:
    queues.quiet(doors)
    with CaptureQueriesContext(connections[doors.place.alias]) as asked:
        assert _look(doors)
    assert len([query for query in asked if " FROM " in query["sql"]]) == 1, asked.captured_queries
    assert woken == []


def test_a_moment_that_nobody_noted_is_noted_and_an_earlier_note_stays(doors, woken: list[str]) -> None:
    queues.quiet(doors)
    tomorrow = clock.real_now() + timedelta(days=1)
    with doors.unit():
        Job.objects.create(name="test.swept", target=1, at=tomorrow)
    assert _look(doors)
    with sides.control_unit():
        assert Due.objects.get(workspace=doors.workspace).at == tomorrow
        Due.objects.filter(workspace=doors.workspace).update(at=tomorrow - timedelta(hours=1))
    assert _look(doors)
    with sides.control_unit():
        assert Due.objects.get(workspace=doors.workspace).at == tomorrow - timedelta(hours=1)
    assert woken == []


def test_one_that_cannot_be_entered_keeps_nobody_else(doors, woken: list[str]) -> None:
    nobody = replace(doors.place, public_id="w-nobody", schema="w_nobody")
    assert sweeping._looked_at(sweeping.Asked(nobody, None), set())
    assert _look(doors)


def test_one_on_a_database_that_is_not_named_here_is_kept_and_keeps_nobody_else(doors, woken: list[str]) -> None:
    elsewhere = replace(doors.place, public_id="w-elsewhere", alias="cell9")
    down: set[str] = set()
    assert not sweeping._looked_at(sweeping.Asked(elsewhere, None), down)
    assert down == {"cell9"}
    assert _look(doors)


def test_who_could_not_be_told_of_is_kept(doors, woken: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    queues.quiet(doors)
    with doors.unit():
        Job.objects.create(name="test.swept", target=1, at=clock.real_now() + timedelta(days=1))
    with monkeypatch.context() as away:
        away.setattr(sweeping.rows, "tell", _no_registry)
        assert not _look(doors)
    with doors.unit():
        Job.objects.update(at=clock.real_now())
    with monkeypatch.context() as away:
        away.setattr(broker, "wake", lambda public_id, generation, lane: False)
        assert not _look(doors)
    assert _look(doors)
    assert woken == [doors.place.public_id]


def test_where_it_lives_now_is_asked_in_the_round_itself(doors) -> None:
    with sides.control_unit():
        there = Workspace.objects.get(pk=doors.workspace.pk)
    assert sweeping._asked([there.pk, 0]) == {0: None, there.pk: sweeping.Asked(there.place, sweeping._asked([there.pk])[there.pk].noted)}


def test_a_scheduler_whose_chore_makes_a_mistake_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    def mistaken() -> None:
        raise KeyError

    stop = threading.Event()
    monkeypatch.setattr(scheduler, "ring", mistaken)
    monkeypatch.setattr(sweeping.Sweeper, "round", lambda _self, _stop: None)
    with pytest.raises(KeyError):
        scheduler.run(stop)
    assert stop.is_set()
    assert not [one for one in threading.enumerate() if one.name == "sweeper"]


def test_a_round_that_fails_is_not_the_last(doors, monkeypatch: pytest.MonkeyPatch) -> None:
    stop, rounds = threading.Event(), []

    def fail(_self: Any, _stop: threading.Event) -> None:
        rounds.append(len(rounds))
        if len(rounds) == 2:
            stop.set()
        raise RuntimeError

    monkeypatch.setattr(sweeping.Sweeper, "round", fail)
    monkeypatch.setattr(sweeping, "EVERY", 0)
    runner = threading.Thread(target=sweeping.Sweeper().run, args=(stop,))
    runner.start()
    runner.join(10)
    assert rounds == [0, 1]


def test_a_round_ends_when_it_is_told_to_stop(doors, seen: list[str]) -> None:
    stopped = threading.Event()
    stopped.set()
    sweeping.Sweeper().round(stopped)
    assert seen == []


def test_a_glance_is_due_by_events_or_by_a_moment_that_has_come() -> None:
    now = clock.real_now()
    assert Glance(pending=True, next_at=None).due
    assert Glance(pending=False, next_at=now).due
    assert not Glance(pending=False, next_at=now + timedelta(minutes=1)).due
    assert not Glance(pending=False, next_at=None).due
