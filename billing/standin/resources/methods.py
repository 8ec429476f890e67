"""Payment methods and setup intents."""

from __future__ import annotations

from billing.standin import cards
from billing.standin.cards import CARDS
from billing.standin.errors import invalid
from billing.standin.shapes import Obj, filled, shape_of
from billing.standin.store import new_id
from billing.standin.world import World

from .listing import emptied, merged, page

_BILLING = ("address", "email", "name", "phone", "tax_id")


def make(world: World, fixture: str, *, billing: Obj | None = None) -> Obj:
    """A method of a fixture's kind, belonging to nobody yet."""
    if fixture not in CARDS:
        raise invalid(f"No such PaymentMethod: '{fixture}'", param="payment_method", code="resource_missing")
    card = CARDS[fixture]
    row = world.new("payment_method", "pm", type=card.kind, livemode=False, metadata={}, customer=None, allow_redisplay="unspecified", _card=fixture, _set_up=False)
    row["billing_details"] = {name: (billing or {}).get(name) for name in _BILLING}
    row[card.kind] = _card(card, world.now()) if card.kind == "card" else {"last4": card.last4, "country": "NL", "bank_code": "37040044", "branch_code": "", "fingerprint": card.last4 * 4, "generated_from": None}
    return world.store.add(row)


def _card(card: cards.Card, now: int) -> Obj:
    year = 1970 + now // 31_556_952
    return _of_shape("payment_method", "Card") | {
        "brand": card.brand, "last4": card.last4, "exp_month": 12, "exp_year": year + 3, "country": "US", "funding": "credit", "fingerprint": f"fp{card.last4}{card.brand}",
        "display_brand": card.brand, "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "networks": {"available": [card.brand], "preferred": None}, "three_d_secure_usage": {"supported": True}, "regulated_status": "unregulated",
    }  # fmt: skip


def _of_shape(kind: str, name: str) -> Obj:
    shape = shape_of(kind)
    assert shape is not None  # noqa: S101 (our own words)
    return filled(shape.inner[name])


def usable(world: World, method: str, *, param: str = "payment_method") -> Obj:
    """A method by its identity, or a new one by its fixture's name."""
    if method in CARDS:
        return make(world, method)
    return world.store.get("payment_method", method, param=param)


def create(world: World, asked: Obj) -> Obj:
    """A method from a test token (tok_visa) or a sandbox number."""
    if "payment_method" in asked:
        return make(world, world.store.get("payment_method", asked["payment_method"])["_card"])
    given = asked.get("card") or {}
    billing = asked.get("billing_details") or {}
    if "token" in given:
        return make(world, given["token"].replace("tok_", "pm_card_", 1), billing=billing)
    number = str(given.get("number", "")).replace(" ", "")
    fixture = next((name for name, card in CARDS.items() if number and number.endswith(card.last4)), None)
    if asked.get("type") == "sepa_debit":
        fixture = "pm_sepaDebit"
    if fixture is None:
        raise invalid("Your card number is incorrect.", param="card[number]", code="incorrect_number")
    return make(world, fixture, billing=billing)


def update(world: World, asked: Obj, method: str) -> Obj:
    """Change what stands beside a method."""
    world.store.get("payment_method", method)
    with world.changing(method, "payment_method.updated") as row:
        row["metadata"] = merged(row["metadata"], asked.get("metadata"))
        row["billing_details"] |= emptied(asked.get("billing_details") or {})
        row["allow_redisplay"] = asked.get("allow_redisplay", row["allow_redisplay"])
        for name in ("exp_month", "exp_year"):
            row["card"][name] = (asked.get("card") or {}).get(name, row["card"][name])
    return row


def attach(world: World, asked: Obj, method: str) -> Obj:
    """Give a method to a customer; its bank may refuse."""
    world.store.get("customer", asked["customer"], param="customer")
    row = usable(world, method)
    if row["customer"] not in (None, asked["customer"]):
        raise invalid("The payment method you provided has already been attached to a customer.", param="payment_method")
    card = CARDS[row["_card"]]
    if not card.attaches:
        raise cards.declined(card.decline, keep=False)
    with world.changing(row["id"]) as kept:
        kept["customer"] = asked["customer"]
    world.announce("payment_method.attached", row)
    return row


def detach(world: World, _asked: Obj, method: str) -> Obj:
    """Take a method from its customer; nothing is paid with it any more."""
    row = world.store.get("payment_method", method)
    customer = row["customer"]
    if customer is None:
        raise invalid("The payment method you provided is not attached to a customer so detachment is impossible.", param="payment_method")
    with world.changing(method) as row:
        row["customer"] = None
    world.announce("payment_method.detached", row, previous={"customer": customer})
    if world.store.rows[customer]["invoice_settings"]["default_payment_method"] == method:
        with world.changing(customer, "customer.updated") as kept:
            kept["invoice_settings"] = kept["invoice_settings"] | {"default_payment_method": None}
    for subscription in world.store.all("subscription", default_payment_method=method):
        world.store.edit(subscription["id"])["default_payment_method"] = None
    return row


def of_customer(world: World, asked: Obj, customer: str) -> Obj:
    """The methods of a customer."""
    world.store.get("customer", customer)
    kind = asked.get("type")
    rows = [row for row in world.store.all("payment_method", customer=customer) if kind in (None, row["type"])]
    return page(world, rows, asked, url=f"/v1/customers/{customer}/payment_methods")


def one_of_customer(world: World, _asked: Obj, customer: str, method: str) -> Obj:
    """One method of a customer."""
    row = world.store.get("payment_method", method)
    if row["customer"] != customer:
        raise invalid(f"No such payment method: '{method}'", param="payment_method", code="resource_missing")
    return row


def listing(world: World, asked: Obj) -> Obj:
    """Methods, newest first."""
    rows = [row for row in world.store.all("payment_method") if asked.get("customer", row["customer"]) == row["customer"] and asked.get("type") in (None, row["type"])]
    return page(world, rows, asked, url="/v1/payment_methods")


# Setup intents: agreeing with a bank that it may be charged later.


def create_setup(world: World, asked: Obj) -> Obj:
    """An intent to keep a method for later."""
    if "customer" in asked:
        world.store.get("customer", asked["customer"], param="customer")
    row = world.new(
        "setup_intent", "seti", customer=asked.get("customer"), livemode=False, metadata=merged({}, asked.get("metadata")), usage=asked.get("usage", "off_session"),
        status="requires_payment_method", payment_method_types=asked.get("payment_method_types") or ["card"], description=asked.get("description"), payment_method=None,
    )  # fmt: skip
    row["client_secret"] = f"{row['id']}_secret_{new_id('x')[2:14]}"
    if asked.get("payment_method"):
        row |= {"payment_method": usable(world, asked["payment_method"])["id"], "status": "requires_confirmation"}
    world.add(row, event="setup_intent.created")
    return confirm_setup(world, {}, row["id"]) if asked.get("confirm") else row


def update_setup(world: World, asked: Obj, setup: str) -> Obj:
    """Change an intent that has not succeeded."""
    world.store.get("setup_intent", setup)
    with world.changing(setup) as row:
        row["metadata"] = merged(row["metadata"], asked.get("metadata"))
        row |= {name: asked[name] for name in ("customer", "description") if name in asked}
        if asked.get("payment_method"):
            row |= {"payment_method": usable(world, asked["payment_method"])["id"], "status": "requires_confirmation"}
    return row


def confirm_setup(world: World, asked: Obj, setup: str, *, authenticated: bool = False) -> Obj:
    """Ask the bank; it agrees, refuses, or asks the cardholder first."""
    row = world.store.get("setup_intent", setup)
    chosen = asked.get("payment_method") or row["payment_method"]
    if row["status"] in ("succeeded", "canceled") or not chosen:
        raise invalid(f"You cannot confirm this SetupIntent because it has a status of {row['status']}.", code="setup_intent_unexpected_state")
    method = usable(world, chosen)
    card = CARDS[method["_card"]]
    row = world.store.edit(setup)
    row["payment_method"] = method["id"]
    if card.decline and not card.attaches:
        row |= {"status": "requires_payment_method", "payment_method": None, "last_setup_error": cards.error_of(card.decline, method)}
        world.announce("setup_intent.setup_failed", row)
        raise cards.declined(card.decline)
    if card.asks and not authenticated:
        row |= {"status": "requires_action", "next_action": {"type": "redirect_to_url", "redirect_to_url": {"return_url": None, "url": f"{world.place.public}/3ds/{setup}"}}}
        world.announce("setup_intent.requires_action", row)
        return row
    row |= {"status": "succeeded", "next_action": None, "last_setup_error": None}
    world.store.edit(method["id"])["_set_up"] = True
    if row["customer"] and method["customer"] is None:
        attach(world, {"customer": row["customer"]}, method["id"])
    world.announce("setup_intent.succeeded", row)
    return row


def cancel_setup(world: World, asked: Obj, setup: str) -> Obj:
    """Give an intent up."""
    row = world.store.get("setup_intent", setup)
    if row["status"] in ("succeeded", "canceled"):
        raise invalid(f"You cannot cancel this SetupIntent because it has a status of {row['status']}.", code="setup_intent_unexpected_state")
    row = world.store.edit(setup)
    row |= {"status": "canceled", "cancellation_reason": asked.get("cancellation_reason"), "next_action": None}
    world.announce("setup_intent.canceled", row)
    return row
