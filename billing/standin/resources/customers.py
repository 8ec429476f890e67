"""Customers with their tax identities and their balance."""

from __future__ import annotations

from billing.standin import invoicing, subscribed
from billing.standin.errors import invalid, missing
from billing.standin.pricing import currency_of
from billing.standin.shapes import Obj
from billing.standin.store import new_id
from billing.standin.world import World

from . import methods
from .listing import deleted, emptied, merged, page

_PLAIN = ("description", "email", "name", "phone", "preferred_locales", "tax_exempt", "business_name", "individual_name")
_ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")


def create(world: World, asked: Obj) -> Obj:
    """A new customer."""
    row = world.new(
        "customer", "cus", livemode=False, balance=asked.get("balance", 0), delinquent=False, metadata={}, tax_exempt="none", preferred_locales=[],
        invoice_prefix=asked.get("invoice_prefix") or new_id("x")[2:10].upper(), next_invoice_sequence=asked.get("next_invoice_sequence", 1), shipping=None,
        test_clock=None, address=None,
    )  # fmt: skip
    row["invoice_settings"] = {"custom_fields": None, "default_payment_method": None, "footer": None, "rendering_options": None}
    if "test_clock" in asked:
        row["test_clock"] = world.store.get("test_helpers.test_clock", asked["test_clock"], param="test_clock")["id"]
    world.store.add(row)
    _write(world, row, asked)
    if asked.get("payment_method"):
        methods.attach(world, {"customer": row["id"]}, asked["payment_method"])
    for tax_id in asked.get("tax_id_data", []):
        make_tax_id(world, row["id"], tax_id)
    world.announce("customer.created", row)
    return row


def update(world: World, asked: Obj, customer: str) -> Obj:
    """Change a customer."""
    world.store.get("customer", customer)
    with world.changing(customer, "customer.updated") as row:
        _write(world, row, asked)
    return row


def _write(world: World, row: Obj, asked: Obj) -> None:
    wanted = emptied({name: value for name, value in asked.items() if name != "metadata"})
    row |= {name: wanted[name] for name in _PLAIN if name in wanted}
    row["metadata"] = merged(row["metadata"], asked.get("metadata"))
    if "address" in wanted:
        row["address"] = {name: (wanted["address"] or {}).get(name) for name in _ADDRESS} if wanted["address"] else None
    if "shipping" in wanted:
        row["shipping"] = wanted["shipping"] and {"address": wanted["shipping"]["address"], "name": wanted["shipping"]["name"], "phone": wanted["shipping"].get("phone"), "carrier": None, "tracking_number": None}
    if "balance" in wanted:
        row["balance"] = wanted["balance"]
    _write_settings(world, row, asked.get("invoice_settings") or {})
    for name in ("invoice_prefix", "next_invoice_sequence"):
        row[name] = wanted.get(name) or row[name]


def _write_settings(world: World, row: Obj, asked: Obj) -> None:
    wanted = emptied(asked)
    if wanted.get("default_payment_method"):
        method = world.store.get("payment_method", wanted["default_payment_method"], param="invoice_settings[default_payment_method]")
        if method["customer"] != row["id"]:
            raise invalid(f"The customer does not have a payment method with the ID {method['id']}. The payment method must be attached to the customer.", param="invoice_settings[default_payment_method]", code="resource_missing")
    row["invoice_settings"] |= {name: wanted[name] for name in row["invoice_settings"] if name in wanted}


def listing(world: World, asked: Obj) -> Obj:
    """Customers, newest first; by e-mail or test clock where asked."""
    rows = [row for row in world.store.all("customer") if row["email"] == asked.get("email", row["email"]) and row["test_clock"] == asked.get("test_clock", row["test_clock"])]
    return page(world, rows, asked, url="/v1/customers")


def delete(world: World, _asked: Obj, customer: str) -> Obj:
    """Delete a customer; what it subscribes to ends at once."""
    world.store.get("customer", customer)
    for subscription in world.store.all("subscription", customer=customer):
        if subscription["status"] not in subscribed.ENDED:
            subscribed.end(world, subscription["id"], reason="cancellation_requested")
    row = world.store.edit(customer)
    row["_gone"] = True
    world.announce("customer.deleted", row)
    return deleted(row)


# Tax identities.


def create_tax_id(world: World, asked: Obj, customer: str) -> Obj:
    """A tax identity of a customer."""
    world.store.get("customer", customer)
    return make_tax_id(world, customer, asked)


def make_tax_id(world: World, customer: str, asked: Obj) -> Obj:
    """A tax identity; how it is verified can be set for its value, else it is judged at once: numbers ending in 000 are not registered."""
    value = asked["value"].strip()
    if len(value) < 4:
        raise invalid(f"Invalid value for {asked['type']}.", param="value", code="tax_id_invalid")
    row = world.new("tax_id", "txi", customer=customer, type=asked["type"], value=value, country=value[:2].upper() if asked["type"] == "eu_vat" else asked["type"][:2].upper(), livemode=False)
    row["owner"] = {"type": "customer", "customer": customer, "account": None, "application": None, "customer_account": None}
    row["verification"] = {"status": "pending", "verified_address": None, "verified_name": None}
    world.add(row, event="customer.tax_id.created")
    verdict = world.faults.tax_ids.get(value, "unverified" if value.endswith("000") else "verified")
    if verdict != "pending":
        judge_tax_id(world, row["id"], verdict)
    return row


def judge_tax_id(world: World, tax_id: str, status: str) -> Obj:
    """The registry has answered about a tax identity."""
    with world.changing(tax_id, "customer.tax_id.updated") as row:
        name = world.store.rows[row["customer"]]["name"] or "--"
        row["verification"] = {"status": status, "verified_address": "--" if status == "verified" else None, "verified_name": name if status == "verified" else None}
    return row


def tax_ids(world: World, asked: Obj, customer: str) -> Obj:
    """The tax identities of a customer."""
    world.store.get("customer", customer)
    return page(world, world.store.all("tax_id", customer=customer), asked, url=f"/v1/customers/{customer}/tax_ids")


def tax_id(world: World, _asked: Obj, customer: str, tax_id: str) -> Obj:
    """One tax identity of a customer."""
    row = world.store.get("tax_id", tax_id)
    if row["customer"] != customer:
        raise missing("tax_id", tax_id)
    return row


def delete_tax_id(world: World, asked: Obj, customer: str, tax_id_: str) -> Obj:
    """Take a tax identity away."""
    row = world.store.edit(tax_id(world, asked, customer, tax_id_)["id"])
    row["_gone"] = True
    world.announce("customer.tax_id.deleted", row)
    return deleted(row)


# The balance.


def adjust_balance(world: World, asked: Obj, customer: str) -> Obj:
    """Add to a customer's balance; a minus is a credit."""
    world.store.get("customer", customer)
    with world.changing(customer, "customer.updated") as row:
        currency = currency_of(asked["currency"])
        if row["currency"] not in (None, currency):
            raise invalid(f"The customer's currency is {row['currency']}; its balance cannot be adjusted in {currency}.", param="currency")
        made = invoicing.move_balance(world, row, amount=asked["amount"], currency=currency, kind="adjustment", description=asked.get("description"))
        row["currency"] = row["currency"] or currency
    made["metadata"] = merged({}, asked.get("metadata"))
    return made


def balance(world: World, asked: Obj, customer: str) -> Obj:
    """The lines of a customer's balance."""
    world.store.get("customer", customer)
    return page(world, world.store.all("customer_balance_transaction", customer=customer), asked, url=f"/v1/customers/{customer}/balance_transactions")
