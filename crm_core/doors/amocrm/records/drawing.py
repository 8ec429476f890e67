"""Records as the API tells them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Min

from crm_core.doors.amocrm import names
from crm_core.doors.amocrm.fields import values
from crm_core.doors.amocrm.records.collections import Collection, Own
from crm_core.doors.amocrm.resources import joined
from crm_core.doors.amocrm.resources.account import account_id
from crm_core.doors.amocrm.wire import answers
from crm_core.doors.amocrm.wire.asking import Asked
from crm_core.doors.amocrm.wire.fields import seconds
from crm_core.engagement.tasks.models import Task
from crm_core.groundwork.tags import services as tags
from crm_platform.accounts import directory

# What has an address of its own.
ADDRESSED = frozenset({"companies", "contacts", "leads", "customers"})


def draw(asked: Asked, collection: Collection, records: Sequence[Any]) -> Iterator[dict[str, Any]]:
    """Records one after another: fields, values, tags, and what `with` asks for, in a constant number of statements."""
    root = f"{asked.base}{answers.ROOT}/"
    here = f"{root}{collection.plural}/"
    beside = [(name, _linked(asked, collection, name, records, root)) for name in collection.links if name in collection.always or name in asked.wants]
    sources = joined.of_leads(records) if collection.sourced and asked.wants & collection.sourced else None
    steps, words, shared = _next_steps(collection, records), tags.tags_of(collection.entity), _shared(collection)
    for record in records:
        pk = record.id
        body = _common(record, shared, step=steps.get(pk))
        body["_links"] = {"self": {"href": f"{here}{pk}"}}
        embedded: dict[str, Any] = {"tags": [{"id": tag, "name": words[tag].name, "color": None} for tag in record.tag_ids if tag in words]}
        body["_embedded"] = embedded
        for name, rows in beside:
            embedded[name] = rows.get(pk, [])
        if sources is not None:
            source = sources.get(pk)
            body["source_id"] = source and source["id"]
            if "source" in asked.wants:
                embedded["source"] = source
        yield body


def _linked(asked: Asked, collection: Collection, name: str, records: Sequence[Any], root: str) -> Mapping[int, list[dict[str, Any]]]:
    """What stands beside the records under a name, each with its address where it has one."""
    found = collection.links[name](asked.actor, records)
    if name in ADDRESSED:
        for rows in found.values():
            for row in rows:
                row["_links"] = {"self": {"href": f"{root}{name}/{row['id']}"}}
    return found


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


def _common(record: Any, shared: _Shared, *, step: datetime | None) -> dict[str, Any]:
    columns = vars(record)
    responsible = columns["responsible_id"]
    return {
        "id": columns["id"], "name": columns["name"], **shared.own(columns), "responsible_user_id": responsible,
        "group_id": shared.groups.get(responsible) or 0, "created_by": columns["created_by"] or 0, "updated_by": columns["updated_by"] or 0,
        "created_at": seconds(columns["created_at"]), "updated_at": seconds(columns["updated_at"]), "closest_task_at": seconds(step),
        "is_deleted": columns["binned_at"] is not None, "custom_fields_values": shared.values(record), "account_id": shared.account,
        "external_id": columns["external_id"] or None,
    }  # fmt: skip


def _next_steps(collection: Collection, records: Sequence[Any]) -> dict[int, datetime]:
    """When the nearest open task of each is due: deals keep it, for others it is asked once."""
    if collection.entity == names.CODES["leads"]:
        return {record.id: record.next_task_at for record in records if record.next_task_at}
    open_tasks = Task.objects.filter(entity=collection.entity, record_id__in=[record.id for record in records], done_at=None, binned_at=None)
    return dict(open_tasks.values_list("record_id").annotate(Min("due_at")).order_by())
