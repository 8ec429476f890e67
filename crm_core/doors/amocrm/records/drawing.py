"""Records as the API tells them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Min

from crm_core.doors.amocrm import names
from crm_core.doors.amocrm.fields import known, values
from crm_core.doors.amocrm.fields.known import Known
from crm_core.doors.amocrm.records.collections import Collection
from crm_core.doors.amocrm.resources.account import account_id
from crm_core.doors.amocrm.wire import answers
from crm_core.doors.amocrm.wire.asking import Asked
from crm_core.doors.amocrm.wire.fields import seconds
from crm_core.engagement.tasks.models import Task
from crm_core.groundwork.tags import services as tags
from crm_platform.accounts import directory

# What has an address of its own.
ADDRESSED = frozenset({"companies", "contacts", "leads", "customers"})


def draw(asked: Asked, collection: Collection, records: Sequence[Any]) -> list[dict[str, Any]]:
    """A page of records: fields, values, tags, and what `with` asks for, in a constant number of statements."""
    wanted = [name for name in collection.links if name in collection.always or name in asked.wants]
    linked = {name: collection.links[name](asked.actor, records) for name in wanted}
    steps = _next_steps(collection, records)
    words, shared = tags.tags_of(collection.entity), _shared(collection)
    return [
        {
            **_common(record, collection, shared, step=steps.get(record.pk)),
            "_links": answers.href(asked, f"{collection.plural}/{record.pk}"),
            "_embedded": {
                "tags": [{"id": pk, "name": words[pk].name, "color": None} for pk in record.tag_ids if pk in words],
                **{name: [_linked(asked, name, row) for row in linked[name].get(record.pk, ())] for name in wanted},
            },
        }
        for record in records
    ]


@dataclass(frozen=True, slots=True)
class _Shared:
    """What the records of a page have in common, looked up once for all of them."""

    own: Callable[[Any], dict[str, Any]]
    groups: Mapping[int | None, int | None]
    fields: Sequence[Known]
    account: int


def _shared(collection: Collection) -> _Shared:
    groups: dict[int | None, int | None] = {pk: person.group_id for pk, person in directory.everyone().items()}
    return _Shared(collection.own(), groups, known.of(collection.entity), account_id())


def _common(record: Any, collection: Collection, shared: _Shared, *, step: datetime | None) -> dict[str, Any]:
    return {
        "id": record.pk, "name": record.name, **shared.own(record), "responsible_user_id": record.responsible_id,
        "group_id": shared.groups.get(record.responsible_id) or 0, "created_by": record.created_by or 0, "updated_by": record.updated_by or 0,
        "created_at": seconds(record.created_at), "updated_at": seconds(record.updated_at), "closest_task_at": seconds(step),
        "is_deleted": record.binned_at is not None, "custom_fields_values": values.draw(record, collection.entity, fields=shared.fields), "account_id": shared.account,
        "external_id": record.external_id or None,
    }  # fmt: skip


def _linked(asked: Asked, name: str, row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "_links": answers.href(asked, f"{name}/{row['id']}")} if name in ADDRESSED else row


def _next_steps(collection: Collection, records: Sequence[Any]) -> dict[int, datetime]:
    """When the nearest open task of each is due: deals keep it, for others it is asked once."""
    if collection.entity == names.CODES["leads"]:
        return {record.pk: record.next_task_at for record in records if record.next_task_at}
    open_tasks = Task.objects.filter(entity=collection.entity, record_id__in=[record.pk for record in records], done_at=None, binned_at=None)
    return dict(open_tasks.values_list("record_id").annotate(Min("due_at")).order_by())
