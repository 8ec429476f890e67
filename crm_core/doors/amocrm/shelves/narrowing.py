"""What `filter` and `query` leave of a shelf."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from django.db.models import Q, QuerySet

from crm_core.doors.amocrm.fields import known
from crm_core.doors.amocrm.models import Stored
from crm_core.doors.amocrm.records.listing import matching
from crm_core.doors.amocrm.records.tagging import CUSTOMER
from crm_core.doors.amocrm.resources import customer_tasks
from crm_core.doors.amocrm.wire import brackets
from crm_core.doors.amocrm.wire.asking import MOST_IDS, Asked, whole, wholes
from crm_core.doors.amocrm.wire.fields import period

Rows = QuerySet[Stored]
_WORDS, _NUMBERS = frozenset({"name", "type"}), frozenset({"status_id", "responsible_user_id", "next_price", "next_date"})
_COLUMNS = {"id": "pk", "created_by": "created_by", "updated_by": "updated_by"}


class Shelved(Protocol):
    """What is asked here of a shelf."""

    @property
    def fields(self) -> Mapping[str, Any]: ...
    @property
    def keyed(self) -> str: ...
    @property
    def above(self) -> int: ...
    @property
    def entity(self) -> str: ...


def filters_of(shelf: Shelved) -> tuple[str, ...]:
    """What the list of a shelf may be narrowed by."""
    fields = [name for name in shelf.fields if name in _WORDS | _NUMBERS and name != shelf.keyed]
    return (*_COLUMNS, *fields, "created_at", "updated_at", *([shelf.keyed] if shelf.keyed else ()), *(["custom_fields_values"] if shelf.entity else ()), *(["closest_task_at"] if shelf.entity == CUSTOMER else ()))


def narrowed(asked: Asked, shelf: Shelved, rows: Rows) -> Rows:
    """The rows that fit all that is asked; filters that a shelf does not know are none."""
    asked.knows(filters_of(shelf))
    asks = asked.filters
    condition = _by_columns(shelf, asks) & _by_fields(shelf, asks)
    for name in ("created_at", "updated_at"):
        condition &= period(asks.get(name), name)
    if shelf.entity == CUSTOMER and "closest_task_at" in asks:
        condition &= Q(pk__in=customer_tasks.due_within(period(asks["closest_task_at"], "nearest")))
    if asked.text:
        condition &= Q(body__name__icontains=asked.text) | Q(key__icontains=asked.text)
    return rows.filter(condition, *_custom(shelf, asks.get("custom_fields_values")))


def _by_columns(shelf: Shelved, asks: Mapping[str, Any]) -> Q:
    condition = Q()
    for name, column in _COLUMNS.items():
        if name in asks:
            above = shelf.above if name == "id" else 0
            condition &= Q(**{f"{column}__in": [pk - above for pk in wholes(asks[name])]})
    if shelf.keyed in asks:
        condition &= Q(key__in=brackets.values(asks[shelf.keyed])[:MOST_IDS])
    return condition


def _by_fields(shelf: Shelved, asks: Mapping[str, Any]) -> Q:
    condition = Q()
    for name in shelf.fields.keys() & asks.keys() & _WORDS:
        given = asks[name]
        condition &= Q(**{f"body__{name}__in": (brackets.values if name == "type" else brackets.uncut)(given)[:MOST_IDS]})
    for name in shelf.fields.keys() & asks.keys() & _NUMBERS:
        condition &= _range(asks[name], f"body__{name}")
    return condition


def _range(given: Any, column: str) -> Q:
    if not brackets.is_range(given):
        return Q(**{f"{column}__in": [whole(one) for one in brackets.values(given)[:MOST_IDS]]})
    ends = {"gte": given.get("from"), "lte": given.get("to")}
    return Q(**{f"{column}__{end}": whole(value) for end, value in ends.items() if value is not None})


def _custom(shelf: Shelved, given: Any) -> Sequence[Q]:
    if not shelf.entity or not isinstance(given, dict):
        return []
    own = {str(one.id): one.row for one in known.of(shelf.entity) if one.row is not None}
    return [Q(pk__in=matching(own[key], wanted)) for key, wanted in given.items() if key in own]
