"""The keeper: the one process with the owner's login. It refills the pool, finishes broken sign-ups, erases, proves archives."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta

import psycopg
from django.db import DatabaseError, InterfaceError, close_old_connections
from django.db.models import Q

from crm_platform.db.sides import control_unit
from crm_platform.kernel import clock

from .archives import proving
from .lifecycle import chores
from .models import State, Workspace
from .provisioning import calling, pool

_log = logging.getLogger("kartoteka.keeper")
# A sign-up that has not finished by then was killed; those at work take well under a second.
BROKEN_AFTER = timedelta(minutes=2)


def run(stop: threading.Event, *, every: float = 2.0) -> None:
    """Work until `stop` is set, a round each `every` seconds; a failing round is logged and tried again."""
    while not stop.is_set():
        try:
            round_once()
        except (DatabaseError, InterfaceError, psycopg.Error):
            _log.exception("a round failed")
            close_old_connections()
        calling.wait(stop, seconds=every)


def round_once() -> None:
    """One round: refill, give back what was never finished, discard what is of an older release, erase what is due."""
    made = pool.fill(to=pool.wanted())
    if made:
        _log.info("pool refilled", extra={"made": made})
    for workspace in pool.outdated():
        pool.discard(workspace)
    for workspace in _broken():
        _log.warning("unfinished sign-up returned", extra={"workspace": workspace.public_id})
        pool.discard(workspace)
    chores.keep()
    proving.start()


def _broken() -> list[Workspace]:
    """Claimed, never opened: nobody has ever been inside, so the schema is dropped and the address is free again."""
    before = clock.real_now() - BROKEN_AFTER
    with control_unit():
        stale = Q(signup__finished_at=None, signup__started_at__lt=before) | Q(signup=None, claimed_at__lt=before) | Q(slug=None)
        return list(Workspace.objects.filter(stale, state=State.CLAIMING)[:10])
