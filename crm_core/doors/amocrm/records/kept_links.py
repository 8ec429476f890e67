"""Links with what is only kept: elements of a program's own catalogs on leads, customers on contacts and companies."""

from __future__ import annotations

from typing import Any

from crm_core.doors.amocrm import storing
from crm_core.doors.amocrm.records.beside import PRODUCTS
from crm_core.doors.amocrm.wire.fields import Item
from crm_platform.kernel.errors import NotFound
from crm_platform.kernel.permissions import Actor

CUSTOMERS, ELEMENTS = "customers", "catalog_elements"


def is_kept(plural: str, target: str, item: Item) -> bool:
    """Whether the link is only kept: products are lines of deals, all other elements and links of them are programs' own."""
    return target == CUSTOMERS or (target == ELEMENTS and (plural != "leads" or catalog_of(item) != PRODUCTS))


def catalog_of(item: Item) -> int:
    """The catalog of an element that an item names: the products', if it says none."""
    return item.beneath("metadata").whole("catalog_id") or PRODUCTS


def is_quantity(given: Any) -> bool:
    """Whether it says how many of an element."""
    return isinstance(given, (int, float)) and not isinstance(given, bool) and 0 <= given <= 10**9


def quantity_of(item: Item) -> int | float:
    """How many of an element an item says, as a number or as text; one, if it says nothing. What is none is a fault."""
    said = item.beneath("metadata")
    given: Any = said.body.get("quantity")
    if given is None or given == "":
        return 1
    try:
        number = float(given) if isinstance(given, str) else given
    except ValueError:
        number = given
    if not is_quantity(number):
        said.fault("quantity", "This value should be a number from 0.", code="InvalidType")
        return 1
    return int(number) if number == int(number) else number


def stands(actor: Actor, target: str, pk: int, item: Item) -> bool:
    """Whether the other end is there."""
    try:
        if target == CUSTOMERS:
            storing.get(actor, "customer", pk)
        else:
            catalog = storing.get(actor, "catalog", catalog_of(item) - PRODUCTS)
            storing.get(actor, "element", pk, parent_id=catalog.pk)
    except NotFound:
        return False
    return True


def apply(actor: Actor, plural: str, pk: int, target: str, other: int, item: Item, *, away: bool) -> None:
    """Make the link, or take it away; twice is once."""
    if target == CUSTOMERS:
        kind, parent, key = "customer_link", other, f"{other}:{plural}:0:{pk}"
        body: dict[str, Any] = {"to_entity_type": plural, "to_entity_id": pk, "metadata": {"main_contact": False} if plural == "contacts" else None}
    else:
        kind, parent, key = "element_link", pk, f"{plural}:{pk}:{catalog_of(item)}:{other}"
        body = {"id": other, "metadata": {"quantity": quantity_of(item), "catalog_id": catalog_of(item), "price_id": item.beneath("metadata").whole("price_id")}}
    present = storing.by_key(actor, kind, key)
    if present is not None and away:
        storing.unlink(actor, present)
    elif present is not None:
        storing.change(actor, present, body=body)
    elif not away:
        storing.add(actor, kind, [{"key": key, "body": body}], parent_id=parent)
