"""Elements of catalogs. Those of the products' catalog are our products, with all their rules; the others are kept."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse

from crm_core.doors.amocrm import storing
from crm_core.doors.amocrm.fields import known
from crm_core.doors.amocrm.fields import values as custom_values
from crm_core.doors.amocrm.models import Stored
from crm_core.doors.amocrm.records.beside import PRODUCTS
from crm_core.doors.amocrm.records.collections import price
from crm_core.doors.amocrm.records.listing import matching
from crm_core.doors.amocrm.resources.account import account_id
from crm_core.doors.amocrm.resources.catalogs import CATALOGS, entity_of
from crm_core.doors.amocrm.shelves import reading, shelf
from crm_core.doors.amocrm.shelves.shelf import Shelf
from crm_core.doors.amocrm.wire import answers, brackets, cursors
from crm_core.doors.amocrm.wire.asking import MOST_IDS, Asked, wholes
from crm_core.doors.amocrm.wire.fields import Item, items_of, period, seconds, settle
from crm_core.doors.amocrm.wire.problems import ItemsRefused, of_fields
from crm_core.groundwork.records import writing
from crm_core.groundwork.search import queries as search
from crm_core.sales.products.kind import PRODUCT
from crm_core.sales.products.models import Product
from crm_platform.kernel import money, preferences
from crm_platform.kernel.errors import Invalid, NotFound
from crm_platform.kernel.permissions import reach

FILTERS = ("id", "name", "created_at", "updated_at", "custom_fields_values")
# Of the product's own columns, those that a filter may ask for.
_TEXTS = frozenset({"sku", "unit", "series"})


def _shelf(asked: Asked, catalog_id: int) -> Shelf:
    """The shelf of a catalog's elements. Raises NotFound."""
    entity = entity_of(asked, catalog_id)

    def beside(asked: Asked, rows: Any) -> dict[int, dict[str, Any]]:
        more = {"invoice_link": None} if "invoice_link" in asked.wants else {}
        return {row.pk: {"catalog_id": catalog_id, "is_deleted": False, **more} for row in rows}

    return Shelf(kind="element", plural="elements", path=f"catalogs/{catalog_id}/elements", entity=entity, fields={"name": (reading.text(), "")}, beside=beside)


def index(asked: Asked, catalog_id: int) -> HttpResponse:
    """A page of the elements of a catalog; `filter[id]`, `filter[name]`, custom fields and `query` narrow them."""
    if catalog_id != PRODUCTS:
        return shelf.index(asked, _shelf(asked, catalog_id), parent_id=catalog_id - PRODUCTS)
    name, down = asked.order if asked.order and asked.order[0] in shelf.ORDERS else ("id", False)
    rows = _narrowed(asked, Product.objects.kept().filter(reach(asked.actor, PRODUCT.entity.VIEW)))
    if asked.text:
        rows = rows.filter(pk__in=search.matching_ids(asked.actor, PRODUCT.code, asked.text))
    page, more, cursor = cursors.page_of(asked, rows, name, down=down)
    return answers.page(asked, "elements", [_told(asked, one) for one in page], more=more, cursor=cursor)


def _narrowed(asked: Asked, rows: QuerySet[Product]) -> QuerySet[Product]:
    """What the filters leave of the products; of our own columns among the fields those of `_TEXTS` may be asked for."""
    asked.knows(FILTERS, orders=shelf.ORDERS)
    asks = asked.filters
    if "id" in asks:
        rows = rows.filter(pk__in=wholes(asks["id"]))
    if "name" in asks:
        rows = rows.filter(name__in=brackets.uncut(asks["name"])[:MOST_IDS])
    for name in ("created_at", "updated_at"):
        rows = rows.filter(period(asks.get(name), name))
    given = asks.get("custom_fields_values")
    known_fields = {str(one.id): one for one in known.of(PRODUCT.code)}
    for key, wanted in given.items() if isinstance(given, dict) else ():
        one = known_fields.get(key)
        if one is not None and one.row is not None:
            rows = rows.filter(pk__in=matching(one.row, wanted))
        elif one is not None and one.attribute in _TEXTS:
            rows = rows.filter(**{f"{one.attribute}__in": brackets.values(wanted)[:MOST_IDS]})
    return rows


def _told(asked: Asked, product: Product) -> dict[str, Any]:
    amount = None if product.price_minor is None else format(money.major(product.price_minor, currency=product.currency).normalize(), "f")
    seen = SimpleNamespace(custom=product.custom, sku=product.sku, price=amount, description=product.description, unit=product.unit, series=product.series)
    return {
        "id": product.pk, "catalog_id": PRODUCTS, "name": product.name, "created_by": product.created_by or 0, "updated_by": product.updated_by or 0,
        "created_at": seconds(product.created_at), "updated_at": seconds(product.updated_at), "is_deleted": product.binned_at is not None,
        "custom_fields_values": custom_values.draw(seen, PRODUCT.code), "account_id": account_id(), **({"invoice_link": None} if "invoice_link" in asked.wants else {}),
        "_links": answers.href(asked, f"catalogs/{PRODUCTS}/elements/{product.pk}"),
    }  # fmt: skip


def show(asked: Asked, catalog_id: int, pk: int) -> HttpResponse:
    """One element."""
    if catalog_id != PRODUCTS:
        return shelf.show(asked, _shelf(asked, catalog_id), pk, parent_id=catalog_id - PRODUCTS)
    return answers.told(_told(asked, writing.get(asked.actor, PRODUCT, pk)))


def make(asked: Asked, catalog_id: int) -> HttpResponse:
    """Make elements, all of them or none."""
    if catalog_id != PRODUCTS:
        return shelf.make(asked, _shelf(asked, catalog_id), parent_id=catalog_id - PRODUCTS)
    items = items_of(asked.items)
    for item in items:
        reading.needed(item, ["name"])
    values = [{"currency": preferences.here().currency, **_values(item, preferences.here().currency)} for item in items]
    settle(items)
    try:
        made = writing.create_many(asked.actor, PRODUCT, values)
    except Invalid as refused:
        raise ItemsRefused({items[refused.at].request_id: of_fields(refused)}) from refused
    return answers.made(asked, "elements", [{**_told(asked, one), "request_id": item.request_id} for one, item in zip(made, items, strict=True)])


def _values(item: Item, currency: str) -> dict[str, Any]:
    values = custom_values.read(item, PRODUCT.code)
    if item.body.get("name") is not None:
        values["name"] = item.text("name")
    if "price" in values:
        amount = Item({"price": values.pop("price")}, at=item.at, within="custom_fields_values")
        values["price_minor"] = price(amount, currency=currency)
        item.faults += amount.faults
    return values


def change_many(asked: Asked, catalog_id: int) -> HttpResponse:
    """Change elements, all of them or none; each item names its id."""
    if catalog_id != PRODUCTS:
        return shelf.change_many(asked, _shelf(asked, catalog_id), parent_id=catalog_id - PRODUCTS)
    items, told = items_of(asked.items), []
    for item in items:
        try:
            told.append({**_changed(asked, item, item.whole("id") or 0), "request_id": item.request_id})
        except NotFound:
            item.fault("id", "Entity not found.", code="EntityNotFound")
    settle(items)
    return answers.made(asked, "elements", told)


def change(asked: Asked, catalog_id: int, pk: int) -> HttpResponse:
    """Change one element."""
    if catalog_id != PRODUCTS:
        return shelf.change(asked, _shelf(asked, catalog_id), pk, parent_id=catalog_id - PRODUCTS)
    item = Item(asked.item)
    told = _changed(asked, item, pk)
    settle([item])
    return answers.told(told)


def _changed(asked: Asked, item: Item, pk: int) -> dict[str, Any]:
    product = writing.get(asked.actor, PRODUCT, pk, right="edit", lock=True)
    values = _values(item, product.currency)
    if not item.faults:
        with item.refused_here():
            writing.change_locked(asked.actor, PRODUCT, product, values)
    return _told(asked, product)


def delete(asked: Asked, catalog_id: int, pk: int) -> HttpResponse:
    """Delete one element; a product lies in the bin for 90 days."""
    if catalog_id != PRODUCTS:
        return shelf.delete(asked, _shelf(asked, catalog_id), pk, parent_id=catalog_id - PRODUCTS)
    writing.put_in_bin(asked.actor, PRODUCT, [pk])
    return answers.nothing()


def stands(asked: Asked, catalog_id: int, pk: int) -> bool:
    """Whether a catalog has the element, and the program may see it."""
    if catalog_id == PRODUCTS:
        return Product.objects.kept().filter(reach(asked.actor, PRODUCT.entity.VIEW), pk=pk).exists()
    return storing.rows(asked.actor, "element", parent_id=catalog_id - PRODUCTS).filter(pk=pk).exists() and _catalog(asked, catalog_id) is not None


def _catalog(asked: Asked, catalog_id: int) -> Stored | None:
    return storing.rows(asked.actor, CATALOGS.kind).filter(pk=catalog_id - PRODUCTS).first()
