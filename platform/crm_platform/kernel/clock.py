"""One clock for the whole product, so that tests and the business clock can move it.

`now` is business time: trials, dunning, due dates. `real_now` never moves: sessions, tokens, leases, logs.
"""

from __future__ import annotations

import functools
import zoneinfo
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta

_frozen: ContextVar[datetime | None] = ContextVar("frozen_clock", default=None)
_offset: Callable[[], timedelta] | None = None


def real_now() -> datetime:
    """The time of the world, aware, in UTC."""
    return datetime.now(UTC)


def now() -> datetime:
    """Business time, aware, in UTC: the frozen moment of a test, else the world's time plus the operator's offset."""
    frozen = _frozen.get()
    if frozen is not None:
        return frozen
    return real_now() + _offset() if _offset else real_now()


def answer_offset(reader: Callable[[], timedelta]) -> None:
    """Name who knows how far business time has been moved (the control side does)."""
    global _offset
    _offset = reader


@contextmanager
def frozen(at: datetime) -> Iterator[None]:
    """Hold business time at `at` (aware) for the block."""
    token = _frozen.set(at)
    try:
        yield
    finally:
        _frozen.reset(token)


@functools.cache
def zones() -> frozenset[str]:
    """The names of all time zones. The library reads some hundred files to tell them, so they are read once a process."""
    return frozenset(zoneinfo.available_timezones())
