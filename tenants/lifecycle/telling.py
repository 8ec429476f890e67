"""What was decided on the control side is told to the workspace: its access, and its journal. Whoever dies in between, the keeper tells it."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db import DatabaseError, InterfaceError, transaction

from crm_platform.db import sides
from crm_platform.events import backbone
from crm_platform.kernel import clock
from crm_platform.kernel.permissions import Actor, ActorKind
from tenants.inside import services as inside
from tenants.models import State
from tenants.opening import unit

from . import letters
from .access import read_values
from .models import Entry

_log = logging.getLogger("kartoteka.keeper")
# An act that its own process has not told by then was cut short.
PATIENCE = timedelta(seconds=10)


def tell_here(entry: Entry) -> None:
    """Tell the workspace we are in, within its open unit; the entry is stamped after the commit."""
    _apply(entry)
    transaction.on_commit(lambda: _stamp(entry))


def tell(entry: Entry) -> None:
    """Tell the workspace in a unit of its own."""
    with unit(entry.workspace.place):
        tell_here(entry)


def tell_the_rest() -> int:
    """Tell what was left untold; returns how many. A workspace that cannot be entered waits for the next round."""
    with sides.control_unit():
        untold = Entry.objects.select_related("workspace").filter(told_at=None, at__lt=clock.now() - PATIENCE, workspace__state__in=(State.ACTIVE, State.LEAVING))
        waiting = list(untold[:20])
    for entry in waiting:
        try:
            tell(entry)
        except (DatabaseError, InterfaceError):
            _log.exception("a workspace could not be told", extra={"workspace": entry.workspace.public_id, "kind": entry.kind})
    return len(waiting)


def _apply(entry: Entry) -> None:
    inside.write_access(version=entry.pk, **read_values(entry.body["access"]))
    if backbone.take_in(str(entry.operation), kind=entry.kind, body={}):
        told = entry.body["event"]
        backbone.emit(_actor(entry), f"workspace.{entry.kind}", entity="workspace", record_id=None, before=told["before"], after=told["after"], also=["workspace:1"])
        letters.write(entry)


def _actor(entry: Entry) -> Actor:
    kind = ActorKind.USER if entry.by_kind == "person" else ActorKind.ROBOT
    return Actor(user_id=entry.by_id if entry.by_kind == "person" else None, name=entry.by_name or entry.by_kind, kind=kind)


def _stamp(entry: Entry) -> None:
    with sides.control_unit():
        Entry.objects.filter(pk=entry.pk).update(told_at=clock.now())
