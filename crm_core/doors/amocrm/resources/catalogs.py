"""Catalogs: the products' (its elements are our products, its number is always the same), and the lists of the firm's programs."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _

from crm_core.doors.amocrm import storing
from crm_core.doors.amocrm.models import Stored
from crm_core.doors.amocrm.records.beside import PRODUCTS
from crm_core.doors.amocrm.resources import custom_fields
from crm_core.doors.amocrm.resources.account import account_id
from crm_core.doors.amocrm.shelves import reading, shelf
from crm_core.doors.amocrm.shelves.shelf import Shelf
from crm_core.doors.amocrm.wire import answers, brackets, cursors
from crm_core.doors.amocrm.wire.asking import Asked
from crm_core.doors.amocrm.wire.fields import Item, items_of, seconds, settle
from crm_platform.kernel import money, preferences
from crm_platform.kernel.errors import NotFound

TYPES = ("regular", "invoices", "products", "suppliers")
CATALOGS = Shelf(
    kind="catalog", plural="catalogs", path="catalogs", above=PRODUCTS,
    fields={
        "name": (reading.text(), ""), "sort": (reading.number(), 10), "type": (reading.choice(*TYPES), "regular"), "can_add_elements": (reading.flag, True),
        "can_show_in_cards": (reading.flag, False), "can_link_multiple": (reading.flag, True), "sdk_widget_code": (reading.text(), None),
    },
    beside=lambda _asked, rows: {row.pk: {"can_be_deleted": True} for row in rows},
)  # fmt: skip
_SETTINGS = "products_settings"


def of_products(asked: Asked) -> dict[str, Any]:
    """The catalog of products."""
    return {
        "id": PRODUCTS, "name": _("Products"), "sort": 10, "type": "products", "can_add_elements": True, "can_show_in_cards": True, "can_link_multiple": True,
        "sdk_widget_code": None, "can_be_deleted": False, "created_by": 0, "updated_by": 0, "created_at": 0, "updated_at": 0, "account_id": account_id(),
        "_links": answers.href(asked, f"catalogs/{PRODUCTS}"),
    }  # fmt: skip


def index(asked: Asked) -> HttpResponse:
    """A page of the catalogs, the products' first; `type` and `filter[type]` narrow them."""
    types = {*brackets.values(asked.query.get("type")), *brackets.values(asked.filters.get("type"))}
    own = storing.rows(asked.actor, CATALOGS.kind)
    first = [of_products(asked)] if not types or "products" in types else []
    rows = list(own.filter(body__type__in=types) if types - {"regular"} else own.exclude(body__type__in=[one for one in TYPES if one != "regular"]) if types else own)
    page, more, cursor = cursors.among(asked, [*first, *shelf.draw(asked, CATALOGS, rows)], lambda one: one["id"])
    return answers.page(asked, CATALOGS.plural, page, more=more, cursor=cursor)


def show(asked: Asked, pk: int) -> HttpResponse:
    """One catalog."""
    return answers.told(of_products(asked)) if pk == PRODUCTS else shelf.show(asked, CATALOGS, pk)


def make(asked: Asked) -> HttpResponse:
    """Make catalogs; the one of products is there already."""
    return shelf.make(asked, CATALOGS)


def change_many(asked: Asked) -> HttpResponse:
    """Change catalogs, all of them or none; the products' stays as it is."""
    items = items_of(asked.items)
    rows = [(item, _laid(asked, item, item.whole("id") or 0, within=True)) for item in items]
    settle(items)
    told = [{**(shelf.draw(asked, CATALOGS, [row])[0] if row else of_products(asked)), "request_id": item.request_id} for item, row in rows]
    return answers.made(asked, CATALOGS.plural, told)


def change(asked: Asked, pk: int) -> HttpResponse:
    """Change one catalog."""
    item = Item(asked.item)
    row = _laid(asked, item, pk)
    settle([item])
    return answers.told(shelf.draw(asked, CATALOGS, [row])[0] if row else of_products(asked))


def _laid(asked: Asked, item: Item, pk: int, *, within: bool = False) -> Stored | None:
    if pk == PRODUCTS:
        storing.may(asked.actor, CATALOGS.kind, "edit")
        return None
    try:
        return shelf.lay(asked, CATALOGS, pk - PRODUCTS, item)
    except NotFound:
        if not within:
            raise
        item.fault("id", "Entity not found.", code="EntityNotFound")
        return None


def delete(asked: Asked, pk: int) -> HttpResponse:
    """Delete a catalog of a program's with all that is in it."""
    row = storing.get(asked.actor, CATALOGS.kind, pk - PRODUCTS)
    storing.remove(asked.actor, CATALOGS.kind, [row.pk])
    beneath = list(storing.rows(asked.actor, "element", parent_id=row.pk).values_list("pk", flat=True))
    if beneath:
        storing.remove(asked.actor, "element", beneath)
    return answers.nothing()


def entity_of(asked: Asked, catalog_id: int) -> str:
    """Whose the custom fields of a catalog are. Raises NotFound."""
    if catalog_id == PRODUCTS:
        return "product"
    storing.get(asked.actor, CATALOGS.kind, catalog_id - PRODUCTS)
    return f"catalog{catalog_id}"


def field_verb(name: str) -> Callable[..., HttpResponse]:
    """A verb of custom fields for the catalog that the address names."""
    given = getattr(custom_fields, name)

    @functools.wraps(given)
    def verb(asked: Asked, catalog_id: int, **variables: Any) -> HttpResponse:
        answer: HttpResponse = given(asked, entity=entity_of(asked, catalog_id), path=f"catalogs/{catalog_id}/custom_fields", **variables)
        return answer

    return verb


def settings(asked: Asked) -> HttpResponse:
    """The settings of products."""
    return answers.told(_settings(asked, storing.by_key(asked.actor, _SETTINGS, "one")))


def _settings(asked: Asked, row: Stored | None) -> dict[str, Any]:
    said = row.body if row else {}
    return {
        "is_enabled": said.get("is_enabled", True), "catalog_id": PRODUCTS, "is_default_price_update_enabled": said.get("is_default_price_update_enabled", False),
        "updated_at": seconds(row.updated_at) if row else 0, "account_id": account_id(), "_links": answers.href(asked, "catalogs/products/settings"),
    }  # fmt: skip


def change_settings(asked: Asked) -> HttpResponse:
    """Change the settings of products: kept and told back; the list of products is always there. The API before this one says `enable`."""
    item = Item(asked.item)
    said = (("enable", "is_enabled"), ("is_enabled", "is_enabled"), ("is_default_price_update_enabled", "is_default_price_update_enabled"))
    body = {name: item.flag(word) for word, name in said if item.body.get(word) is not None}
    settle([item])
    row = storing.by_key(asked.actor, _SETTINGS, "one")
    row = storing.change(asked.actor, row, body=body) if row else storing.add(asked.actor, _SETTINGS, [{"key": "one", "body": body}])[0]
    return answers.told(_settings(asked, row))


def currencies(asked: Asked) -> HttpResponse:
    """The currencies in which money is told, the firm's own first."""
    here = preferences.here().currency
    codes = list(dict.fromkeys([here, *money.CURRENCIES]))
    rows = [{"id": at, "code": code, "symbol": money.SIGNS.get(code, code), "is_default": code == here, "decimals": money.digits_of(code)} for at, code in enumerate(codes, 1)]
    page, more = asked.stretch(rows)
    return answers.page(asked, "currencies", page, more=more, empty=False)
