"""Serving one workspace: its pending events, then its due jobs, for one slice; then the others' turn."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, InterfaceError, close_old_connections

from crm_platform.db import sides
from crm_platform.events import backbone
from crm_platform.kernel import clock, context, effort, ids, jobs, neighbours, preferences, workspace
from crm_platform.kernel.effort import Effort
from crm_platform.kernel.errors import BehindRelease, NotFound, Unavailable
from crm_platform.kernel.jobs import Again, LeaseLost

from . import broker, rows, turns
from .glance import glance
from .models import Job, JobState
from .turns import Turn

_log = logging.getLogger("kartoteka.jobs")
OpenUnit = Callable[[], Any]
# Events handed on before jobs have their turn.
EVENTS = 50


# Within a slice one looks for what is prompt so often, in seconds; in between jobs go in the order of time.
SORT_EVERY = 1.0


def serve_turn() -> bool:
    """Serve whose turn it is, a workspace or the control side; True when it has nothing left that is due, or nobody waits."""
    turn = turns.take()
    if turn is None:
        return True
    return serve(turn)


def serve(turn: Turn) -> bool:
    """Serve the one whose turn it is; True when nothing is left that is due, or the turn is of nobody who lives here now."""
    with context.bind(workspace=turn.public_id):
        return _serve_turn(turn)


def _serve_turn(turn: Turn) -> bool:
    unfinished = False
    open_unit: OpenUnit = sides.control_unit if turn.public_id == "control" else (lambda: workspace.unit(turn.public_id))
    try:
        if not _is_present(turn):
            return True  # erased, restored or moved meanwhile: the message is of a past
        with context.bind(request=f"job-{ids.random_id(8)}"):
            unfinished = not (_rests(open_unit, turn=turn) or serve_side(open_unit, seconds=broker.SLICE, turn=turn))
    except (NotFound, BehindRelease):
        pass  # erased meanwhile; or a rollout has not reached it, and its note of what is due rings again
    except Unavailable:
        pass  # asleep, and being woken: the scheduler rings again
    except (DatabaseError, InterfaceError) as error:
        # Its database is down, or it moved under our hands: what is due stands in its rows, and the scheduler rings again.
        _log.warning("a workspace cannot be served now", extra={"workspace": turn.public_id, "error": str(error).strip()})
        close_old_connections()
    finally:
        broker.leave(turn, unfinished=unfinished)
    return not unfinished


def _is_present(turn: Turn) -> bool:
    """Whether the message names a workspace as it is now: its generation too, so that one of a past life wakes nobody. Raises NotFound, BehindRelease."""
    if turn.public_id == "control":
        return turn.generation == 0
    with workspace.enter(turn.public_id) as place:
        return place.generation == turn.generation


def _rests(open_unit: OpenUnit, *, turn: Turn) -> bool:
    """Whether one whose timer rang, or who was swept, has nothing to be done now: one look, where a round of serving takes four units."""
    if turn.lane != broker.REST:
        return False
    with effort.use(Effort.JOB), open_unit():
        seen = glance()
        if not seen.due:
            rows.note_served(seen.next_at)
    return not seen.due


def serve_side(open_unit: OpenUnit, *, seconds: float = broker.SLICE, turn: Turn | None = None) -> bool:
    """Relay and run until nothing is due (True) or the slice is over (False)."""
    with effort.use(Effort.JOB):
        return _serve(open_unit, until=time.monotonic() + seconds, turn=turn)


def _serve(open_unit: OpenUnit, *, until: float, turn: Turn | None) -> bool:
    sorted_at = 0.0
    while time.monotonic() < until:
        relayed = backbone.relay(open_unit, most=EVENTS)
        sort, held = time.monotonic() - sorted_at >= SORT_EVERY, _held(turn)
        sorted_at = time.monotonic() if sort else sorted_at
        with open_unit():
            taken = rows.claim(long_work=not held, sort=sort)
        if taken is None:
            if relayed:
                continue
            _note_next(open_unit, held=held)
            return True
        job, lease = taken
        if job.attempts > rows.MOST_TAKEN_UP:
            _died_of(job, lease, open_unit=open_unit)
            continue
        lease.until = until
        if turn is not None:
            lease.sign = turn.sign
        _run(job, lease, open_unit=open_unit)
        lease.sign()
    return False


def _held(turn: Turn | None) -> float:
    """For how many seconds work that lasts is left where it is: others of the workspace do it, or its share of the database is used up."""
    if turn is None:
        return 0.0
    return neighbours.seconds_over(turn.public_id) if turn.long_work else broker.SLICE


def _note_next(open_unit: OpenUnit, *, held: float) -> None:
    with open_unit():
        moment = rows.next_due()
        if held and moment is not None:  # what is due and was held back is looked at when it may be done; what is short, at its own moment
            later = max(moment, clock.real_now() + timedelta(seconds=held))
            moment = min(rows.next_due(long_work=False) or later, later)
        rows.note_served(moment)


def _run(job: Job, lease: rows.HeldLease, *, open_unit: OpenUnit) -> None:
    place = workspace.current()
    facts = {"job": job.name, "target": job.target}
    try:
        with open_unit() as entered:
            place, firm = entered, preferences.here()
        neighbours.note(place.public_id if place else "control", "jobs")
        work = jobs.find(job.name)
        with _standing(place), preferences.as_firm(firm):
            outcome = work(job.target, lease=lease)
    except LeaseLost:
        _log.warning("lease lost", extra=facts)
        return
    except Exception as error:  # broad: a job's mistake is noted on its row and tried again
        with open_unit() as now:
            if place is not None and (now.schema, now.alias) != (place.schema, place.alias):
                _log.info("a job goes on where its workspace moved to", extra=facts)
                rows.finish(lease, state=JobState.WAITING, fresh=True)
                return
            _log.exception("a job failed", exc_info=error, extra=facts)
            _failed(job, lease, error=error)
        return
    with open_unit():
        if isinstance(outcome, Again):
            rows.finish(lease, state=JobState.WAITING, fresh=True)
        else:
            rows.finish(lease, state=JobState.DONE)


def _died_of(job: Job, lease: rows.HeldLease, *, open_unit: OpenUnit) -> None:
    """Whoever did it was killed, time after time; it is not done once more."""
    _log.error("a job ended its workers", extra={"job": job.name, "target": job.target, "attempts": job.attempts})
    with open_unit():
        rows.finish(lease, state=JobState.FAILED, error=f"Its workers died of it {rows.MOST_TAKEN_UP} times.")
        jobs.gave_up(job.name, job.target)


def _standing(place: Any) -> Any:
    return sides.inside(place) if place is not None else sides.outside()


def _failed(job: Job, lease: rows.HeldLease, *, error: Exception) -> None:
    if job.attempts >= rows.MOST_ATTEMPTS:
        rows.finish(lease, state=JobState.FAILED, error=f"{type(error).__name__}: {error}")
        jobs.gave_up(job.name, job.target)
        return
    pause = timedelta(seconds=2**job.attempts)
    rows.finish(lease, state=JobState.WAITING, error=f"{type(error).__name__}: {error}", at=clock.real_now() + pause)
