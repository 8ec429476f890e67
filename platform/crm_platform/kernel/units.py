"""A unit of work's own memory: what was read once, and what is to be sent before the commit.

A unit is one request, one slice of a job or one command step: one transaction (design section 4).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_store: ContextVar[dict[str, Any] | None] = ContextVar("unit_store", default=None)


def store() -> dict[str, Any]:
    """The memory of the unit we are in; a throw-away dict outside of one, so that nothing is kept between units."""
    kept = _store.get()
    return {} if kept is None else kept


def forget_reads() -> None:
    """Drop what was read (keys that begin with "read:"): a savepoint was taken back, so it may name rows that never were."""
    kept = store()
    for key in [key for key in kept if key.startswith("read:")]:
        del kept[key]


def within() -> bool:
    """Whether a unit is open."""
    return _store.get() is not None


@contextmanager
def memory() -> Iterator[dict[str, Any]]:
    """Open a fresh memory for the block: called by whoever opens the unit's transaction."""
    fresh: dict[str, Any] = {}
    token = _store.set(fresh)
    try:
        yield fresh
    finally:
        _store.reset(token)
