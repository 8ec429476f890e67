"""Links of customers with contacts, companies and elements of catalogs; kept on the customer's side."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from crm_core.doors.amocrm import storing
from crm_core.doors.amocrm.records import collections
from crm_core.doors.amocrm.records.beside import PRODUCTS
from crm_core.doors.amocrm.records.taking import visible
from crm_core.doors.amocrm.resources import elements
from crm_core.doors.amocrm.resources.customers import CUSTOMER, LINK
from crm_core.doors.amocrm.wire import answers, brackets
from crm_core.doors.amocrm.wire.asking import Asked, whole
from crm_core.doors.amocrm.wire.fields import Item, items_of, settle
from crm_core.doors.amocrm.wire.problems import BadRequest
from crm_platform.kernel.errors import NotFound

TARGETS = ("contacts", "companies", "catalog_elements")
_CHOICE = "The value you selected is not a valid choice."


def index(asked: Asked, pk: int) -> HttpResponse:
    """The links of one customer; `filter[to_entity_type]`, `[to_entity_id]`, `[to_catalog_id]` narrow them."""
    storing.get(asked.actor, CUSTOMER, pk)
    return answers.all_of(asked, "links", [{name: row[name] for name in ("to_entity_id", "to_entity_type", "metadata")} for row in _told(asked, [pk])])


def of_many(asked: Asked) -> HttpResponse:
    """The links of several customers, named by `filter[entity_id]`, which must be there."""
    wanted = [whole(one) for one in brackets.values(asked.filters.get("entity_id"))][:250]
    if not wanted:
        raise BadRequest(detail="filter[entity_id] must name the records.")
    return answers.all_of(asked, "links", _told(asked, list(storing.rows(asked.actor, CUSTOMER).filter(pk__in=wanted).values_list("pk", flat=True))))


def _told(asked: Asked, pks: list[int]) -> list[dict[str, Any]]:
    asks = asked.filters
    rows = [{"entity_id": row.parent_id, "entity_type": "customers", **row.body} for row in storing.rows(asked.actor, LINK).filter(parent_id__in=pks)]
    types, ids, lists = ({*brackets.values(asks.get(name))} for name in ("to_entity_type", "to_entity_id", "to_catalog_id"))
    return [
        row for row in rows
        if (not types or row["to_entity_type"] in types) and (not ids or str(row["to_entity_id"]) in ids) and (not lists or str((row["metadata"] or {}).get("catalog_id")) in lists)
    ]  # fmt: skip


def link(asked: Asked, pk: int | None = None) -> HttpResponse:
    """Link a customer (or, with `entity_id` in each item, several) with others; what is linked already stays so."""
    items, told = items_of(asked.items), []
    for item in items:
        source, body = _source(asked, item, pk), _body(item)
        if source is None or body is None:
            continue
        if not _stands(asked, body):
            item.fault("to_entity_id", _CHOICE, code="NotSupportedChoice")
            continue
        present = storing.by_key(asked.actor, LINK, _key(source, body))
        if present is not None:
            storing.change(asked.actor, present, body=body)
        else:
            storing.add(asked.actor, LINK, [{"key": _key(source, body), "body": body, "parent_id": source}])
        told.append({"entity_id": source, "entity_type": "customers", **body})
    settle(items)
    return answers.made(asked, "links", told, _total_items=len(told))


def unlink(asked: Asked, pk: int | None = None) -> HttpResponse:
    """Take links away; what is not linked is no fault."""
    items = items_of(asked.items)
    for item in items:
        source, body = _source(asked, item, pk), _body(item)
        present = storing.by_key(asked.actor, LINK, _key(source, body)) if source is not None and body is not None else None
        if present is not None:
            storing.unlink(asked.actor, present)
    settle(items)
    return answers.nothing()


def _source(asked: Asked, item: Item, pk: int | None) -> int | None:
    source = pk if pk is not None else item.whole("entity_id")
    if source is None:
        item.fault("entity_id", "This value should not be blank.", code="IsBlank")
        return None
    try:
        return storing.get(asked.actor, CUSTOMER, source).pk
    except NotFound:
        if pk is not None:
            raise
        item.fault("entity_id", "Entity not found.", code="EntityNotFound")
        return None


def _body(item: Item) -> dict[str, Any] | None:
    target, other = item.text("to_entity_type"), item.whole("to_entity_id")
    if target not in TARGETS or other is None:
        item.fault("to_entity_type" if other is not None else "to_entity_id", _CHOICE, code="NotSupportedChoice")
        return None
    said = item.beneath("metadata")
    metadata: dict[str, Any] | None = None
    if target == "catalog_elements":
        metadata = {"quantity": _quantity(said), "catalog_id": said.whole("catalog_id") or PRODUCTS, "price_id": said.whole("price_id")}
    elif target == "contacts":
        metadata = {"main_contact": bool(said.flag("is_main"))}
    return {"to_entity_type": target, "to_entity_id": other, "metadata": metadata}


def _quantity(said: Item) -> Any:
    given = said.body.get("quantity")
    return given if isinstance(given, (int, float)) and not isinstance(given, bool) and 0 <= given < 10**9 else 1


def _key(source: int, body: dict[str, Any]) -> str:
    return f"{source}:{body['to_entity_type']}:{(body['metadata'] or {}).get('catalog_id', 0)}:{body['to_entity_id']}"


def _stands(asked: Asked, body: dict[str, Any]) -> bool:
    if body["to_entity_type"] == "catalog_elements":
        return elements.stands(asked, body["metadata"]["catalog_id"], body["to_entity_id"])
    return body["to_entity_id"] in visible(asked.actor, collections.find(body["to_entity_type"]), [body["to_entity_id"]])
