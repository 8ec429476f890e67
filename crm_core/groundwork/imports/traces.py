"""What an import added beside records (stages, tags, choices, fields): it goes with the undo once nothing uses it.

The slice that owns such a thing registers how it goes; what to look at is in the import's event rows.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from crm_platform.events.models import Event
from crm_platform.kernel import clock
from crm_platform.kernel.permissions import Actor, ActorKind

from .models import ImportRun, Stage

AT_ONCE = 1000
# An undo is possible for 30 days; what an older import added is nobody's leftover any more.
LOOKED_BACK = timedelta(days=90)
# What stands on a record but is no change of its own by a person.
_NO_CHANGE = ("binned", "restored", "exported")


@dataclass(frozen=True, slots=True)
class Trace:
    """One thing that was added: its id, what the event said of it, and whether by the import that is undone now."""

    pk: int
    after: dict[str, Any]
    mine: bool = True


Sweep = Callable[[Actor, Sequence[Trace]], int]
_sweeps: dict[str, tuple[str, Sweep]] = {}


def sweeps(event: str, *, entity: str) -> Callable[[Sweep], Sweep]:
    """Register who takes away what an event of this name added, unless it is used; the function says how many went.

    What a person has changed since is left out before it is asked; with an empty `entity` everything is handed over.
    """

    def keep(function: Sweep) -> Sweep:
        _sweeps[event] = (entity, function)
        return function

    return keep


def via_of(run: ImportRun) -> str:
    """What the import's event rows are known by."""
    return f"import:{run.pk}"


def leaving(run: ImportRun) -> list[str]:
    """This import and those undone before it: what only they did, nobody wanted to keep."""
    since = clock.now() - LOOKED_BACK
    undone = ImportRun.objects.filter(stage=Stage.UNDONE, created_at__gte=since).exclude(pk=run.pk)
    return [via_of(run), *(via_of(one) for one in undone.only("pk"))]


def touched_later(entity: str, pks: Collection[int], *, without: Sequence[str]) -> set[int]:
    """Those of the records on which a person, or another import, did something; `without`: the imports that do not count."""
    if len(pks) > AT_ONCE:
        return _touched_of_many(entity, pks, without=without)
    return _touched(entity, pks, without=without) if pks else set()


def _touched(entity: str, pks: Collection[int], *, without: Sequence[str]) -> set[int]:
    wanted = {f"{entity}:{pk}" for pk in pks}
    rows = Event.objects.filter(subjects__overlap=list(wanted)).exclude(via__in=without).exclude(actor_kind__in=(ActorKind.ROBOT, ActorKind.RULE))
    found: set[int] = set()
    for name, on in rows.values_list("name", "subjects"):
        if name.rpartition(".")[2] not in _NO_CHANGE:
            found.update(int(subject.partition(":")[2]) for subject in on if subject in wanted)
    return found


def _touched_of_many(entity: str, pks: Collection[int], *, without: Sequence[str]) -> set[int]:
    """The same for a large import, by one walk over the events: looking each record up in the index takes minutes."""
    statement = """
        SELECT DISTINCT subject FROM event, unnest(subjects) AS subject
        WHERE via <> ALL(%s) AND actor_kind <> ALL(%s) AND substring(name from '[^.]*$') <> ALL(%s) AND subject = ANY(%s)
    """
    wanted = [f"{entity}:{pk}" for pk in pks]
    with connection.cursor() as cursor:
        cursor.execute(statement, [list(without), [ActorKind.ROBOT, ActorKind.RULE], list(_NO_CHANGE), wanted])
        return {int(subject.partition(":")[2]) for (subject,) in cursor.fetchall()}


def swept_names() -> list[str]:
    """The events of what goes so."""
    return list(_sweeps)


def left_by(rows: QuerySet[Event]) -> bool:
    """Whether anything of this sort was added by the events."""
    return rows.filter(name__in=list(_sweeps)).exists()


def sweep(actor: Actor, *, via: str, without: Sequence[str], since: datetime | None = None) -> int:
    """Take away what this means (since a moment), or one undone before it, added and nothing uses any more; returns how many."""
    added: dict[str, list[Trace]] = {}
    rows = Event.objects.filter(via__in=without, name__in=list(_sweeps))
    rows = rows if since is None else rows.filter(at__gte=since)
    for name, pk, after, means in rows.order_by("id").values_list("name", "record_id", "after", "via"):
        added.setdefault(name, []).append(Trace(int(pk or 0), after, means == via))
    gone = 0
    for name, (entity, function) in _sweeps.items():
        traces = added.get(name, [])
        touched = touched_later(entity, {trace.pk for trace in traces}, without=without) if entity and traces else set()
        kept = [trace for trace in traces if trace.pk not in touched]
        gone += function(actor, kept) if kept else 0
    return gone
