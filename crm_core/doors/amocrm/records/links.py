"""Links between records: listed, made and taken away, from either side, by the verbs of the record that keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from django.http import HttpResponse

from crm_core.doors.amocrm.records import beside, collections, kept_links
from crm_core.doors.amocrm.records.collections import CONTACTS, LEADS, Collection
from crm_core.doors.amocrm.records.taking import visible
from crm_core.doors.amocrm.wire import answers, brackets
from crm_core.doors.amocrm.wire.asking import Asked, whole
from crm_core.doors.amocrm.wire.fields import Item, items_of, settle
from crm_core.doors.amocrm.wire.problems import BadRequest
from crm_core.groundwork.records import writing
from crm_core.groundwork.records.registry import Links
from crm_core.sales.deals.kind import again, line_facts
from crm_core.sales.deals.models import DealLine
from crm_core.sales.products.kind import PRODUCT
from crm_core.sales.products.models import Product
from crm_platform.kernel.errors import NotFound
from crm_platform.kernel.permissions import Actor, reach

ELEMENTS = "catalog_elements"
_CHOICE = "The value you selected is not a valid choice."
# From → what it may be linked with, in the order it is told, and which of the names in `beside` lists it.
_TARGETS: dict[str, dict[str, beside.Links]] = {
    "leads": {"contacts": beside.contacts_of_deals, "companies": beside.company_of_deals, ELEMENTS: beside.elements},
    "contacts": {"leads": beside.deals_of_contacts, "companies": beside.companies_of_contacts, "customers": beside.customers("contacts"), ELEMENTS: beside.elements_of("contacts")},
    "companies": {"leads": beside.deals_of_companies, "contacts": beside.contacts_of_companies, "customers": beside.customers("companies"), ELEMENTS: beside.elements_of("companies")},
}


def index(asked: Asked, plural: str, pk: int) -> HttpResponse:
    """The links of one record; `filter[to_entity_type]`, `[to_entity_id]`, `[to_catalog_id]` narrow them."""
    collection = collections.find(plural)
    record = writing.get(asked.actor, collection.kind, pk)
    return answers.all_of(asked, "links", [{name: row[name] for name in ("to_entity_id", "to_entity_type", "metadata")} for row in _told(asked, collection, [record])])


def of_many(asked: Asked, plural: str) -> HttpResponse:
    """The links of several records, named by `filter[entity_id]`, which must be there."""
    collection = collections.find(plural)
    wanted = [whole(one) for one in brackets.values(asked.filters.get("entity_id"))][:250]
    if not wanted:
        raise BadRequest(detail="filter[entity_id] must name the records.")
    records = list(collection.kind.model.objects.filter(pk__in=visible(asked.actor, collection, wanted)).order_by("pk"))
    return answers.all_of(asked, "links", _told(asked, collection, records))


def _told(asked: Asked, collection: Collection, records: Sequence[Any]) -> list[dict[str, Any]]:
    asks = asked.filters
    types, ids = brackets.values(asks.get("to_entity_type")), {whole(one) for one in brackets.values(asks.get("to_entity_id"))}
    told = []
    for name, linked in _TARGETS[collection.plural].items():
        if types and name not in types:
            continue
        rows = linked(asked.actor, records)
        told += [_link(collection, record.pk, name, beside.read(row)) for record in records for row in rows.get(record.pk, ()) if not ids or row[0] in ids]
    lists = {*brackets.values(asks.get("to_catalog_id"))}
    return [row for row in told if not lists or str((row["metadata"] or {}).get("catalog_id")) in lists]


def _link(collection: Collection, pk: int, name: str, row: dict[str, Any]) -> dict[str, Any]:
    metadata = row.get("metadata") or ({"main_contact": row["is_main"]} if "is_main" in row else None)
    return {"entity_id": pk, "entity_type": collection.plural, "to_entity_id": row["id"], "to_entity_type": name, "metadata": metadata}


def link(asked: Asked, plural: str, pk: int | None = None) -> HttpResponse:
    """Link a record (or, with `entity_id` in each item, several) with others; what is linked already stays so."""
    told = []
    items = items_of(asked.items)
    for item in items:
        source = _source(item, pk)
        if source is not None and _apply(asked.actor, collections.find(plural), source, item, away=False):
            told.append({
                "entity_id": source, "entity_type": plural, "to_entity_id": item.whole("to_entity_id"), "to_entity_type": item.text("to_entity_type"),
                "metadata": item.body.get("metadata") or None,
            })  # fmt: skip
    settle(items)
    return answers.made(asked, "links", told, _total_items=len(told))


def unlink(asked: Asked, plural: str, pk: int | None = None) -> HttpResponse:
    """Take links away; what is not linked is no fault."""
    items = items_of(asked.items)
    for item in items:
        source = _source(item, pk)
        if source is not None:
            _apply(asked.actor, collections.find(plural), source, item, away=True)
    settle(items)
    return answers.nothing()


def _source(item: Item, pk: int | None) -> int | None:
    source = pk if pk is not None else item.whole("entity_id")
    if source is None:
        item.fault("entity_id", "This value should not be blank.", code="IsBlank")
    return source


def _apply(actor: Actor, collection: Collection, pk: int, item: Item, *, away: bool) -> bool:
    """One link: found which record keeps it, and given to its verb. Faults are noted. Raises NotFound for a source that is none."""
    target, other = item.text("to_entity_type"), item.whole("to_entity_id")
    if target not in _TARGETS[collection.plural] or other is None:
        item.fault("to_entity_type" if other is not None else "to_entity_id", _CHOICE, code="NotSupportedChoice")
        return False
    if pk not in visible(actor, collection, [pk]):
        raise NotFound
    if kept_links.is_kept(collection.plural, target, item):
        return _apply_kept(actor, collection, pk, target, item, away=away)
    if not away and not _stands(actor, target, other):
        item.fault("to_entity_id", _CHOICE, code="NotSupportedChoice")
        return False
    ends = {collection.plural: pk, target: other}
    main = bool(item.beneath("metadata").flag("is_main"))
    if ELEMENTS in ends:
        _deal_and_product(actor, ends["leads"], other, item, away=away)
    elif ends.keys() == {"leads", "contacts"}:
        _listed(actor, LEADS, ends["leads"], "contacts", ends["contacts"], main=main, away=away)
    elif ends.keys() == {"contacts", "companies"}:
        _listed(actor, CONTACTS, ends["contacts"], "companies", ends["companies"], main=True, away=away)
    else:
        _deal_and_company(actor, ends["leads"], ends["companies"], away=away)
    return True


def _apply_kept(actor: Actor, collection: Collection, pk: int, target: str, item: Item, *, away: bool) -> bool:
    other = item.whole("to_entity_id") or 0
    product = target == ELEMENTS and kept_links.catalog_of(item) == beside.PRODUCTS
    if not away and not (_stands(actor, target, other) if product else kept_links.stands(actor, target, other, item)):
        item.fault("to_entity_id", _CHOICE, code="NotSupportedChoice")
        return False
    writing.get(actor, collection.kind, pk, right="edit")
    kept_links.apply(actor, collection.plural, pk, target, other, item, away=away)
    return True


def _stands(actor: Actor, target: str, pk: int) -> bool:
    if target == ELEMENTS:
        return Product.objects.kept().filter(reach(actor, PRODUCT.entity.VIEW), pk=pk).exists()
    return pk in visible(actor, collections.find(target), [pk])


def _listed(actor: Actor, keeper: Collection, pk: int, name: str, other: int, *, main: bool, away: bool) -> None:
    """A link that stands in a list of the keeper's; the first of it is the main one."""
    links = cast(Links, keeper.kind.links)
    record = writing.get(actor, keeper.kind, pk, right="edit", lock=True)
    present = links.read(record, name)
    rest = [row for row in present if row["id"] != other]
    mine = next((row for row in present if row["id"] == other), None)
    if mine is not None and not away and not main:
        return
    added = [] if away else [mine or {"id": other, "name": _name(name, other), "role": ""}]
    rows = [*added, *rest] if main else [*rest, *added]
    writing.change_locked(actor, keeper.kind, record, {name: [links.again(name, row) for row in rows]})


def _name(plural: str, pk: int) -> str:
    return str(collections.find(plural).kind.model.objects.values_list("name", flat=True).get(pk=pk))


def _deal_and_company(actor: Actor, deal: int, company: int, *, away: bool) -> None:
    record = writing.get(actor, LEADS.kind, deal, right="edit", lock=True)
    if away and record.company_id != company:
        return
    writing.change_locked(actor, LEADS.kind, record, {"company_id": None if away else company})


def _deal_and_product(actor: Actor, deal: int, product: int, item: Item, *, away: bool) -> None:
    """A product of a deal is a line of it: its quantity may be said, its price is the product's."""
    record = writing.get(actor, LEADS.kind, deal, right="edit", lock=True)
    lines = list(DealLine.objects.filter(deal=record))
    rows = [again("lines", line_facts(line)) for line in lines if line.product_id != product]
    mine = next((line for line in lines if line.product_id == product), None)
    if not away:
        found = Product.objects.get(pk=product)
        rows.append({"product": found.name, "quantity_milli": round(kept_links.quantity_of(item) * 1000), **({"price_minor": mine.price_minor, "discount": mine.discount} if mine else {})})
    writing.change_locked(actor, LEADS.kind, record, {"lines": rows})
