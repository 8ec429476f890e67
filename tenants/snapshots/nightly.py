"""Every night a snapshot of each workspace that changed: one a round, so that nothing waits for it."""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta

import psycopg
from django.db import DatabaseError, InterfaceError, close_old_connections
from django.db.models import Q

from crm_platform.db.sides import control_unit
from crm_platform.kernel import clock
from crm_platform.kernel.errors import CrmError
from tenants.carrying import turns
from tenants.models import Looked, State, Workspace
from tenants.provisioning import engines, owner

from . import services

_log = logging.getLogger("kartoteka.keeper")
# In UTC. Those missed at night (the keeper was down) follow in the day.
HOUR = 1
# Seconds for which what a database counted is believed: one question for all its workspaces.
BELIEVED = 120.0
# Seconds until one that could not be looked at (its database is down, its schema is gone, it is being moved) has its turn again: the others' nights go on.
AGAIN = 600.0
_put_off: dict[int, float] = {}
_counted: dict[str, tuple[float, dict[str, int]]] = {}


def one_more() -> bool:
    """Look at the workspace that waits longest; take its snapshot if it changed. False: all are looked at for tonight."""
    night, now = _last_night(clock.real_now()), time.monotonic()
    later = [pk for pk, since in _put_off.items() if now - since < AGAIN]
    with control_unit():
        waiting = Workspace.objects.filter(Q(looked=None) | Q(looked__at__lt=night), state=State.ACTIVE, claimed_at__lt=night).exclude(pk__in=later)
        row = waiting.order_by("looked__at", "pk").first()
    if row is None:
        return False
    with turns.turn(row.pk) as mine:
        if mine:
            _tried(row)
        else:  # carried by somebody, for hours perhaps
            _put_off[row.pk] = time.monotonic()
    return True


def _tried(row: Workspace) -> None:
    _put_off.pop(row.pk, None)
    try:
        _look(row)
    except (CrmError, DatabaseError, InterfaceError, psycopg.Error, OSError) as error:
        _put_off[row.pk] = time.monotonic()
        _log.warning("a snapshot is put off", extra={"workspace": row.public_id, "error": str(error).strip()})
        close_old_connections()


def _last_night(now: datetime) -> datetime:
    tonight = now.replace(hour=HOUR, minute=0, second=0, microsecond=0)
    return tonight if tonight <= now else tonight - timedelta(days=1)


def _look(row: Workspace) -> None:
    written = _written(row)
    with control_unit():
        looked = Looked.objects.filter(workspace=row).first() or Looked(workspace=row, written=-1)
    if looked.written != written:
        taken = services.take(row, why="nightly")
        _log.info("snapshot taken", extra={"workspace": row.public_id, "rows": taken.rows, "bytes": taken.bytes})
        looked.written, looked.changed_at = written, clock.real_now()
    looked.at = clock.real_now()
    with control_unit():
        looked.save()


def _written(row: Workspace) -> int:
    """What the tables of its schema have counted as written; only whether it changed says something."""
    kept = _counted.get(row.alias)
    if kept is None or time.monotonic() - kept[0] > BELIEVED or row.schema_name not in kept[1]:
        with owner.direct(row.alias) as connection:
            kept = _counted[row.alias] = time.monotonic(), dict(connection.execute(engines.of(connection).written).fetchall())
    return kept[1].get(row.schema_name, 0)


def forget() -> None:
    """Ask the databases anew, also about those put off."""
    _counted.clear()
    _put_off.clear()
