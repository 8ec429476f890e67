"""The scheduler: wakes workspaces whose timers ring, does the chores of all, and sweeps beside it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import redis
from django.db import DatabaseError, InterfaceError, close_old_connections
from django.db.models import Q, Value
from django.db.models.functions import Least

from crm_platform.db.sides import control_unit, control_writes
from crm_platform.jobs import broker
from crm_platform.kernel import clock

from . import sweeping
from .lifecycle.chores import look_after_addresses
from .models import Due, Workspace

_log = logging.getLogger("kartoteka.scheduler")
# A workspace woken for its timer is woken again after this long, unless its server says what waits there.
PATIENCE = timedelta(seconds=40)
AT_ONCE = 500
# Seconds that a sweep is waited for at the end; one that waits for a lock is given up.
LEAVES_WITHIN = 5.0
_also: list[tuple[float, Callable[[], None]]] = []


def also(every: float, chore: Callable[[], None]) -> None:
    """Add a chore of an upper folder, each so many seconds: short, for it leaves its work to the workers. Called at start-up."""
    _also.append((every, chore))


def note_due(public_id: str, moment: datetime | None, *, served: bool = False) -> None:
    """Keep the earliest moment a workspace wants to be served; None takes the note off. A hint: it may be lost.

    An earlier moment always counts. A later one, or none, counts only of who `served` the workspace after its timer rang,
    and only if nobody has left work there since: without it each would be visited every PATIENCE for what is due tomorrow.
    """
    with control_writes():
        rung = Due.objects.filter(workspace__public_id=public_id, rung=True)
        if moment is None:
            rung.delete()
        elif not (served and rung.update(at=moment, rung=False)):
            _note_earlier(public_id, moment)


def _note_earlier(public_id: str, moment: datetime) -> None:
    workspace = Workspace.objects.only("pk").filter(public_id=public_id).first()
    if workspace is None:
        return
    row, made = Due.objects.get_or_create(workspace=workspace, defaults={"at": moment})
    if not made and (row.rung or moment < row.at):
        Due.objects.filter(Q(rung=True) | Q(at__gt=moment), pk=row.pk).update(at=Least("at", Value(moment)), rung=False)


def run(stop: threading.Event, *, every: float = 2.0) -> None:
    """Work until `stop` is set."""
    chores: list[tuple[float, Callable[[], None]]] = [(every, ring), (every, top_up), (30.0, wake_control), (60.0, look_after_addresses), *_also]
    last = [0.0] * len(chores)
    sweeper = threading.Thread(target=sweeping.Sweeper().run, args=(stop,), name="sweeper", daemon=True)
    sweeper.start()
    try:
        while not stop.is_set():
            for position, (pause, chore) in enumerate(chores):
                if time.monotonic() - last[position] >= pause or not last[position]:
                    last[position] = time.monotonic()
                    _tried(chore)
            stop.wait(every)
    finally:  # whatever ended it: a scheduler that sweeps and rings no timer would be taken for a live one
        stop.set()
        sweeper.join(LEAVES_WITHIN)


def _tried(chore: Callable[[], None]) -> None:
    try:
        chore()
    except (DatabaseError, InterfaceError, redis.RedisError):
        _log.exception("a chore failed")
        close_old_connections()


def ring() -> None:
    """Wake the workspaces whose earliest timer has rung; their notes move on, so that a dead worker is noticed."""
    now = clock.real_now()
    with control_unit():
        due = list(Due.objects.select_related("workspace").select_for_update(of=("self",), skip_locked=True).filter(at__lte=now)[:AT_ONCE])
        Due.objects.filter(pk__in=[row.pk for row in due]).update(at=now + PATIENCE, rung=True)
    for row in due:
        broker.wake(row.workspace.public_id, row.workspace.generation, lane=broker.REST)


def wake_control() -> None:
    """The control side's own jobs."""
    broker.wake("control", 0, lane=broker.REST)


def top_up() -> None:
    """Tickets that went with a worker or a message come back."""
    missing = broker.top_up()
    if missing:
        _log.info("tickets written anew", extra={"tickets": missing})
