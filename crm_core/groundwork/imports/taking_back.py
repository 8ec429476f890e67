"""Taking back what some means wrote (an import, an integration): by its event rows, newest first, a batch in each transaction.

What it made goes to the bin; a field goes back where it still holds what the means gave it; what someone changed later stays,
and is listed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet

from crm_core.groundwork.records import registry, writing
from crm_core.groundwork.timeline.services import stored
from crm_platform.events.models import Event
from crm_platform.kernel.errors import Invalid
from crm_platform.kernel.permissions import Actor

from .traces import touched_later

AT_ONCE = 200
LISTED = 200


def empty_report() -> dict[str, Any]:
    """What `Writes.report` begins as."""
    return {"binned": {}, "restored": 0, "kept": []}


@dataclass(frozen=True, slots=True)
class Writes:
    """`rows`: the events to take back. `without`: the means whose events are nobody's later change. `report` is added to."""

    rows: QuerySet[Event]
    without: Sequence[str]
    who: Actor
    report: dict[str, Any] = field(default_factory=empty_report)


def bin_made(writes: Writes, before: int | None) -> int | None:
    """The next records that were made; returns the mark to go on before, None at the end."""
    rows = writes.rows.filter(name__endswith=".created")
    rows = rows.filter(pk__lt=before) if before else rows
    events = list(rows.order_by("-id").values_list("pk", "entity", "record_id")[:AT_ONCE])
    by_entity: dict[str, list[int]] = {}
    for _pk, entity, record_id in events:
        by_entity.setdefault(entity, []).append(int(record_id or 0))
    report = writes.report
    for entity, pks in by_entity.items():
        kind = registry.find(entity)
        touched = touched_later(entity, pks, without=writes.without)
        present = dict(kind.model.objects.filter(pk__in=pks, binned_at=None).values_list("pk", "name"))
        gone = [pk for pk in present if pk not in touched]
        if gone:
            writing.put_in_bin(writes.who, kind, gone)
        report["binned"][entity] = report["binned"].get(entity, 0) + len(gone)
        report["kept"] += [{"entity": entity, "id": pk, "name": present[pk]} for pk in present if pk in touched][: LISTED - len(report["kept"])]
    return events[-1][0] if events else None


def put_back(writes: Writes, before: int | None) -> int | None:
    """The next changes; returns the mark to go on before, None at the end."""
    rows = writes.rows.filter(entity__in=registry.codes()).exclude(name__endswith=".created")
    rows = rows.filter(pk__lt=before) if before else rows
    events = list(rows.order_by("-id")[:AT_ONCE])
    for event in events:
        _put_back_one(writes, event)
    return events[-1].pk if events else None


def _put_back_one(writes: Writes, event: Event) -> None:
    kind = registry.find(event.entity)
    record = kind.model.objects.select_for_update().filter(pk=event.record_id, binned_at=None).first()
    if record is None:
        return
    values, kept = _given_back(kind, record, event)
    report = writes.report
    try:
        if values and writing.change_locked(writes.who, kind, record, values):
            report["restored"] += 1
    except Invalid:
        kept = True
    if kept and len(report["kept"]) < LISTED:
        report["kept"].append({"entity": kind.code, "id": record.pk, "name": str(record)})


def _given_back(kind: registry.Kind, record: Any, event: Event) -> tuple[dict[str, Any], bool]:
    """What goes back, and whether something else stays because someone changed it later: something that people read, not what the house keeps beside it."""
    values: dict[str, Any] = {}
    kept = False
    for name, old in event.before.items():
        if kind.links and name in kind.links.names:
            rows = _links_back(kind.links.read(record, name), event, name)
            if rows is not None:
                values[name] = [kind.links.again(name, row) for row in rows]
        elif not hasattr(record, name):
            continue
        elif writing.plain(getattr(record, name)) == event.after.get(name):
            values[name] = stored(kind, name, old)
        kept |= name not in values and (name == "custom" or kind.attribute(name) is not None or bool(kind.links and name in kind.links.names))
    return values, kept


def _links_back(present: list[dict[str, Any]], event: Event, name: str) -> list[dict[str, Any]] | None:
    """The links without what the import added, whatever else was linked since; None where someone changed what it added."""
    before, after, now = ([_apart(row) for row in rows] for rows in (event.before[name], event.after.get(name, []), present))
    if now == after:
        return list(event.before[name])
    added = [row for row in after if row not in before]
    if any(row not in now for row in added):
        return None
    gone = [row for row in event.before[name] if _apart(row) not in after and _apart(row) not in now]
    return [row for row in present if _apart(row) not in added] + gone


def _apart(row: dict[str, Any]) -> dict[str, Any]:
    """A link without the name of what it leads to: that may be called otherwise by now."""
    return {name: value for name, value in row.items() if name != "name"} if "id" in row else row
