"""A database that neither answers nor breaks: its host has vanished, its disk hangs, its processes stand still.

The server cuts off a statement that runs too long. Where the server itself stands still nobody does that, and whoever waits waits
for ever: in the end all threads of a web process, and with them the workspaces of every other database. So a connection of the
workspaces waits no longer than the server may take and a little more, is closed then, and for a while nobody of this process asks
that database, but for one who finds out whether it answers again. Of each process alone, as `tenants.provisioning.outage`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import errors

from crm_platform.kernel import effort

# Seconds: how much later than the server's own limit one gives up; what a unit's beginning may take, behind a PgBouncer whose connections
# are all taken as well; how long nobody asks again.
GRACE, BEGINNING, PAUSE = 5.0, 8.0, 5.0
# Seconds in which whoever only finds out whether it answers wants to know.
ASKING = 2.0
# To connect takes no longer than `connect_timeout`; a little less is as long as it may.
_ALMOST = 0.9
_lock = threading.Lock()
_own = threading.local()
# Until when nobody asks, and the thread that finds out.
_silent: dict[str, tuple[float, int]] = {}


def patience() -> float | None:
    """How long a statement of this effort is waited for; None for a command, which takes what it takes."""
    shorter: float | None = getattr(_own, "seconds", None)
    if shorter is not None:
        return shorter
    seconds = effort.statement_seconds(effort.current())
    return seconds + GRACE if seconds else None


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Statements of this thread are waited for so long in the block, whatever the effort: to find out whether a database answers."""
    _own.seconds = seconds
    try:
        yield
    finally:
        _own.seconds = None


def is_noted(alias: str) -> bool:
    """Whether it did not answer just now, and this thread is not the one that finds out."""
    with _lock:
        until, who = _silent.get(alias, (0.0, 0))
    return time.monotonic() < until and who != threading.get_ident()


def watch(connection: Any, alias: str) -> None:
    """Let a connection wait no longer than `patience`."""
    plain: Callable[..., Any] = connection.wait

    def wait(gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        try:
            return plain(gen, interval, patience() if timeout is None else timeout)
        except errors._WaitTimeout as late:
            note(alias)
            connection.close()
            raise _no_answer(alias) from late

    connection.wait = wait


def refuse(alias: str) -> None:
    """Raise OperationalError where the database did not answer just now; when the pause is over, one may try while the others go on being refused."""
    if not _silent or patience() is None:
        return
    with _lock:
        until, who = _silent.get(alias, (0.0, 0))
        now, me = time.monotonic(), threading.get_ident()
        if now >= until:
            if until:
                _silent[alias] = now + PAUSE, me
            return
        if who == me:
            return
    raise _no_answer(alias)


def _no_answer(alias: str) -> psycopg.OperationalError:
    return psycopg.OperationalError(f"the database {alias} does not answer")


@contextmanager
def connecting(alias: str, *, seconds: float) -> Iterator[None]:
    """Where to connect takes all the `seconds` that it may, the database is silent, too."""
    began = time.monotonic()
    try:
        yield
    except psycopg.OperationalError:
        if time.monotonic() - began > seconds * _ALMOST:
            note(alias)
        raise


def note(alias: str) -> None:
    """It did not answer."""
    with _lock:
        _silent[alias] = time.monotonic() + PAUSE, 0


def heard(alias: str) -> None:
    """It answers: a unit has ended there. That one began says little, for a beginning needs no disk."""
    if _silent:
        with _lock:
            _silent.pop(alias, None)
