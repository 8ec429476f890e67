"""Working through a rollout: several workspaces at once, by threads with a connection of their own; killed at any moment, it goes on."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

import psycopg
from django.db import DatabaseError, InterfaceError, close_old_connections, connections
from psycopg import Connection

from crm_platform.db.sides import control_unit
from crm_platform.kernel import context
from crm_platform.kernel.points import reached
from tenants import routing
from tenants.provisioning import owner

from . import replay, steps
from .models import Ring, Rollout, RolloutState

_log = logging.getLogger("kartoteka.rollout")
# Steps taken at once by one thread, few in the first rings, where a bad release shows; after so many workspaces its connection, whose memory grows with each, is made anew.
BATCH, BATCH_OF_ALL, RECYCLED_AFTER = 8, 32, 200
# Seconds between two looks for who came to be behind after a rollout was done.
LATE_EVERY = 10.0


def run(stop: threading.Event, *, every: float = 2.0) -> None:
    """The keeper's thread: work on whatever rollout is running, until `stop` is set."""
    looked = -LATE_EVERY
    while not stop.is_set():
        try:
            with control_unit():
                found = steps.open_rollout()
            if found is None and time.monotonic() - looked >= LATE_EVERY:
                looked, found = time.monotonic(), steps.start_for_latecomers()
            if found is not None and found.state == RolloutState.RUNNING:
                work(found, stop)
        except Exception:  # broad: a thread that ended would bring nobody any more, and be missed by nobody
            _log.exception("a rollout's round failed")
            connections.close_all()
        stop.wait(every)
    connections.close_all()


def work(rollout: Rollout, stop: threading.Event | None = None) -> Rollout:
    """Work until the rollout is done, paused or halted, or `stop` is set; returns it as it then is. Needs the owner's login."""
    ending = stop or threading.Event()
    crew = [threading.Thread(target=_hand, args=(rollout.pk, ending), name=f"rollout-{number}", daemon=True) for number in range(max(1, rollout.parallel))]
    for hand in crew:
        hand.start()
    for hand in crew:
        hand.join()
    with control_unit():
        rollout.refresh_from_db()
    routing.forget()
    return rollout


def _hand(pk: int, stop: threading.Event) -> None:
    try:
        with _Owners() as owners:
            while not stop.is_set():
                rollout = steps.go_on(pk)
                if rollout.state != RolloutState.RUNNING:
                    return
                taken = steps.claim(rollout, most=BATCH_OF_ALL if rollout.ring == Ring.ALL else BATCH)
                if taken:
                    reached("rollout.claimed")
                    _bring_all(taken, owners, stop)
                else:
                    stop.wait(0.05)
    except (DatabaseError, InterfaceError, psycopg.Error):
        _log.exception("a hand of the rollout stopped; its steps are taken over")
    finally:
        connections.close_all()


def _bring_all(batch: list[steps.Taken], owners: _Owners, stop: threading.Event) -> None:
    finished: list[tuple[steps.Taken, int]] = []
    try:
        for taken in batch:
            if stop.is_set():
                break  # their leases end by themselves
            took = _bring(taken, owners)
            if took is not None:
                finished.append((taken, took))
    finally:
        if finished:
            steps.done(finished)
            reached("rollout.noted")


def _bring(taken: steps.Taken, owners: _Owners) -> int | None:
    """Bring one; its milliseconds, or None where it failed, or where another hand is at it: one whose lease ran out over long work may still be."""
    began = time.monotonic()
    with context.bind(workspace=taken.public_id):
        try:
            connection = owners.of(taken.cell)
            with owner.tried(connection, "workspace", taken.workspace_id) as mine:
                if not mine:
                    return None
                replay.bring(connection, cell=taken.cell, schema=taken.schema, indexes=taken.indexes, keep_indexes=lambda found: steps.keep_indexes(taken.pk, found))
            reached("rollout.brought")
        except Exception as error:  # broad: a step in Python may raise anything, and this workspace's mistake is no other's
            owners.drop(taken.cell)
            close_old_connections()
            cause = error.__cause__ if isinstance(error.__cause__, psycopg.Error) else error
            transient = isinstance(cause, replay.TRANSIENT)
            steps.failed(taken, error=_said(cause), transient=transient)
            _log.warning("a workspace was not brought to the release", extra={"error": _said(cause), "tries": taken.tries, "transient": transient})
            return None
    return round((time.monotonic() - began) * 1000)


def _said(error: BaseException) -> str:
    """PostgreSQL's own sentence without its detail, which may quote what people wrote."""
    if isinstance(error, psycopg.Error):
        return f"{error.sqlstate or type(error).__name__}: {error.diag.message_primary or 'the server went away'}"
    return type(error).__name__


class _Owners:
    """A thread's own connections, one to each database, made anew after some hundred workspaces."""

    def __init__(self) -> None:
        self._stacks: dict[str, tuple[contextlib.ExitStack, Connection[Any]]] = {}
        self._seen: dict[str, int] = {}

    def __enter__(self) -> _Owners:
        return self

    def __exit__(self, *_given: object) -> None:
        for cell in list(self._stacks):
            self.drop(cell)

    def of(self, cell: str) -> Connection[Any]:
        """A connection to a database. Raises NotTheKeeper, and what psycopg says."""
        if self._seen.get(cell, 0) >= RECYCLED_AFTER:
            self.drop(cell)
        if cell not in self._stacks:
            stack = contextlib.ExitStack()
            self._stacks[cell] = stack, stack.enter_context(owner.direct(cell))
            self._seen[cell] = 0
        self._seen[cell] += 1
        return self._stacks[cell][1]

    def drop(self, cell: str) -> None:
        """Close it, whatever state it is in."""
        stack, _connection = self._stacks.pop(cell, (None, None))
        if stack is not None:
            with contextlib.suppress(psycopg.Error):
                stack.close()


@contextlib.contextmanager
def beside(stop: threading.Event) -> Iterator[None]:
    """A thread that works on rollouts while the block runs: the keeper fills the pool meanwhile."""
    hand = threading.Thread(target=run, args=(stop,), name="rollout", daemon=True)
    hand.start()
    try:
        yield
    finally:
        stop.set()
        hand.join(timeout=10)
