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
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from django.db import DatabaseError, InterfaceError, close_old_connections, connections
from django.db.models import F, Q
from django.db.models.functions import Mod
from django.utils.connection import ConnectionDoesNotExist

from crm_platform.db import sides, silence
from crm_platform.jobs import broker, rows
from crm_platform.jobs.glance import Glance, glance
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
# So many are read from the registry at once.
AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """A workspace to be looked at, and the moment that is noted for it (None: nothing is)."""

    place: Place
    noted: datetime | None


class Sweeper:
    """Goes round. At its start all are looked at: whatever was lost while nobody looked.

    A round takes up where the last one ended, however long ago, so nobody falls between two and nobody is looked at by both.
    Those on a database that is down, and those whose work nobody could be told of, are kept for the next.
    """

    def __init__(self) -> None:
        self._seen: float | None = None
        self._left: dict[int, None] = {}

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
        self._left |= dict.fromkeys(_whose_turn(self._seen, now))
        self._seen = now
        down: set[str] = set()
        waiting = list(self._left)
        for at in range(0, len(waiting), AT_ONCE):
            pks = waiting[at : at + AT_ONCE]
            for pk, one in _asked(pks).items():
                if stop.is_set():
                    return
                if one is None:
                    del self._left[pk]
                elif one.place.alias not in down:
                    self._look(pk, one, stop, down)

    def _look(self, pk: int, one: Asked, stop: threading.Event, down: set[str]) -> None:
        began = time.monotonic()
        if _looked_at(one, down):
            del self._left[pk]
            stop.wait((time.monotonic() - began) * REST)


def _whose_turn(since: float | None, until: float) -> list[int]:
    """Keys of those whose last activity became one minute old, or nine, between two moments (seconds of the epoch), and the hour's shares between them; without `since` of all."""
    with sides.control_unit():
        found = Workspace.objects.filter(state=State.ACTIVE)
        if since is not None:
            active = {public_id for quiet in QUIET_FOR for public_id in broker.last_active(since - quiet, until - quiet)}
            passed = range(int(since // EVERY), int(until // EVERY))[-SHARES:]
            found = found.alias(share=Mod(F("pk"), SHARES)).filter(Q(public_id__in=active) | Q(share__in=[number % SHARES for number in passed]))
        return list(found.order_by("pk").values_list("pk", flat=True))


def _asked(pks: Sequence[int]) -> dict[int, Asked | None]:
    """By key where each lives now, so that one that moved during a long round is looked at where it is; None for one that is active no more."""
    with sides.control_unit():
        rows = Workspace.objects.filter(pk__in=pks, state=State.ACTIVE).annotate(noted=F("due__at"))
        return dict.fromkeys(pks) | {row.pk: Asked(row.place, row.noted) for row in rows}


def _looked_at(one: Asked, down: set[str]) -> bool:
    """Look, and tell of what nobody has told. False where its database does not answer (then it is `down`), or nobody can be told; one that cannot be entered alone is left to its next turn."""
    place = one.place
    try:
        with context.bind(workspace=place.public_id), effort.use(Effort.JOB), sides.unit(place):
            seen = glance()
    except Exception as error:  # broad: whatever is wrong with one keeps none of the others
        _log.warning("a workspace cannot be looked at now", extra={"workspace": place.public_id, "error": str(error).strip()})
        if _answers(place.alias):
            return True
        down.add(place.alias)
        return False
    finally:
        close_old_connections()  # after so many workspaces: its backend's memory goes with it
    return _told(one, seen)


def _told(one: Asked, seen: Glance) -> bool:
    """Wake who has something to be done, note the moment that nobody noted. False where queue or registry do not answer."""
    place = one.place
    if seen.due:
        return broker.wake(place.public_id, place.generation, lane=broker.REST)
    if seen.next_at is not None and (one.noted is None or seen.next_at < one.noted):
        try:
            rows.tell(place, seen.next_at, served=False)
        except (DatabaseError, InterfaceError) as error:
            _log.warning("the registry does not answer", extra={"workspace": place.public_id, "error": str(error).strip()})
            return False
    return True


def _answers(alias: str) -> bool:
    try:
        with effort.use(Effort.JOB):
            silence.refuse(alias)
            connections[alias].close_if_unusable_or_obsolete()
            connections[alias].ensure_connection()
    except (DatabaseError, InterfaceError, ConnectionDoesNotExist, psycopg.Error):
        return False
    return True
