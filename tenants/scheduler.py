"""The scheduler: wakes workspaces whose timers ring, and sweeps so that a lost message costs time, never work."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection
from datetime import datetime, timedelta

import redis
from django.db import DatabaseError, InterfaceError, close_old_connections
from django.db.models import F, Q, Value
from django.db.models.functions import Least, Mod

from crm_platform.db.sides import control_unit, control_writes
from crm_platform.jobs import broker
from crm_platform.kernel import clock

from .lifecycle.chores import look_after_addresses
from .models import Due, State, Workspace

_log = logging.getLogger("kartoteka.scheduler")
# A workspace woken for its timer is woken again after this long, unless its server says what waits there.
PATIENCE = timedelta(seconds=40)
AT_ONCE = 500
# Who is swept was last active so many seconds ago.
QUIET_FOR = (60, 540)
# Seconds between two looks for who is to be swept, and the shares in which all are swept within an hour: hundreds at once would be felt by whoever works just then.
LOOK = 5
SHARES = 3600 // LOOK
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
    chores: list[tuple[float, Callable[[], None]]] = [(every, ring), (every, top_up), (LOOK, Sweeps().look), (30.0, wake_control), (60.0, look_after_addresses), *_also]
    last = [0.0] * len(chores)
    _tried(sweep_all)  # whatever was lost while nobody looked
    while not stop.is_set():
        for position, (pause, chore) in enumerate(chores):
            if time.monotonic() - last[position] >= pause or not last[position]:
                last[position] = time.monotonic()
                _tried(chore)
        stop.wait(every)


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


class Sweeps:
    """What a lost message left behind is found by looking, a few workspaces at each look.

    Those last active one minute ago, and nine minutes ago, are swept: a lost message costs no more than that. Each is swept
    twice, not in each minute of ten, for a sweep costs something. All others are swept once an hour. A look takes up where
    the last one that succeeded ended, however long ago: nobody falls between two, and nobody is swept by both.
    """

    def __init__(self) -> None:
        self._seen = clock.real_now().timestamp()

    def look(self) -> None:
        """Wake whose turn it is to be swept since the last look. Raises RedisError, DatabaseError; then the next look does this one's work too."""
        now = clock.real_now().timestamp()
        sweep_active(self._seen, now)
        passed = range(int(self._seen // LOOK), int(now // LOOK))
        if passed:
            sweep_all(shares={number % SHARES for number in passed[-SHARES:]})
        self._seen = now


def sweep_active(since: float, until: float) -> None:
    """Those whose last activity became one minute old, or nine, between two moments (seconds of the epoch)."""
    for quiet in QUIET_FOR:
        for public_id, generation in broker.last_active(since - quiet, until - quiet):
            broker.wake(public_id, generation, lane=broker.REST)


def sweep_all(*, shares: Collection[int] | None = None) -> None:
    """All, or those in some of the hour's SHARES."""
    with control_unit():
        rows = Workspace.objects.filter(state=State.ACTIVE)
        if shares is not None:
            rows = rows.alias(share=Mod(F("pk"), SHARES)).filter(share__in=shares)
        found = list(rows.values_list("public_id", "generation"))
    for public_id, generation in found:
        broker.wake(public_id, generation, lane=broker.REST)


def wake_control() -> None:
    """The control side's own jobs."""
    broker.wake("control", 0, lane=broker.REST)


def top_up() -> None:
    """Tickets that went with a worker or a message come back."""
    missing = broker.top_up()
    if missing:
        _log.info("tickets written anew", extra={"tickets": missing})
