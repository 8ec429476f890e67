"""Sweeping: what a lost message left behind is found by looking, so that it costs time, never work.

Whoever leaves work commits it first, and says so afterwards, to Redis and to the note of what is due; who is killed in
between, or loses a Redis, has told nobody. So those last active one minute ago, and nine minutes ago, are looked at, and all
others once an hour. A look is one statement in the workspace, and the looks follow each other at a trickle: by hundreds at
once, and with a round of serving for each, they made the cards of all others half as slow again for ten seconds of each minute.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import DatabaseError, InterfaceError, close_old_connections, connections
from django.db.models import F, Q
from django.db.models.functions import Mod
from django.utils.connection import ConnectionDoesNotExist

from crm_platform.db import sides
from crm_platform.jobs import broker, rows
from crm_platform.jobs.glance import glance
from crm_platform.kernel import clock, context, effort
from crm_platform.kernel.effort import Effort
from crm_platform.kernel.workspace import Place

from .models import State, Workspace

_log = logging.getLogger("kartoteka.scheduler")
# Who is looked at was last active so many seconds ago.
QUIET_FOR = (60, 540)
# Seconds between two rounds, and the shares in which all are looked at within an hour.
EVERY = 5
SHARES = 3600 // EVERY
# After a look, so many times as long as it took is left to the others: a sweep has a fifth of its time at most.
REST = 4.0


@dataclass(frozen=True, slots=True)
class Asked:
    """A workspace to be looked at, and the moment that is noted for it (None: nothing is)."""

    place: Place
    noted: datetime | None


class Sweeper:
    """Goes round. At its start all are looked at: whatever was lost while nobody looked.

    A round takes up where the last one ended, however long ago, so nobody falls between two and nobody is looked at by both.
    Those on a database that is down are kept for the next.
    """

    def __init__(self) -> None:
        self._seen: float | None = None
        self._left: dict[str, Asked] = {}

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set, in a thread of its own: a database that does not answer keeps no timer from ringing."""
        while not stop.is_set():
            try:
                self.round(stop)
            except Exception:  # broad: nobody would notice that the thread has ended
                _log.exception("a sweep failed")
                close_old_connections()
            stop.wait(EVERY)
        connections.close_all()

    def round(self, stop: threading.Event) -> None:
        """Look at whose turn it is since the last round. Raises RedisError, DatabaseError of the registry; then the next round does this one's part too."""
        now = clock.real_now().timestamp()
        self._left |= {one.place.public_id: one for one in _whose_turn(self._seen, now)}
        self._seen = now
        down: set[str] = set()
        for one in list(self._left.values()):
            if stop.is_set():
                return
            if one.place.alias in down:
                continue
            began = time.monotonic()
            if _looked_at(one):
                del self._left[one.place.public_id]
            else:
                down.add(one.place.alias)
            stop.wait((time.monotonic() - began) * REST)


def _whose_turn(since: float | None, until: float) -> Iterator[Asked]:
    """Those whose last activity became one minute old, or nine, between two moments (seconds of the epoch), and the hour's shares between them; without `since` all."""
    with sides.control_unit():
        found = Workspace.objects.filter(state=State.ACTIVE)
        if since is not None:
            active = {public_id for quiet in QUIET_FOR for public_id in broker.last_active(since - quiet, until - quiet)}
            passed = range(int(since // EVERY), int(until // EVERY))[-SHARES:]
            found = found.alias(share=Mod(F("pk"), SHARES)).filter(Q(public_id__in=active) | Q(share__in=[number % SHARES for number in passed]))
        return iter([Asked(row.place, row.noted) for row in found.annotate(noted=F("due__at")).order_by("pk")])


def _looked_at(one: Asked) -> bool:
    """Look, wake who has something to be done, note what nobody noted. False where its database does not answer; one that cannot be entered alone is left to its next turn."""
    place = one.place
    try:
        with context.bind(workspace=place.public_id):
            with effort.use(Effort.JOB), sides.unit(place):
                seen = glance()
            if seen.due:
                broker.wake(place.public_id, place.generation, lane=broker.REST)
            elif seen.next_at is not None and (one.noted is None or seen.next_at < one.noted):
                rows.tell(place, seen.next_at, served=False)
    except Exception as error:  # broad: whatever is wrong with one keeps none of the others
        _log.warning("a workspace cannot be looked at now", extra={"workspace": place.public_id, "error": str(error).strip()})
        return _answers(place.alias)
    finally:
        close_old_connections()  # after so many workspaces: its backend's memory goes with it
    return True


def _answers(alias: str) -> bool:
    try:
        connections[alias].close_if_unusable_or_obsolete()
        connections[alias].ensure_connection()
    except (DatabaseError, InterfaceError, ConnectionDoesNotExist):
        return False
    return True
