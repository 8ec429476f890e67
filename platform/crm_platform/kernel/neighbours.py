"""Each workspace's share of this process: how many requests at once and a minute, how much of the database's time.

Counted in the process, in memory: a page pays a microsecond and no round trip, and nothing fails open or shut when Redis
is away. Requests are a share of each process, whose threads they take; more processes give more. What was counted goes to Redis
now and then, from a thread of its own, for the operator's figures; a Redis that does not answer loses figures, never requests.
The database is the same for all processes: by the same message each hears what the others' statements took, and charges it too.
"""

from __future__ import annotations

import functools
import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import redis
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from . import effort, units, workspace
from .effort import Effort
from .errors import TooMany

_log = logging.getLogger("kartoteka.database")
# A burst of one minute's share is free; seconds.
BURST = 60.0
# Figures go to Redis so often, and are kept there so long; seconds.
EVERY, KEPT_FOR = 10.0, 7200
MOST = 5_000
MEASURES = ("requests", "jobs", "database", "refused")
_SPENT = "statement_seconds"
# One share for all processes that serve pages, another for all that do jobs: while an import runs, reports may be read.
SHARED: dict[Effort, str] = {kind: "working" if kind is Effort.JOB else "reading" for kind in Effort if kind is not Effort.COMMAND}
# Seconds a request waits for another of its workspace to end, where that keeps no thread from the others.
PATIENCE = 2.0
# Seconds from which a statement is slow, and how much of its text a log line holds.
SLOW, _LONGEST = 2.0, 1000


class Crowded(TooMany):
    """The workspace asks for more at once, or a minute, than its share."""

    code = "workspace_busy"
    sentence = _("Your workspace asks for more at a time than its share of the server. Nothing was saved; try again in {retry_after} s.")


class ReportsWait(TooMany):
    """The workspace's share of the database's time is used up: what is light goes on."""

    code = "reports_wait"
    sentence = _("Reports and exports of your workspace have used their share of the database for this minute. All else works; try again in {retry_after} s.")


@dataclass(slots=True)
class _Neighbour:
    """What one workspace does in this process. The two `until` run ahead of the clock by what was used: GCRA's theoretical arrival time."""

    at_once: int = 0
    waiting: deque[object] = field(default_factory=deque)
    asked_until: float = 0.0
    read_until: float = 0.0
    fresh: dict[str, float] = field(default_factory=dict)
    # What all processes had taken by the last message: (minute, seconds), by measure.
    heard: dict[str, tuple[int, float]] = field(default_factory=dict)

    def charge(self, seconds: float, *, now: float) -> None:
        """Of its share of the database's time so many seconds are used."""
        self.read_until = max(self.read_until, now) + seconds * BURST / settings.CRM_DATABASE_SECONDS

    def count(self, measure: str, value: float = 1.0) -> None:
        self.fresh[measure] = self.fresh.get(measure, 0.0) + value


_lock = threading.Lock()
_changed = threading.Condition(_lock)
_all: dict[str, _Neighbour] = {}
# Requests being served in this process, the workspaces they are of, and requests that wait: each holds a thread too.
_busy = {"requests": 0, "workspaces": 0, "waiting": 0}
_telling: list[threading.Timer] = []
_unbounded: list[bool] = []


def _of(key: str) -> _Neighbour:
    found = _all.get(key)
    if found is None:
        if len(_all) >= MOST:
            _forget_idle()
        found = _all[key] = _Neighbour()
    return found


def _forget_idle() -> None:
    now = time.monotonic()
    for key in [key for key, one in _all.items() if not one.at_once and not one.waiting and not one.fresh and max(one.asked_until, one.read_until) < now]:
        del _all[key]


def arrive(key: str) -> None:
    """A request of the workspace begins, where need be when another has ended; raises Crowded. Whoever calls it calls `depart` in the end."""
    with _lock:
        one = _of(key)
        wait = _ahead(one) or int(not _room_in_time(one))
        if wait:
            one.count("refused")
        else:
            one.at_once += 1
            one.asked_until = max(one.asked_until, time.monotonic()) + BURST / settings.CRM_REQUESTS_A_MINUTE
            one.count("requests")
            _busy["requests"] += 1
            _busy["workspaces"] += one.at_once == 1
            if _busy["waiting"]:
                _changed.notify_all()  # it may have taken the last thread: who waits gives way
        _tell_later()
    if wait:
        raise Crowded(retry_after=wait)


def _ahead(one: _Neighbour) -> int:
    """Seconds by which the workspace is ahead of its requests a minute; 0 where it is not."""
    return 0 if _unbounded else max(0, math.ceil(one.asked_until - time.monotonic() - BURST))


def _room_in_time(one: _Neighbour) -> bool:
    """Whether there is room now or within the patience, first come, first served. Waits only while a thread is left for the others, and holds the lock between."""
    if not one.waiting and _room(one):
        return True
    until, ticket = time.monotonic() + PATIENCE, object()
    one.waiting.append(ticket)
    _busy["waiting"] += 1
    try:
        while _busy["requests"] + _busy["waiting"] < settings.CRM_WEB_THREADS and (left := until - time.monotonic()) > 0:
            _changed.wait(left)
            if one.waiting[0] is ticket and _room(one):
                return True
        return False
    finally:
        one.waiting.remove(ticket)
        _busy["waiting"] -= 1
        _changed.notify_all()  # the next in line may have room too


def _room(one: _Neighbour) -> bool:
    """Whether one more may be served: few threads left go to those who hold less than an equal part."""
    if _unbounded:
        return True
    most, threads = settings.CRM_REQUESTS_AT_ONCE, settings.CRM_WEB_THREADS
    if one.at_once >= most:
        return False
    scarce = threads - _busy["requests"] <= threads - most
    equal = threads // (_busy["workspaces"] + (not one.at_once))
    return not (scarce and one.at_once >= max(1, equal))


def depart(key: str) -> None:
    """The request has been answered."""
    with _lock:
        one = _all[key]
        one.at_once -= 1
        _busy["requests"] -= 1
        _busy["workspaces"] -= one.at_once == 0
        if _busy["waiting"]:
            _changed.notify_all()


def timed(execute: Callable[..., Any], statement: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """Execute wrapper of the workspaces' connections: the unit's time in the database. A slow statement is logged as it was written, without its values."""
    began = time.perf_counter()
    try:
        return execute(statement, params, many, context)
    finally:
        kept, took = units.store(), time.perf_counter() - began
        kept[_SPENT] = kept.get(_SPENT, 0.0) + took
        if took >= SLOW:
            _log.warning("slow statement", extra={"ms": round(took * 1000), "statement": str(statement)[:_LONGEST]})


def settle(kept: dict[str, Any]) -> None:
    """A unit of the workspace we are in has ended: what its statements took is charged. `kept` is its memory."""
    place = workspace.current()
    spent = kept.get(_SPENT, 0.0)
    if place is None or not spent:
        return
    now = time.monotonic()
    with _lock:
        one = _of(place.public_id)
        one.charge(spent, now=now)
        one.count("database", spent)
        if shared := SHARED.get(effort.current()):
            one.count(shared, spent)
        _tell_later()


def seconds_over(key: str) -> float:
    """How long until the workspace has time of the database again for what reads much; 0 where it has."""
    one = _all.get(key)
    return 0.0 if one is None or _unbounded else max(0.0, one.read_until - time.monotonic() - BURST)


def need_share() -> None:
    """Before a report or export; raises ReportsWait. Inside a workspace."""
    key = workspace.here().public_id
    over = seconds_over(key)
    if over:
        note(key, "refused")
        raise ReportsWait(retry_after=math.ceil(over))


def note(key: str, measure: str) -> None:
    """Count one of what a workspace did."""
    with _lock:
        _of(key).count(measure)
        _tell_later()


def _tell_later() -> None:
    if not _telling:
        timer = threading.Timer(EVERY, tell)
        timer.daemon = True
        _telling.append(timer)
        timer.start()


def tell() -> None:
    """Add what was counted since the last time to the figures of this minute in Redis."""
    with _lock:
        _telling.clear()
        fresh = [(key, measure, value) for key, one in _all.items() for measure, value in one.fresh.items()]
        for one in _all.values():
            one.fresh = {}
    minute = int(time.time()) // 60
    try:
        with _redis().pipeline(transaction=False) as several:
            for key, measure, value in fresh:
                several.zincrby(_name(measure, minute), value, key)
            for measure in {measure for _key, measure, _value in fresh}:
                several.expire(_name(measure, minute), KEPT_FOR)
            totals = several.execute()[: len(fresh)]
    except redis.RedisError:
        return
    for (key, measure, value), total in zip(fresh, totals, strict=True):
        if measure in SHARED.values():
            _hear(key, measure, minute=minute, mine=value, total=float(total))


def _hear(key: str, measure: str, *, minute: int, mine: float, total: float) -> None:
    """Charge what other processes have taken of the database since the last message of this one: what came to the minute's total and is not our own."""
    now = time.monotonic()
    with _lock:
        one = _of(key)
        before = one.heard.get(measure, (minute, 0.0))
        known = before[1] if before[0] == minute else 0.0
        one.heard[measure] = minute, total
        one.charge(max(0.0, total - known - mine), now=now)


def heaviest(*, minutes: int, most: int = 20) -> list[tuple[str, dict[str, float]]]:
    """The workspaces that took most of the last minutes (the begun one included), by the database's time, each with its measures."""
    last = int(time.time()) // 60
    found: dict[str, dict[str, float]] = {}
    for measure in MEASURES:
        for minute in range(last - minutes + 1, last + 1):
            for key, value in _redis().zrevrange(_name(measure, minute), 0, 499, withscores=True):
                one = found.setdefault(key, dict.fromkeys(MEASURES, 0.0))
                one[measure] += value
    return sorted(found.items(), key=lambda pair: (-pair[1]["database"], -pair[1]["requests"], pair[0]))[:most]


def by_minute(key: str, measure: str, *, minutes: int) -> list[int]:
    """What was noted of one key in each of the last minutes, the begun one last; nothing where Redis is away."""
    last = int(time.time()) // 60
    try:
        with _redis().pipeline(transaction=False) as several:
            for minute in range(last - minutes + 1, last + 1):
                several.zscore(_name(measure, minute), key)
            return [round(value or 0) for value in several.execute()]
    except redis.RedisError:
        return []


def _name(measure: str, minute: int) -> str:
    return f"neighbours:{measure}:{minute}"


@functools.cache
def _redis() -> Any:
    return redis.Redis.from_url(settings.REDIS_URL, decode_responses=True, socket_timeout=2, socket_connect_timeout=2)


def shares_are_off() -> bool:
    """Whether nobody has a share at present."""
    return bool(_unbounded)


@contextmanager
def unbounded() -> Iterator[None]:
    """Nobody has a share in this process while the block runs: for the proof of isolation, whose refusals must be those of strangers."""
    _unbounded.append(True)
    try:
        yield
    finally:
        _unbounded.pop()


@contextmanager
def forgotten() -> Iterator[None]:
    """For tests: nothing was counted before the block, nothing is after it, and nothing goes to Redis by itself."""
    for timer in _telling:
        timer.cancel()
    _telling[:] = [threading.Timer(0, tell)]  # never started: with one waiting no other is made
    _forget_all()
    try:
        yield
    finally:
        _telling.clear()
        _forget_all()


def _forget_all() -> None:
    with _lock:
        _all.clear()
        _busy.update(requests=0, workspaces=0, waiting=0)
