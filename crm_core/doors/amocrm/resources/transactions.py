"""What customers bought: each purchase with its price and when it was done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse

from crm_core.doors.amocrm import storing
from crm_core.doors.amocrm.models import Stored
from crm_core.doors.amocrm.records.beside import PRODUCTS
from crm_core.doors.amocrm.records.kept_links import is_quantity
from crm_core.doors.amocrm.resources.customers import CUSTOMER, TRANSACTION
from crm_core.doors.amocrm.resources.elements import stands
from crm_core.doors.amocrm.shelves import reading, shelf
from crm_core.doors.amocrm.shelves.shelf import Shelf
from crm_core.doors.amocrm.wire import answers
from crm_core.doors.amocrm.wire.asking import Asked
from crm_core.doors.amocrm.wire.fields import Item, items_of


def _beside(asked: Asked, rows: Sequence[Stored]) -> dict[int, dict[str, Any]]:
    return {
        row.pk: {
            "customer_id": row.parent_id, "is_deleted": False,
            "_embedded": {
                "customer": {"id": row.parent_id, "_links": answers.href(asked, f"customers/{row.parent_id}")}, "catalog_elements": row.body.get("catalog_elements", []),
            },
        }
        for row in rows
    }  # fmt: skip


def _read(asked: Asked, item: Item, row: Stored | None) -> dict[str, Any]:
    """When it was done (now, if nobody says), and which elements it was for."""
    body: dict[str, Any] = {}
    if row is None and item.body.get("completed_at") is None:
        body["completed_at"] = reading.now()
    elements = item.beneath("_embedded")
    if elements.given("catalog_elements"):
        body["catalog_elements"] = [_element(asked, one) for one in elements.each("catalog_elements")]
    return body


def _element(asked: Asked, one: Item) -> dict[str, Any]:
    """What was bought: an element of a catalog, of the products' if it says none."""
    pk, said = one.whole("id"), one.beneath("metadata")
    home, quantity = said.whole("catalog_id"), said.body.get("quantity")
    if pk is None or not stands(asked, PRODUCTS if home is None else home, pk):
        one.fault("id", "The value you selected is not a valid choice.", code="NotSupportedChoice")
    if quantity is not None and not is_quantity(quantity):
        said.fault("quantity", "This value should be a number.", code="InvalidType")
    return {"id": pk, "metadata": {"catalog_id": home, "quantity": quantity}}


TRANSACTIONS = Shelf(
    kind=TRANSACTION, plural="transactions", path="customers/transactions", needed=("price",), beside=_beside, read=_read,
    fields={"price": (reading.price, 0), "comment": (reading.text(most=5000), None), "completed_at": (reading.moment, None)},
)  # fmt: skip

# What a purchase says of the next one.
AWAITED = {"next_price": reading.price, "next_date": reading.moment}


def index(asked: Asked, customer_id: int | None = None) -> HttpResponse:
    """A page of purchases, of all customers or of one."""
    if customer_id is not None:
        storing.get(asked.actor, CUSTOMER, customer_id)
    return shelf.index(asked, TRANSACTIONS, parent_id=customer_id)


def show(asked: Asked, pk: int, customer_id: int | None = None) -> HttpResponse:
    """One purchase."""
    return shelf.show(asked, TRANSACTIONS, pk, parent_id=customer_id)


def make(asked: Asked, customer_id: int) -> HttpResponse:
    """Add purchases to a customer; `next_price` and `next_date` say what is awaited then, `accrue_bonus` is the client's own word."""
    customer = storing.get(asked.actor, CUSTOMER, customer_id, lock=True)
    items, awaited = items_of(asked.items), dict[str, Any]()
    for item in items:
        awaited |= {name: value for name, read in AWAITED.items() if (value := read(item, name)) is not None}
    rows = shelf.keep(asked, TRANSACTIONS, items, parent_id=customer_id)
    if awaited:
        storing.change(asked.actor, customer, body=awaited)
    told = shelf.draw(asked, TRANSACTIONS, rows)
    return answers.made(asked, TRANSACTIONS.plural, [{**one, "request_id": item.request_id} for one, item in zip(told, items, strict=True)])


def delete(asked: Asked, pk: int, customer_id: int | None = None) -> HttpResponse:
    """Take a purchase away."""
    return shelf.delete(asked, TRANSACTIONS, pk, parent_id=customer_id)
