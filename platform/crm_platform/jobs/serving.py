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
from crm_platform.kernel import clock, context, ids, jobs, workspace
from crm_platform.kernel.errors import NotFound, Unavailable
from crm_platform.kernel.jobs import Again, LeaseLost

from . import broker, rows
from .models import Job, JobState

_log = logging.getLogger("kartoteka.jobs")
OpenUnit = Callable[[], Any]


def serve_place(public_id: str, generation: int) -> bool:
    """Serve a workspace, or the control side ("control", 0); True when there is nothing left that is due."""
    broker.woken(public_id, generation)
    with broker.slot(public_id, generation) as mine:
        if not mine:
            return False  # others serve it already; whoever finishes last looks again
        open_unit: OpenUnit = sides.control_unit if public_id == "control" else (lambda: workspace.unit(public_id))
        try:
            with context.bind(request=f"job-{ids.random_id(8)}"):
                emptied = serve_side(open_unit)
        except NotFound:
            return True  # erased meanwhile
        except Unavailable:
            return False  # asleep, and being woken: the scheduler rings again
        except (DatabaseError, InterfaceError) as error:
            # Its database is down, or it moved under our hands: what is due stands in its rows, and the scheduler rings again.
            _log.warning("a workspace cannot be served now", extra={"workspace": public_id, "error": str(error).strip()})
            close_old_connections()
            return False
    if not emptied:
        broker.wake(public_id, generation)
    return emptied


def serve_side(open_unit: OpenUnit, *, seconds: float = broker.SLICE) -> bool:
    """Relay and run until nothing is due (True) or the slice is over (False)."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        relayed = backbone.relay(open_unit)
        with open_unit():
            taken = rows.claim()
        if taken is None:
            if relayed:
                continue
            _note_next(open_unit)
            return True
        _run(*taken, open_unit=open_unit)
    return False


def _note_next(open_unit: OpenUnit) -> None:
    with open_unit():
        moment = rows.next_due()
        if moment is None:
            rows.note_quiet()
        else:
            rows.wake_after_commit(moment)


def _run(job: Job, lease: rows.HeldLease, *, open_unit: OpenUnit) -> None:
    place = workspace.current()
    facts = {"job": job.name, "target": job.target}
    try:
        with open_unit() as entered:
            place = entered
        work = jobs.find(job.name)
        with _standing(place):
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


def _standing(place: Any) -> Any:
    return sides.inside(place) if place is not None else sides.outside()


def _failed(job: Job, lease: rows.HeldLease, *, error: Exception) -> None:
    if job.attempts >= rows.MOST_ATTEMPTS:
        rows.finish(lease, state=JobState.FAILED, error=f"{type(error).__name__}: {error}")
        jobs.gave_up(job.name, job.target)
        return
    pause = timedelta(seconds=2**job.attempts)
    rows.finish(lease, state=JobState.WAITING, error=f"{type(error).__name__}: {error}", at=clock.real_now() + pause)
