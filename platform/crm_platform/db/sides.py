"""Two sides, two connections, and the seat between them (foundation section 1).

Third parties speak to the alias `default`. It is no database but a seat: whoever enters a side seats that side's
connection there for the thread. A query without a seat raises ImproperlyConfigured, which is what we want.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import connections, transaction

from crm_platform.kernel import gates, neighbours, units, workspace
from crm_platform.kernel.errors import WrongWorkspace
from crm_platform.kernel.workspace import Place

SEAT, CONTROL, OWNER = "default", "control", "owner"



def is_owner(alias: str) -> bool:
    """Whether it is a keeper's connection, of the first database or of a further one."""
    return alias == OWNER or alias.startswith(f"{OWNER}_")


_writing_control: ContextVar[bool] = ContextVar("writing_control", default=False)
_WRITES = re.compile(r"\s*(insert|update|delete|merge|truncate|create|alter|drop|grant|copy)\b|.*\bfor\s+update\b", re.IGNORECASE | re.DOTALL)


class ControlIsReadOnly(RuntimeError):
    """A write to the control side from inside a workspace: a mistake of ours, since no transaction spans both."""


def refuse_control_writes(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """Execute wrapper of the control connection: reading only, while we stand in a workspace."""
    if workspace.current() is not None and not _writing_control.get() and _WRITES.match(str(sql)):
        raise ControlIsReadOnly
    return execute(sql, params, many, context)


@contextmanager
def control_writes() -> Iterator[None]:
    """Mark a step that writes to control although a workspace is entered.

    Only for two-step operations that wrote an operation id first, or for hints that may be lost (due work).
    """
    token = _writing_control.set(True)
    try:
        yield
    finally:
        _writing_control.reset(token)


@contextmanager
def seat(alias: str) -> Iterator[None]:
    """Let `default` mean the connection of `alias` in this thread for the block."""
    before = connections[SEAT]
    connections[SEAT] = connections[alias]
    try:
        yield
    finally:
        connections[SEAT] = before


@contextmanager
def inside(place: Place) -> Iterator[Place]:
    """Stand in a workspace, with no transaction yet.

    Within an open transaction it joins if it is the same workspace; raises WrongWorkspace before any SQL otherwise.
    """
    present = workspace.current()
    if present is not None and connections[SEAT].in_atomic_block:
        if (present.public_id, present.generation) != (place.public_id, place.generation):
            raise WrongWorkspace
        yield present
        return
    token = workspace._current.set(place)
    try:
        with seat(place.alias):
            yield place
    finally:
        workspace._current.reset(token)


@contextmanager
def outside() -> Iterator[None]:
    """Stand on the control side, whatever was entered before; the workspace returns after the block."""
    token = workspace._current.set(None)
    try:
        with seat(CONTROL):
            yield
    finally:
        workspace._current.reset(token)


@contextmanager
def unit(place: Place) -> Iterator[Place]:
    """Enter a workspace and open one durable transaction; limits are settled as its last statements."""
    with inside(place) as entered, _work():
        yield entered


@contextmanager
def control_unit() -> Iterator[None]:
    """Stand on the control side in one durable transaction."""
    with outside(), _work():
        yield


@contextmanager
def _work() -> Iterator[None]:
    with units.memory() as kept:
        try:
            with transaction.atomic(durable=True):
                yield
                if workspace.current() is not None:
                    gates.settle()
        except BaseException:
            gates.forget()
            raise
        finally:
            neighbours.settle(kept)
