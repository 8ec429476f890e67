"""The scheduler: wakes workspaces whose timers ring, and sweeps so that a lost message costs time, never work."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
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
# How long ago, in seconds, who is swept was last active. The scheduler looks each minute; the windows are a little longer, so that none falls between two looks.
QUIET_FOR = ((60, 122), (540, 602))
MINUTES = 60
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
    chores: list[tuple[float, Callable[[], None]]] = [(every, ring), (every, top_up), (60.0, sweep_active), (30.0, wake_control), (60.0, _sweep_share), (60.0, look_after_addresses), *_also]
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


def sweep_active() -> None:
    """Those that were last active one minute ago, or nine: a message that was lost costs no more than that. Each is swept twice, not in each minute of ten: a sweep costs as much as a page."""
    for least, most in QUIET_FOR:
        for public_id, generation in broker.active_before(least=least, most=most):
            broker.wake(public_id, generation, lane=broker.REST)


def sweep_all(*, minute: int | None = None) -> None:
    """All, or each hour's minute's share of them: hundreds at once would be felt by whoever works just then."""
    with control_unit():
        rows = Workspace.objects.filter(state=State.ACTIVE)
        if minute is not None:
            rows = rows.alias(share=Mod(F("pk"), MINUTES)).filter(share=minute % MINUTES)
        found = list(rows.values_list("public_id", "generation"))
    for public_id, generation in found:
        broker.wake(public_id, generation, lane=broker.REST)


def _sweep_share() -> None:
    sweep_all(minute=int(clock.real_now().timestamp() // 60))


def wake_control() -> None:
    """The control side's own jobs."""
    broker.wake("control", 0, lane=broker.REST)


def top_up() -> None:
    """Tickets that went with a worker or a message come back."""
    missing = broker.top_up()
    if missing:
        _log.info("tickets written anew", extra={"tickets": missing})
