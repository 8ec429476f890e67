"""Records as the API tells them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from django.db.models import Min

from crm_core.doors.amocrm import names
from crm_core.doors.amocrm.fields import values
from crm_core.doors.amocrm.records import beside
from crm_core.doors.amocrm.records.collections import Collection, Own
from crm_core.doors.amocrm.records.tagging import told
from crm_core.doors.amocrm.resources import joined
from crm_core.doors.amocrm.resources.account import account_id
from crm_core.doors.amocrm.wire import answers
from crm_core.doors.amocrm.wire.asking import Asked
from crm_core.doors.amocrm.wire.fields import seconds
from crm_core.engagement.tasks.models import Task
from crm_core.groundwork.tags import services as tags
from crm_platform.accounts import directory

# What has an address of its own, and below which.
ADDRESSED = {"companies": "companies", "contacts": "contacts", "leads": "leads", "customers": "customers", "loss_reason": "leads/loss_reasons"}


# A record as it is written: what all have in common stands in its place, and "%b" takes what is JSON already.
_RECORD = (
    b'{"id":%%d,%%b,"responsible_user_id":%%b,"group_id":%%d,"created_by":%%d,"updated_by":%%d,"created_at":%%d,"updated_at":%%d,"closest_task_at":%%b,'
    b'"is_deleted":%%b,"custom_fields_values":%%b,"account_id":%d,"external_id":%%b,"_links":{"self":{"href":"%b%%d"}},"_embedded":{"tags":%%b%b}}'
)
_NULL, _NONE = b"null", b"[]"


def draw(asked: Asked, collection: Collection, records: Sequence[Any]) -> Iterator[orjson.Fragment]:
    """Records one after another, each as JSON: fields, values, tags, and what `with` asks for, in a constant number of statements.

    They are instances or rows of columns. Written into a form, not gathered in dictionaries first: of 250 that is half of the time (decision 0028).
    """
    root = f"{asked.base}{answers.ROOT}/"
    stands = [(name, _linked(asked, collection, name, records, root)) for name in collection.links if name in collection.always or name in asked.wants]
    sources = joined.of_leads(records) if collection.sourced and asked.wants & collection.sourced else None
    if sources is not None and "source" in asked.wants:
        stands.append(("source", _sources(records, sources)))
    steps, words, shared = _next_steps(collection, records), tags.tags_of(collection.entity), _shared(collection)
    form = _RECORD % (shared.account, _safe(f"{root}{collection.plural}/"), b"".join(b',"%b":%%b' % name.encode() for name, _rows in stands))
    given = [rows for _name, rows in stands]
    tagging: dict[tuple[int, ...], bytes] = {(): _NONE}
    for record in records:
        columns, source = vars(record), sources.get(record.id) if sources is not None else None
        own = shared.own(columns, None if source is None else source["id"])
        tagged = tuple(record.tag_ids)
        worded = tagging.get(tagged)
        if worded is None:  # few sets of tags are on many records: each is written once for the page
            worded = tagging[tagged] = answers.written([told(words[tag]) for tag in tagged if tag in words])
        yield orjson.Fragment(form % (*_common(columns, own, shared, step=steps.get(record.id), values=shared.values(record)), worded, *[rows.get(record.id, _NONE) for rows in given]))


def _linked(asked: Asked, collection: Collection, name: str, records: Sequence[Any], root: str) -> Mapping[int, bytes]:
    """What stands beside the records under a name, each with its address where it has one, as JSON."""
    found = collection.links[name](asked.actor, records)
    if name not in ADDRESSED:
        return {pk: b"[%b]" % b",".join(map(beside.written, rows)) for pk, rows in found.items()}
    form = b'{"id":%%d%%b,"_links":{"self":{"href":"%b%%d"}}}' % _safe(f"{root}{ADDRESSED[name]}/")
    return {pk: b"[%b]" % b",".join([form % (other, more, other) for other, more in rows]) for pk, rows in found.items()}


def _sources(records: Sequence[Any], sources: Mapping[int, dict[str, Any]]) -> Mapping[int, bytes]:
    return {record.id: answers.written(sources.get(record.id)) for record in records}


def _safe(text: str) -> bytes:
    """What goes into a form between quotation marks."""
    return answers.inside(text).replace(b"%", b"%%")


@dataclass(frozen=True, slots=True)
class _Shared:
    """What the records of a page have in common, looked up once for all of them."""

    own: Own
    groups: Mapping[int | None, int | None]
    values: Callable[[Any], list[values.Value] | None]
    account: int


def _shared(collection: Collection) -> _Shared:
    groups: dict[int | None, int | None] = {pk: person.group_id for pk, person in directory.everyone().items()}
    return _Shared(collection.own(), groups, values.drawer(collection.entity), account_id())


def _common(columns: Mapping[str, Any], own: bytes, shared: _Shared, *, step: datetime | None, values: list[values.Value] | None) -> tuple[Any, ...]:
    """What goes into the form, in its order, up to the tags."""
    responsible = columns["responsible_id"]
    return (
        columns["id"], own, answers.number(responsible),
        shared.groups.get(responsible) or 0, columns["created_by"] or 0, columns["updated_by"] or 0,
        int(columns["created_at"].timestamp()), int(columns["updated_at"].timestamp()), answers.number(seconds(step)),
        b"false" if columns["binned_at"] is None else b"true", _NULL if values is None else answers.written(values),
        answers.written(columns["external_id"]) if columns["external_id"] else _NULL, columns["id"],
    )  # fmt: skip


def _next_steps(collection: Collection, records: Sequence[Any]) -> dict[int, datetime]:
    """When the nearest open task of each is due: deals keep it, for others it is asked once."""
    if collection.entity == names.CODES["leads"]:
        return {record.id: record.next_task_at for record in records if record.next_task_at}
    open_tasks = Task.objects.filter(entity=collection.entity, record_id__in=[record.id for record in records], done_at=None, binned_at=None)
    return dict(open_tasks.values_list("record_id").annotate(Min("due_at")).order_by())
