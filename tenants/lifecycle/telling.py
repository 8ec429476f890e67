"""What was decided on the control side is told to the workspace: its access, and its journal. Whoever dies in between, the keeper tells it."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from crm_platform.db import sides
from crm_platform.events import backbone
from crm_platform.kernel import clock
from crm_platform.kernel.permissions import Actor, ActorKind
from tenants.inside import services as inside
from tenants.models import State
from tenants.opening import unit
from tenants.rounds import Rounds

from . import letters
from .access import read_values
from .models import Entry

# An act that its own process has not told by then was cut short.
PATIENCE = timedelta(seconds=10)
_telling = Rounds("tell workspaces what was decided", most=20)


def tell_here(entry: Entry) -> None:
    """Tell the workspace we are in, within its open unit; the entry is stamped after the commit."""
    _apply(entry)
    transaction.on_commit(lambda: _stamp(entry))


def tell(entry: Entry) -> None:
    """Tell the workspace in a unit of its own."""
    with unit(entry.workspace.place):
        tell_here(entry)


def tell_the_rest() -> int:
    """Tell what was left untold; returns how many were. A workspace that cannot be entered waits for the next round."""
    untold = Entry.objects.select_related("workspace").filter(told_at=None, at__lt=clock.now() - PATIENCE, workspace__state__in=(State.ACTIVE, State.LEAVING))
    return _telling.go(untold.order_by("pk"), tell, of=lambda entry: entry.workspace)


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
