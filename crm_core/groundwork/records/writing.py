"""The verbs that every record has: create, change, bin, restore, put back. One engine, so that no slice forgets a rule.

Each verb checks the right, asks the gate, writes the rows, its search row and its field index, and announces its event,
all in the caller's transaction.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models.options import Options
from django.utils.translation import gettext_lazy as _

from crm_core.groundwork.custom_fields import services as custom
from crm_core.groundwork.search import indexing
from crm_platform.accounts import directory
from crm_platform.db.copying import create_rows
from crm_platform.db.prepared import by_key
from crm_platform.events.backbone import Change, emit_all
from crm_platform.kernel import clock, gates
from crm_platform.kernel.errors import Invalid, NotFound, Overtaken
from crm_platform.kernel.permissions import Actor, Right, Scope, refusal

from .registry import Kind

# Fields that history does not speak of: they follow from others.
DERIVED = frozenset({"id", "sort_key", "keys", "folded", "version", "created_at", "created_by", "updated_at", "updated_by", "binned_at", "binned_by"})
UNNAMED = frozenset({"", None})


class ChangedMeanwhile(Overtaken):
    """Someone else saved first; `facts["fields"]` holds both sides: name → (theirs, yours)."""

    code = "changed_meanwhile"
    sentence = _("Not saved: someone changed this while you were at it. Both versions are shown; choose and save again.")


def may(actor: Actor, right: Right, record: Any) -> bool:
    """Whether a right reaches the record; people are looked up in the directory, not joined."""
    scope = actor.scope_for(right)
    if scope in (Scope.ALL, Scope.NONE):
        return scope == Scope.ALL
    if record.responsible_id is not None and record.responsible_id == actor.user_id:
        return True
    group = directory.group_of(record.responsible_id)
    return scope == Scope.TEAM and group is not None and group == actor.group_id


def may_change(actor: Actor, right: Right, record: Any) -> bool:
    """Whether a right to change reaches the record: never while it lies in the bin. For what is offered; a verb asks by itself."""
    return record.binned_at is None and may(actor, right, record)


def require(actor: Actor, right: Right, record: Any) -> None:
    """Raise Forbidden unless the right reaches the record."""
    if not may(actor, right, record):
        raise refusal(actor, right.key)


def get(actor: Actor, kind: Kind, pk: int, *, right: str = "view", lock: bool = False, binned: bool = False) -> Any:
    """A record the actor may see; raises NotFound, or Forbidden where `right` does not reach what may be seen."""
    record = kind.model.objects.select_for_update().filter(pk=pk).first() if lock else by_key(kind.model, pk)
    if record is None or (record.binned_at is not None and not binned) or not may(actor, kind.entity.VIEW, record):
        raise NotFound
    if right != "view":
        require(actor, kind.entity.right(right), record)
    return record


def plain(value: Any) -> Any:
    """A value as history keeps it."""
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def state_of(record: Any, *, names: Sequence[str] | None = None) -> dict[str, Any]:
    """The record's own fields that history speaks of, as plain values."""
    wanted = names if names is not None else [f.attname for f in record._meta.concrete_fields if f.attname not in DERIVED]
    return {name: plain(getattr(record, name)) for name in wanted}


def create(actor: Actor, kind: Kind, values: Mapping[str, Any]) -> Any:
    """Make one record; raises Invalid, PlanRefusal, Forbidden."""
    return create_many(actor, kind, [values])[0]


def create_many(actor: Actor, kind: Kind, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Make many records in a constant number of statements; all of them or none. Invalid says by `at` which row is wrong."""
    if actor.scope_for(kind.entity.CREATE) == Scope.NONE:
        raise refusal(actor, kind.entity.CREATE.key)
    now = clock.now()
    records = _built(actor, kind, rows, now=now)
    _count(kind, records, raise_by=1)
    create_rows(kind.model, records)
    linked = kind.links.write_fresh(actor, list(zip(records, rows, strict=True))) if kind.links else [{} for _record in records]
    changes = []
    for record, links in zip(records, linked, strict=True):
        after = {name: value for name, value in state_of(record).items() if value not in (None, "", [], {})} | links
        changes.append(Change(name=f"{kind.code}.created", entity=kind.code, record_id=record.pk, after=after, also=tuple(kind.subjects(record))))
    custom.index_many(kind.code, [(record.pk, record.custom) for record in records if record.custom])
    indexing.put(kind, records, fresh=True)
    emit_all(actor, changes)
    return records


def _built(actor: Actor, kind: Kind, rows: Sequence[Mapping[str, Any]], *, now: datetime) -> list[Any]:
    records = []
    for at, values in enumerate(rows):
        try:
            records.append(_build(actor, kind, values, now=now))
        except Invalid as refused:
            refused.at = at
            raise
    return records


def _build(actor: Actor, kind: Kind, values: Mapping[str, Any], *, now: datetime) -> Any:
    record = kind.model(created_by=actor.user_id, created_at=now, updated_at=now, updated_by=actor.user_id)
    links = kind.links.names if kind.links else ()
    _assign(record, {name: value for name, value in values.items() if name not in links and name != "custom"})
    record.custom = custom.clean(kind.code, values.get("custom", {}))
    if "responsible_id" not in values and "responsible" not in values:
        record.responsible_id = actor.user_id
    kind.prepare(record)
    _refuse_long(record)
    return record


def _assign(record: Any, values: Mapping[str, Any]) -> None:
    """Raises TypeError for a name that is no field: a slip of ours must not be a value that is silently lost."""
    if unknown := values.keys() - _fields_of(record._meta):
        raise TypeError(f"{record.__class__.__name__} has no {', '.join(sorted(unknown))}")
    for name, value in values.items():
        setattr(record, name, value)


@functools.cache
def _fields_of(meta: Options[Any]) -> frozenset[str]:
    return frozenset(name for column in meta.concrete_fields for name in (column.name, column.attname))


def _refuse_long(record: Any) -> None:
    """Lengths are the columns'; a clear sentence beside the field instead of the database's."""
    for name, attribute, most in _limited(record._meta):
        value = record.__dict__.get(attribute)
        if isinstance(value, str) and len(value) > most:
            sentence = str(_("At most {most} letters; this has {count}.")).format(most=most, count=len(value))
            raise Invalid(fields={name: [sentence]})


@functools.cache
def _limited(meta: Options[Any]) -> tuple[tuple[str, str, int], ...]:
    """The columns of a bounded length: name, attribute, letters at most."""
    return tuple((column.name, column.attname, column.max_length) for column in meta.concrete_fields if column.max_length)


def _count(kind: Kind, records: Sequence[Any], *, raise_by: int, always: bool = False) -> None:
    sums: dict[str, int] = {}
    for record in records:
        metric = kind.counts(record)
        if metric:
            sums[metric] = sums.get(metric, 0) + 1
    for metric, number in sums.items():
        if raise_by < 0:
            gates.free(metric, removing=number)
        elif always:
            gates.restore(metric, adding=number)
        else:
            gates.require(metric, adding=number)


def change(actor: Actor, kind: Kind, pk: int, values: Mapping[str, Any], *, version: int | None = None) -> Any:
    """Change a record. `version` is the one the form was drawn from; raises ChangedMeanwhile with both sides.

    Nothing is written, and no event announced, where nothing differs.
    """
    record = get(actor, kind, pk, right="edit", lock=True)
    if version is not None and version != record.version:
        raise ChangedMeanwhile(version=record.version, fields=_both_sides(record, values))
    change_locked(actor, kind, record, values)
    return record


def _both_sides(record: Any, values: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {
        name: (plain(getattr(record, name)), plain(value))
        for name, value in values.items()
        if hasattr(record, name) and name != "custom" and plain(getattr(record, name)) != plain(value)
    }


def change_locked(actor: Actor, kind: Kind, record: Any, values: Mapping[str, Any]) -> bool:
    """Change a record whose row is locked and whose right was asked; False where nothing differs."""
    links = kind.links.names if kind.links else ()
    merged_custom = {**record.custom, **custom.clean(kind.code, values["custom"], partial=True)} if "custom" in values else None
    own = {name: value for name, value in values.items() if name not in links and name != "custom"}
    before_all, metric_before = state_of(record), kind.counts(record)
    _assign(record, own)
    if merged_custom is not None:
        record.custom = {key: value for key, value in merged_custom.items() if value not in (None, "", [])}
    kind.prepare(record)
    _refuse_long(record)
    after_all = state_of(record)
    before = {name: value for name, value in before_all.items() if after_all[name] != value}
    after = {name: after_all[name] for name in before}
    if kind.links and any(name in values for name in links):
        linked_before, linked_after = kind.links.write(actor, record, values, False)
        before, after = before | linked_before, after | linked_after
    if not before and not after:
        return False
    record.updated_by = actor.user_id
    _save(kind, record, before=before, metric_before=metric_before)
    emit_all(actor, [Change(name=f"{kind.code}.{kind.verb(before, record)}", entity=kind.code, record_id=record.pk, before=before, after=after, also=tuple(kind.subjects(record)))])
    return True


def _save(kind: Kind, record: Any, *, before: dict[str, Any], metric_before: str) -> None:
    metric = kind.counts(record)
    if metric != metric_before:
        if metric_before:
            gates.free(metric_before)
        if metric:
            gates.require(metric)
    record.version += 1
    record.updated_at = clock.now()
    record.save()
    if "custom" in before:
        custom.reindex(kind.code, record.pk, record.custom)
    indexing.put(kind, [record])
    kind.after_change(record, before)


def put_in_bin(actor: Actor, kind: Kind, pks: Sequence[int]) -> list[Any]:
    """Move records to the bin, where they stay 90 days with their links; returns them. Raises Forbidden for any not allowed."""
    records = list(kind.model.objects.select_for_update().filter(pk__in=pks, binned_at=None).order_by("pk"))
    visible = [record for record in records if may(actor, kind.entity.VIEW, record)]
    if not visible:
        raise NotFound
    for record in visible:
        require(actor, kind.entity.DELETE, record)
    _count(kind, visible, raise_by=-1)
    now = clock.now()
    kind.model.objects.filter(pk__in=[record.pk for record in visible]).update(binned_at=now, binned_by=actor.user_id)
    indexing.drop(kind, [record.pk for record in visible])
    emit_all(actor, [Change(name=f"{kind.code}.binned", entity=kind.code, record_id=record.pk, also=tuple(kind.subjects(record))) for record in visible])
    return visible


def restore(actor: Actor, kind: Kind, pks: Sequence[int]) -> list[Any]:
    """Bring records back from the bin, with their links; always allowed, even above the ceiling."""
    records = list(kind.model.objects.select_for_update().filter(pk__in=pks).exclude(binned_at=None).order_by("pk"))
    mine = [record for record in records if may(actor, kind.entity.VIEW, record)]
    if not mine:
        raise NotFound
    for record in mine:
        require(actor, kind.entity.DELETE, record)
        record.binned_at = record.binned_by = None
    _count(kind, mine, raise_by=1, always=True)
    kind.model.objects.filter(pk__in=[record.pk for record in mine]).update(binned_at=None, binned_by=None)
    indexing.put(kind, mine)
    emit_all(actor, [Change(name=f"{kind.code}.restored", entity=kind.code, record_id=record.pk, also=tuple(kind.subjects(record))) for record in mine])
    return mine
