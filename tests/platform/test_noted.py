"""The scheduler's notes of what is due: who is served is visited when its next timer rings, not every forty seconds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from crm_platform.db import sides
from crm_platform.events.models import Event
from crm_platform.jobs import serving, turns
from crm_platform.jobs.models import Job, JobState
from crm_platform.kernel import clock, jobs, neighbours
from tenants import scheduler
from tenants.models import Due
from tests.platform import queues

ran: list[int] = []
DAY = timedelta(days=1)


@jobs.register("test.noted")
def _noted(pk: int, *, lease: jobs.Lease) -> None:
    ran.append(pk)


@pytest.fixture
def firm(doors: Any) -> Iterator[Any]:
    """A workspace with one job for tomorrow, alone in the queue and in the scheduler's notes."""
    ran.clear()
    with neighbours.forgotten():
        queues.quiet(doors)
        with doors.unit():
            jobs.later("test.noted", 1, at=clock.real_now() + DAY)
        yield doors
    queues.empty()


def _due(firm: Any) -> datetime:
    with sides.control_unit():
        return Due.objects.get(workspace=firm.workspace).at


def _rung(firm: Any) -> None:
    """Its timer rings for something of the past that is done already."""
    with sides.control_unit():
        Due.objects.filter(workspace=firm.workspace).update(at=clock.real_now())
    scheduler.ring()


def test_who_was_served_is_visited_again_when_its_next_timer_rings(firm: Any) -> None:
    _rung(firm)
    assert _due(firm) < clock.real_now() + scheduler.PATIENCE
    assert serving.serve_turn()
    assert _due(firm) > clock.real_now() + DAY - timedelta(minutes=1)
    assert ran == []


def test_who_was_not_served_is_visited_again_soon(firm: Any) -> None:
    _rung(firm)
    assert turns.take() is not None  # and its worker dies
    assert _due(firm) < clock.real_now() + scheduler.PATIENCE


def test_with_nothing_left_the_note_goes(firm: Any) -> None:
    with firm.unit():
        Job.objects.all().delete()
    _rung(firm)
    assert serving.serve_turn()
    with sides.control_unit():
        assert not Due.objects.filter(workspace=firm.workspace).exists()


@pytest.mark.parametrize("after", [timedelta(seconds=10), timedelta(hours=1)])
def test_what_was_left_since_it_was_looked_at_keeps_its_moment(firm: Any, after: timedelta) -> None:
    """Who serves has seen what waits, and before the note is written another leaves work for sooner."""
    _rung(firm)
    public_id, soon = firm.place.public_id, clock.real_now() + after
    with firm.unit():
        jobs.later("test.noted", 2, at=soon)
    scheduler.note_due(public_id, clock.real_now() + DAY, served=True)
    assert _due(firm) <= soon
    _rung(firm)  # looked at once more, all of it is seen
    assert serving.serve_turn()
    assert _due(firm) == soon


def test_a_job_that_leaves_itself_for_tomorrow_costs_one_visit_more(firm: Any) -> None:
    @jobs.register("test.daily")
    def daily(pk: int, *, lease: jobs.Lease) -> None:
        ran.append(pk)
        with firm.unit():
            jobs.later("test.daily", pk, at=clock.real_now() + DAY)

    with firm.unit():
        jobs.later("test.daily", 7)
    _rung(firm)
    assert serving.serve_turn()
    _rung(firm)
    assert serving.serve_turn()
    assert ran == [7]
    assert _due(firm) > clock.real_now() + DAY - timedelta(minutes=1)


def test_one_who_rests_costs_one_statement(firm: Any) -> None:
    _rung(firm)
    with CaptureQueriesContext(connections[firm.place.alias]) as asked:
        assert serving.serve_turn()
    looked = [query["sql"] for query in asked if " FROM " in query["sql"]]
    assert len(looked) == 1, [query["sql"] for query in asked]


@pytest.mark.parametrize("left", ["job", "event"])
def test_one_who_is_swept_gets_what_a_lost_message_left(firm: Any, left: str) -> None:
    with firm.unit():
        if left == "job":
            Job.objects.create(name="test.noted", target=9, at=clock.real_now())
        else:
            Event.objects.create(name="test.swept", pending=True)
    turns.ask(firm.place.public_id, firm.place.generation, lane=turns.REST)
    assert serving.serve_turn()
    with firm.unit():
        assert not Event.objects.filter(pending=True).exists()
        assert not Job.objects.filter(state=JobState.WAITING, at__lte=clock.real_now()).exists()
    assert ran == ([9] if left == "job" else [])
