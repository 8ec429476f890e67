"""What a question may ask: the filters, orders and `with` of each list, by its function. What a table of the code says already is drawn from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from crm_core.doors.amocrm.drive import files, lying
from crm_core.doors.amocrm.records import collections, links, listing, tagging, verbs
from crm_core.doors.amocrm.resources import (
    account,
    catalogs,
    changes,
    custom_fields,
    customer_links,
    customer_notes,
    customers,
    elements,
    events,
    hooks,
    notes,
    pipelines,
    sources,
    talks,
    tasks,
    transactions,
    unsorted,
    users,
)
from crm_core.doors.amocrm.shelves import narrowing
from crm_core.doors.amocrm.shelves import shelf as shelves
from crm_core.doors.amocrm.shelves.shelf import Shelf

from .words import Schema

# How a filter is written: several values; a range or a beginning; a few words of its own.
SEVERAL, RANGE, ALONE, DEEP = "several", "range", "alone", "deep"
_RANGES = frozenset({"created_at", "updated_at", "closed_at", "closest_task_at", "complete_till", "price", "next_price", "next_date", "date", "size"})
_SIDE = "Any of what stood there: {known}. For example filter[{side}][value]=155 with filter[type]=sale_field_changed."
_DEEP_ONES = {
    "custom_fields_values": "A field's id and its values: filter[custom_fields_values][12][]=oak",
    **{side: _SIDE.format(side=side, known=", ".join(events.VALUES)) for side in events.SIDES},
}
_ALONE = frozenset({"is_completed", "destination", "deleted", "term"})


@dataclass(frozen=True, slots=True)
class Questions:
    """What one list understands. `beside` are parameters that stand beside `filter`."""

    pages: bool = True
    filters: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    beside_it: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()
    text: bool = False
    named: dict[str, str] = field(default_factory=dict)


NONE = Questions(pages=False)
_FEW, _CURSOR = Questions(), ("cursor",)
_GOES_ON = Questions(beside_it=_CURSOR)


def _records(plural: str) -> Questions:
    one = collections.find(plural)
    return Questions(filters=listing.filters_of(one), orders=listing.ORDERS, wants=listing.wants_of(one), text=True, beside_it=_CURSOR)


def _shelved(shelf: Shelf, *wants: str) -> Questions:
    return Questions(filters=narrowing.filters_of(shelf), orders=shelves.ORDERS, wants=wants, text=True, beside_it=_CURSOR)


def _notes(**_named: Any) -> Questions:
    return Questions(filters=notes.FILTERS, orders=("id", "updated_at", "created_at"), wants=("is_pinned",), beside_it=_CURSOR)


_LINKS = Questions(pages=False, filters=("to_entity_type", "to_entity_id", "to_catalog_id"))
_LINKS_OF_MANY = Questions(pages=False, filters=("entity_id", *_LINKS.filters))
QUESTIONS: dict[Callable[..., Any], Callable[..., Questions]] = {
    account.show: lambda: Questions(pages=False, wants=(*account.BESIDE, "drive_url", *account.EMBEDDED)),
    verbs.index: _records, verbs.show: lambda plural: Questions(pages=False, wants=tuple(name for name in _records(plural).wants if name != listing.TOTAL)),
    tagging.index: lambda plural: Questions(filters=("id", "name"), text=True, beside_it=_CURSOR),
    links.index: lambda plural: _LINKS, links.of_many: lambda plural: _LINKS_OF_MANY,
    customer_links.index: lambda: _LINKS, customer_links.of_many: lambda: _LINKS_OF_MANY,
    notes.index: _notes, notes.show: lambda plural: Questions(pages=False, wants=("is_pinned",)),
    changes.index: lambda: Questions(beside_it=("since",)),
    events.index: lambda: Questions(filters=events.FILTERS, wants=events.WANTS, beside_it=_CURSOR), events.show: lambda: Questions(pages=False, wants=events.WANTS),
    events.types: lambda: Questions(pages=False, beside_it=("language_code",)),
    users.index: lambda: Questions(wants=users.WANTS, beside_it=_CURSOR), users.show: lambda: Questions(pages=False, wants=users.WANTS), users.roles: lambda: Questions(wants=("users",), beside_it=_CURSOR),
    users.show_role: lambda: Questions(pages=False, wants=("users",)),
    tasks.index: lambda: Questions(filters=tasks.FILTERS, orders=(*tasks.ORDERS,), beside_it=(*tasks.LOOSE, *_CURSOR)),
    unsorted.index: lambda: Questions(filters=unsorted.FILTERS, orders=unsorted.ORDERS, beside_it=_CURSOR),
    unsorted.summary: lambda: Questions(pages=False, filters=("pipeline_id", "created_at")),
    pipelines.index: lambda: Questions(pages=False, wants=("descriptions",)), pipelines.show: lambda: Questions(pages=False, wants=("descriptions",)),
    pipelines.statuses: lambda: Questions(pages=False, wants=("descriptions",)), pipelines.show_status: lambda: Questions(pages=False, wants=("descriptions",)),
    custom_fields.index: lambda entity="", path="": Questions(filters=custom_fields.FILTERS, orders=custom_fields.ORDERS),
    shelves.index: _shelved, customers.index: lambda: _shelved(customers.CUSTOMERS, *customers.LINKED), customers.show: lambda: Questions(pages=False, wants=customers.LINKED),
    transactions.index: lambda: _shelved(transactions.TRANSACTIONS), customer_notes.index: lambda: _shelved(customer_notes.NOTES, "is_pinned"),
    catalogs.index: lambda: Questions(filters=("type",), beside_it=("type", *_CURSOR)), catalogs.currencies: lambda: _FEW,
    elements.index: lambda: Questions(filters=elements.FILTERS, orders=shelves.ORDERS, wants=("invoice_link",), text=True, beside_it=_CURSOR),
    hooks.index: lambda: Questions(pages=False, filters=("destination",)), sources.widgets: lambda: _GOES_ON,
    talks.talks: lambda: Questions(filters=("contact_id", "entity_id"), beside_it=_CURSOR), talks.chats: lambda: Questions(pages=False, filters=("contact_id", "chat_id"), beside_it=("contact_id", "chat_id")),
    lying.index: lambda plural: _GOES_ON, files.index: lambda: Questions(filters=("uuid", "name", "term", "extensions", "created_by", "updated_by", "deleted", "size", "date"), beside_it=_CURSOR),
}  # fmt: skip

_STATUSES = {"filter[statuses][0][pipeline_id]": "A pipeline, with the status beside it.", "filter[statuses][0][status_id]": "142 is won, 143 lost."}


def parameters(asks: Questions, *, most: int) -> list[Schema]:
    """They as OpenAPI has them, in PHP's brackets, each by its whole name."""
    found: list[Schema] = []
    if asks.pages:
        found += [{"$ref": "#/components/parameters/page"}, _query("limit", {"type": "integer", "minimum": 1, "maximum": most}, "Items of a page.")]
    if asks.text:
        found.append({"$ref": "#/components/parameters/query"})
    if asks.wants:
        found.append(_query("with", {"type": "string"}, f"What else to tell, parted by commas: {', '.join(asks.wants)}."))
    for name in asks.filters:
        found += _filter(name)
    found += [_query(f"order[{name}]", {"type": "string", "enum": ["asc", "desc"]}, "") for name in asks.orders]
    found += [_query(name, {"type": "string"}, "") for name in asks.beside_it]
    return found


def _filter(name: str) -> list[Schema]:
    if name == "statuses":
        return [_query(one, {"type": "integer"}, told) for one, told in _STATUSES.items()]
    if name in _DEEP_ONES:
        return [_query(f"filter[{name}]", {"type": "object", "additionalProperties": True}, _DEEP_ONES[name], deep=True)]
    if name in _RANGES:
        return [_query(f"filter[{name}][{end}]", {"type": "string"} if name in ("date", "size") else {"type": "integer"}, "") for end in ("from", "to")]
    if name in _ALONE:
        return [_query(f"filter[{name}]", {"type": "string"}, "")]
    return [_query(f"filter[{name}][]", {"type": "array", "items": {"type": "string"}}, "One or several; any of them fits.")]


def _query(name: str, schema: Schema, told: str, *, deep: bool = False) -> Schema:
    return {"name": name, "in": "query", "schema": schema, **({"description": told} if told else {}), **({"style": "deepObject", "explode": True} if deep else {})}
