"""Customers in certain states, for demonstrations."""

from __future__ import annotations

from collections.abc import Callable

from . import periods, starting, subscribed
from .faults import PaymentFault
from .renewing import renew
from .resources import catalogue, customers, methods
from .shapes import Obj
from .timeline import finalise_and_pay
from .world import World

_KEY = "sandbox_seat_monthly"


def _price(world: World) -> Obj:
    found = world.store.all("price", lookup_key=_KEY)
    if found:
        return found[0]
    product = catalogue.create_product(world, {"name": "Sandbox seat"})
    return catalogue.create_price(world, {"product": product["id"], "currency": "eur", "unit_amount": 1900, "recurring": {"interval": "month"}, "lookup_key": _KEY})


def _begun(world: World, name: str, *, fixture: str = "pm_card_visa", **more: object) -> Obj:
    customer = customers.create(world, {"name": name, "email": f"{name.lower().replace(' ', '.')}@example.com", "metadata": {"scenario": name}})
    if fixture:
        method = methods.attach(world, {"customer": customer["id"]}, fixture)
        world.store.edit(customer["id"])["invoice_settings"]["default_payment_method"] = method["id"]
    return starting.begin(world, {"customer": customer["id"], "items": [{"price": _price(world)["id"], "quantity": 5}], **more})


def active(world: World) -> Obj:
    """A subscription that is paid."""
    return _told(world, _begun(world, "Active Ltd"))


def trial_ending(world: World) -> Obj:
    """A trial that ends in three days, without a card."""
    row = _begun(world, "Trial Ltd", fixture="", trial_end=world.now() + 3 * periods.DAY + 60, trial_settings={"end_behavior": {"missing_payment_method": "pause"}})
    return _told(world, row)


def past_due(world: World) -> Obj:
    """A renewal that the bank refused."""
    start = world.now() - 31 * periods.DAY
    with world.at(start):
        row = _begun(world, "Late Ltd")
    with world.at(subscribed.span_of(row).end):
        invoice = renew(world, row["id"])
        world.faults.payments.insert(0, PaymentFault("decline", 1, "insufficient_funds", row["customer"]))
        finalise_and_pay(world, invoice["id"])
    return _told(world, row)


def unfinished(world: World) -> Obj:
    """A first payment that waits for the cardholder."""
    return _told(world, _begun(world, "Careful Ltd", fixture="pm_card_authenticationRequired"))


def _told(world: World, row: Obj) -> Obj:
    return {"customer": row["customer"], "subscription": row["id"], "status": world.store.rows[row["id"]]["status"], "invoice": row["latest_invoice"]}


SCENARIOS: dict[str, Callable[[World], Obj]] = {"active": active, "trial_ending": trial_ending, "past_due": past_due, "unfinished": unfinished}
