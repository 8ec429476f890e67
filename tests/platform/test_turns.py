"""Fair queues: whose turn it is, and what within a workspace comes first. Real Redis, real rows, real workers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from celery.contrib.testing.worker import start_worker
from celery.signals import task_postrun
from django.conf import settings
from django.db import connections
from django.utils import timezone, translation

from crm_platform.db import sides
from crm_platform.jobs import broker, rows, serving, turns
from crm_platform.jobs.models import Job, JobState
from crm_platform.kernel import clock, effort, jobs, neighbours, workspace
from crm_platform.kernel.jobs import Again, Kind, LeaseLost
from crm_platform.kernel.permissions import robot
from tenants import scheduler
from tenants.inside.services import change_preferences
from tenants.models import Due
from tests.platform import queues

ran: list[str] = []


@pytest.fixture(autouse=True)
def empty_queue(house: None) -> Iterator[None]:
    """Nobody waits, before and after."""
    ran.clear()
    queues.empty()
    with neighbours.forgotten():
        yield
    queues.empty()


@pytest.fixture
def calm(doors: Any) -> Any:
    """A workspace whose first jobs are done, alone in the queue and in the scheduler's notes."""
    queues.quiet(doors)
    return doors


def tickets() -> int:
    found: Any = turns.queue().llen("serve")
    return int(found)


@jobs.register("test.short")
def short(pk: int, *, lease: Any) -> None:
    """Notes where it ran."""
    ran.append(f"short:{workspace.here().public_id}")
    time.sleep(0.01)


@jobs.register("test.letter", kind=Kind.PROMPT)
def letter(pk: int, *, lease: Any) -> None:
    """The same, for somebody who waits."""
    ran.append("letter")


@jobs.register("test.long", kind=Kind.LONG)
def long(pk: int, *, lease: Any) -> Again | None:
    """Works until it is others' turn."""
    ran.append("long")
    while not lease.should_yield():
        time.sleep(0.01)
    return Again()


def leave_jobs(door: Any, name: str, number: int = 1) -> None:
    with door.unit():
        Job.objects.bulk_create([Job(name=name, target=at) for at in range(number)])


def ask(door: Any, **lane: Any) -> None:
    broker.wake(door.place.public_id, door.place.generation, **lane)


@contextmanager
def workers(number: int) -> Iterator[None]:
    """Celery itself, in this process, on the real queue."""
    task_postrun.connect(_close, dispatch_uid="test.close")
    with start_worker(broker.app, pool="threads", concurrency=number, perform_ping_check=False, shutdown_timeout=30, loglevel="ERROR", queues=["serve"]):
        yield
    task_postrun.disconnect(dispatch_uid="test.close")


def _close(**_given: Any) -> None:
    connections.close_all()  # a thread of the pool ends with its connections open


def until(met: Callable[[], bool], *, seconds: float = 30.0) -> None:
    """Wait for it, or fail."""
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def test_one_who_asks_a_hundred_times_stands_in_the_queue_once() -> None:
    for _ in range(100):
        broker.wake("flood", 1)
    broker.wake("flood", 1, lane=broker.REST)
    assert (turns.waiting(), tickets()) == (1, 1)
    turn = turns.take()
    assert turn is not None
    assert turn.member == "flood:1"
    assert turns.take() is None


def test_thousands_that_wake_at_once_delay_a_person_by_one_turn_and_are_served_all() -> None:
    for number in range(3000):
        turns.ask(f"sweep{number}", 1, lane=turns.REST)
    served = [turns.take() for _ in range(10)]
    turns.ask("person", 1)
    following = [turn.public_id for turn in (turns.take(), turns.take()) if turn]
    assert "person" in following
    assert len([turn for turn in served if turn]) == 10
    while turns.take() is not None:
        served.append(None)
    assert len(served) + 2 == 3001


def test_those_who_rest_get_each_fourth_turn() -> None:
    turns.ask("tired", 1, lane=turns.REST)
    for number in range(40):
        turns.ask(f"person{number}", 1)
    first = [turn.public_id for turn in (turns.take() for _ in range(4)) if turn]
    assert "tired" in first


def test_who_rests_and_leaves_new_work_moves_up_without_a_second_ticket() -> None:
    broker.wake("a", 1, lane=broker.REST)
    broker.wake("a", 1)
    assert (turns.queue().zcard(turns.NOW), turns.queue().zcard(turns.REST), tickets()) == (1, 0, 1)


def test_a_workspace_holds_two_places_one_of_them_for_short_work_and_comes_again_when_one_leaves() -> None:
    turns.ask("a", 1)
    first = turns.take()
    turns.ask("a", 1)
    second = turns.take()
    assert first is not None
    assert second is not None
    assert (first.long_work, second.long_work) == (True, False)
    broker.wake("a", 1)
    turns.ask("b", 1)
    other = turns.take()
    assert other is not None
    assert other.public_id == "b"
    assert turns.take() is None
    before = tickets()
    broker.leave(first, unfinished=False)
    assert tickets() == before + 1
    again = turns.take()
    assert again is not None
    assert (again.public_id, again.long_work) == ("a", True)


def test_the_place_of_a_dead_worker_is_free_after_half_a_minute_that_of_a_living_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []
    for _ in range(settings.CRM_JOB_SLOTS):
        turns.ask("a", 1)
        taken.append(turns.take())
    now = clock.real_now()
    monkeypatch.setattr(clock, "real_now", lambda: now + timedelta(seconds=turns.HOLDER_DIES + 1))
    living = taken[0]
    assert living is not None
    living._told -= turns.SIGN_EVERY
    living.sign()
    turns.ask("a", 1)
    assert turns.take() is not None
    turns.ask("a", 1)
    assert turns.take() is None


def test_lost_tickets_are_written_anew() -> None:
    for number in range(5):
        broker.wake(f"a{number}", 1)
    turns.queue().delete("serve")
    scheduler.top_up()
    assert tickets() == 5
    scheduler.top_up()
    assert tickets() == 5


def test_a_flood_of_ten_thousand_jobs_delays_another_by_a_slice_per_worker(two_doors: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    flood, other = two_doors
    monkeypatch.setattr(broker, "SLICE", 0.5)
    granted: list[str] = []
    take = turns.take

    def noted() -> Any:
        turn = take()
        if turn is not None:
            granted.append(turn.public_id)
        return turn

    monkeypatch.setattr(turns, "take", noted)
    leave_jobs(flood, "test.short", 10_000)
    with workers(2):
        for _ in range(3):
            ask(flood)
        until(lambda: len(granted) >= 4)
        leave_jobs(other, "test.short")
        seen = len(granted)
        ask(other)
        until(lambda: f"short:{other.place.public_id}" in ran)
        between = granted[seen : granted.index(other.place.public_id)]
        with flood.unit():
            assert Job.objects.filter(state=JobState.WAITING).count() > 5000
            Job.objects.filter(state=JobState.WAITING).delete()
        until(lambda: not turns.waiting())
    assert len(between) <= 2, between


def test_within_a_workspace_a_letter_does_not_wait_behind_an_import(calm: Any) -> None:
    leave_jobs(calm, "test.long", 3)
    leave_jobs(calm, "test.short", 3)
    leave_jobs(calm, "test.letter")
    serving.serve_side(calm.unit, seconds=0.5)
    assert ran[0] == "letter"
    assert ran.index("long") == 4


def test_a_place_for_short_work_leaves_the_long_where_it_is(calm: Any) -> None:
    leave_jobs(calm, "test.long")
    leave_jobs(calm, "test.short")
    assert serving.serve_side(calm.unit, turn=turns.Turn(calm.place.public_id, 1, "s0", long_work=False))
    assert ran == [f"short:{calm.place.public_id}"]
    with calm.unit():
        assert Job.objects.get(name="test.long").state == JobState.WAITING


def test_the_slice_ends_for_a_job_that_began_late_in_it(calm: Any) -> None:
    ends: list[float] = []

    @jobs.register("test.late", kind=Kind.LONG)
    def late(pk: int, *, lease: Any) -> None:
        ends.append(lease.until - time.monotonic())

    leave_jobs(calm, "test.short", 10)
    leave_jobs(calm, "test.late")
    serving.serve_side(calm.unit, seconds=60)
    assert len(ran) == 10
    assert ends[0] < 60 - 10 * 0.01


def test_who_used_up_the_databases_time_has_its_imports_wait_not_its_letters(calm: Any) -> None:
    leave_jobs(calm, "test.long")
    leave_jobs(calm, "test.letter")
    with calm.unit():
        neighbours.settle({"statement_seconds": settings.CRM_DATABASE_SECONDS * 3.0})
    assert serving.serve_side(calm.unit, turn=turns.Turn(calm.place.public_id, 1, "b0", long_work=True))
    assert ran == ["letter"]
    assert _due(calm) > clock.real_now() + timedelta(seconds=60)
    with sides.control_unit():
        Due.objects.all().delete()
    with calm.unit():
        jobs.later("test.short", 1, at=clock.real_now() + timedelta(seconds=20))
    serving.serve_side(calm.unit, turn=turns.Turn(calm.place.public_id, 1, "b0", long_work=True))
    assert _due(calm) < clock.real_now() + timedelta(seconds=21)


def _due(door: Any) -> datetime:
    with sides.control_unit():
        return Due.objects.get(workspace=door.workspace).at


def test_a_lease_that_ran_out_is_taken_over_and_its_first_holder_writes_nothing_more(calm: Any) -> None:
    leave_jobs(calm, "test.short")
    with calm.unit():
        taken = rows.claim()
    assert taken is not None
    job, dead = taken
    with calm.unit():
        assert rows.claim() is None
        Job.objects.filter(pk=job.pk).update(leased_until=clock.real_now() - timedelta(seconds=1))
    assert serving.serve_side(calm.unit)
    assert len(ran) == 1
    with calm.unit(), pytest.raises(LeaseLost):
        dead.beat({"row": 1})


def test_a_job_that_kills_its_worker_each_time_is_given_up(calm: Any) -> None:
    """Else it would kill the workers of all for ever."""
    leave_jobs(calm, "test.short")
    for _time in range(10):
        with calm.unit():
            taken = rows.claim()
            assert taken is not None
            Job.objects.filter(pk=taken[0].pk).update(leased_until=clock.real_now() - timedelta(seconds=1))
    assert serving.serve_side(calm.unit)
    with calm.unit():
        job = Job.objects.get(pk=taken[0].pk)
    assert (len(ran), job.state) == (0, JobState.FAILED)


@pytest.mark.parametrize("dies_after", [0, 7, 20])
def test_the_job_of_a_killed_worker_runs_again_within_a_minute(calm: Any, monkeypatch: pytest.MonkeyPatch, dies_after: int) -> None:
    """All its places are held by the dead, at any moment after the scheduler's last look."""
    start, passed = clock.real_now(), [0]
    monkeypatch.setattr(clock, "real_now", lambda: start + timedelta(seconds=passed[0]))
    with calm.unit():
        jobs.later("test.short", 1)
    scheduler.ring()
    passed[0] = dies_after
    for _ in range(settings.CRM_JOB_SLOTS):
        ask(calm)
        assert turns.take() is not None
    with calm.unit():
        assert rows.claim() is not None
    died = passed[0]
    while not ran:
        passed[0] += 2
        scheduler.ring()
        serving.serve_turn()
        assert passed[0] - died <= 60
    assert ran == [f"short:{calm.place.public_id}"]


def test_the_control_side_has_its_turn_like_everyone(calm: Any) -> None:
    broker.wake("control", 0)
    ask(calm)
    turn = turns.take()
    assert turn is not None
    assert turn.public_id == "control"
    broker.leave(turn, unfinished=True)
    following = turns.take()
    assert following is not None
    assert following.public_id == calm.place.public_id


def test_a_job_runs_under_the_limits_of_a_job(calm: Any) -> None:
    seen: list[effort.Effort] = []
    jobs.register("test.limits")(lambda pk, *, lease: seen.append(effort.current()))
    leave_jobs(calm, "test.limits")
    serving.serve_side(calm.unit)
    assert seen == [effort.Effort.JOB]
    assert effort.current() == effort.Effort.COMMAND


def test_a_job_has_the_firms_hours_and_its_language(calm: Any) -> None:
    seen: list[tuple[str, str]] = []
    jobs.register("test.zone")(lambda pk, *, lease: seen.append((timezone.get_current_timezone_name(), translation.get_language())))
    with calm.unit():
        change_preferences(robot("test"), time_zone="Asia/Tashkent", language="ru")
    leave_jobs(calm, "test.zone")
    serving.serve_side(calm.unit)
    assert seen == [("Asia/Tashkent", "ru")]
    assert timezone.get_current_timezone_name() == "UTC"


def test_two_workers_never_take_one_turn() -> None:
    for number in range(200):
        turns.ask(f"w{number}", 1)
    taken: list[str] = []

    def work() -> None:
        while (turn := turns.take()) is not None:
            taken.append(turn.member)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 200
