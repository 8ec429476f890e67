"""Hosted checkout and the portal: sessions, and what becomes of them when somebody pays."""

from __future__ import annotations

import copy

from billing.standin import cards, paying, periods, starting
from billing.standin.cards import CARDS, Outcome
from billing.standin.errors import invalid
from billing.standin.shapes import Obj, skeleton
from billing.standin.store import new_id
from billing.standin.world import World

from . import customers, methods
from .listing import fits, merged, page

# A trial that ends sooner cannot be sold here.
SHORTEST_TRIAL = 48 * 3600
_LIFE = periods.DAY
_SOONEST = 1800


def create(world: World, asked: Obj) -> Obj:
    """A new session: a page on which one subscription is bought, or a card is kept."""
    mode = asked.get("mode", "subscription" if "line_items" in asked else "setup")
    _check(world, asked, mode)
    now = world.now()
    expires = asked.get("expires_at", now + _LIFE)
    if not now + _SOONEST <= expires <= now + _LIFE:
        raise invalid("The `expires_at` timestamp must be between 30 minutes and 24 hours from now.", param="expires_at")
    row = world.new(
        "checkout.session", "cs_test", mode=mode, livemode=False, status="open", payment_status="no_payment_required" if mode == "setup" else "unpaid", expires_at=expires,
        metadata=merged({}, asked.get("metadata")), payment_method_types=["card"], payment_method_collection=asked.get("payment_method_collection", "always"),
        ui_mode="hosted_page", custom_fields=[], shipping_options=[], custom_text=dict.fromkeys(("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")),
        _asked=asked, _lines=None, _asking="", allow_promotion_codes=asked.get("allow_promotion_codes"),
    )  # fmt: skip
    row["automatic_tax"] = {"enabled": False, "liability": None, "provider": None, "status": None}
    row |= {name: asked.get(name) for name in ("cancel_url", "client_reference_id", "customer", "customer_email", "locale", "success_url", "billing_address_collection", "return_url")}
    row["tax_id_collection"] = {"enabled": bool((asked.get("tax_id_collection") or {}).get("enabled")), "required": "never"}
    row["url"] = f"{world.place.public}/c/{row['id']}"
    row["discounts"] = [{"coupon": one.get("coupon") or None, "promotion_code": one.get("promotion_code") or None} for one in asked.get("discounts") or []]
    if mode == "subscription":
        reckon(world, row)
    else:
        _expect_setup(world, row, asked)
    return world.add(row)


def _check(world: World, asked: Obj, mode: str) -> None:
    if mode == "payment":
        raise invalid("This sandbox sells subscriptions; payments once are not among what it does.", param="mode")
    if "success_url" not in asked:
        raise invalid("Missing required param: success_url.", param="success_url", code="parameter_missing")
    if mode == "subscription" and not asked.get("line_items"):
        raise invalid("Missing required param: line_items.", param="line_items", code="parameter_missing")
    if asked.get("discounts") and asked.get("allow_promotion_codes"):
        raise invalid("You may only specify one of these parameters: allow_promotion_codes, discounts.", param="discounts")
    if "customer" in asked and "customer_email" in asked:
        raise invalid("You may only specify one of these parameters: customer, customer_email.", param="customer")
    end = (asked.get("subscription_data") or {}).get("trial_end")
    if end is not None and end < world.now() + SHORTEST_TRIAL:
        raise invalid("The `trial_end` date has to be at least 2 days in the future.", param="subscription_data[trial_end]")
    if "customer" in asked:
        world.store.get("customer", asked["customer"], param="customer")


def _expect_setup(world: World, row: Obj, asked: Obj) -> None:
    intent = methods.create_setup(world, {name: asked[name] for name in ("customer",) if name in asked} | {"metadata": (asked.get("setup_intent_data") or {}).get("metadata", {})})
    row |= {"setup_intent": intent["id"], "currency": asked.get("currency")}


def reckon(world: World, row: Obj) -> None:
    """What is to be paid now, found by trying."""
    found: Obj = {}
    with world.store.rehearsal():
        started = _begin(world, row, customer=_buyer(world, row, email=None), method=None, payment="preview")
        found = copy.deepcopy(world.store.rows[started["latest_invoice"]])
    discount = sum(one["amount"] for one in found["total_discount_amounts"])
    tax = sum(one["amount"] for one in found["total_taxes"] if one["tax_behavior"] == "exclusive")
    row |= {"currency": found["currency"], "amount_subtotal": found["subtotal"], "amount_total": found["total"]}
    row["total_details"] = {"amount_discount": discount, "amount_shipping": 0, "amount_tax": tax, "breakdown": None}
    items = [_item(world, made) for made in found["lines"]["data"]]
    row["_lines"] = {"object": "list", "data": items, "has_more": False, "url": f"/v1/checkout/sessions/{row['id']}/line_items"}


def _item(world: World, made: Obj) -> Obj:
    off = sum(one["amount"] for one in made["discount_amounts"])
    tax = sum(one["amount"] for one in made["taxes"] if one["tax_behavior"] == "exclusive")
    price = world.store.rows.get(made["pricing"]["price_details"]["price"])
    return skeleton("item") | {
        "id": new_id("li"), "amount_discount": off, "amount_subtotal": made["amount"], "amount_tax": tax, "amount_total": made["amount"] - off + tax,
        "currency": made["currency"], "description": made["description"], "price": copy.deepcopy(price), "quantity": made["quantity"],
    }  # fmt: skip


def _buyer(world: World, row: Obj, *, email: str | None) -> Obj:
    if row["customer"]:
        return world.store.get("customer", row["customer"], param="customer")
    address = email or row["customer_email"]
    return customers.create(world, {"email": address} if address else {})


def _begin(world: World, row: Obj, *, customer: Obj, method: str | None, payment: str) -> Obj:
    asked, data = row["_asked"], row["_asked"].get("subscription_data") or {}
    wanted: Obj = {"customer": customer["id"], "items": [{name: one[name] for name in ("price", "price_data", "quantity", "tax_rates") if name in one} for one in asked["line_items"]]}
    once = [one for one in wanted["items"] if "price" in one and world.store.get("price", one["price"], param="line_items[price]")["type"] == "one_time"]
    wanted["items"] = [one for one in wanted["items"] if one not in once]
    wanted |= {"add_invoice_items": once} if once else {}
    wanted |= {name: data[name] for name in ("trial_end", "trial_period_days", "trial_settings", "metadata", "description", "billing_cycle_anchor", "proration_behavior", "default_tax_rates") if name in data}
    wanted |= {"currency": asked["currency"]} if "currency" in asked else {}
    code = row.get("_code")
    given = [{"promotion_code": code}] if code else asked.get("discounts")
    wanted |= {"discounts": given} if given else {}
    wanted |= {"default_payment_method": method} if method else {}
    return starting.begin(world, wanted, payment=payment)


def use_code(world: World, session: str, text: str) -> None:
    """Somebody types a promotion code on the page. Raises ApiError for one that is none."""
    row = world.store.edit(session)
    found = [one for one in world.store.all("promotion_code", active=True) if one["code"].lower() == text.strip().lower()]
    if not found or not row["allow_promotion_codes"]:
        raise invalid("This code is invalid.", param="code")
    row["_code"] = found[0]["id"]
    reckon(world, row)
    row["discounts"] = [{"coupon": None, "promotion_code": found[0]["id"]}]


# Paying.


def complete(world: World, session: str, *, fixture: str, email: str | None = None, authenticated: bool = False) -> Outcome:
    """Somebody pays on the page with a card. Raises ApiError, and nothing was bought, where the card is refused."""
    row = world.store.get("checkout.session", session)
    if row["status"] != "open":
        raise invalid(f"This session is {row['status']}: nothing was charged.", code="payment_intent_unexpected_state")
    try:
        with world.store.unit():
            _complete(world, row, fixture=fixture, email=email, authenticated=authenticated)
    except _Asks:
        world.store.edit(session)["_asking"] = fixture
        return Outcome("action")
    return Outcome("ok")


class _Asks(Exception):
    """The bank wants to hear from the cardholder first."""


def _complete(world: World, row: Obj, *, fixture: str, email: str | None, authenticated: bool) -> None:
    card = CARDS[fixture]
    if row["mode"] == "setup" and card.asks and not authenticated:
        raise _Asks
    customer = _buyer(world, row, email=email) if row["mode"] == "subscription" or row["customer"] else None
    row = world.store.edit(row["id"])
    if row["mode"] == "setup":
        method = methods.make(world, fixture)
        methods.confirm_setup(world, {"payment_method": method["id"]}, row["setup_intent"], authenticated=True)
    else:
        assert customer is not None  # noqa: S101 (made above)
        _subscribe(world, row, customer, fixture, authenticated=authenticated)
    row |= {"status": "complete", "url": None, "customer": customer["id"] if customer else None}
    if customer:
        row["customer_details"] = {"address": customer["address"], "business_name": None, "email": customer["email"], "individual_name": None, "name": customer["name"], "phone": customer["phone"], "tax_exempt": customer["tax_exempt"], "tax_ids": []}
    world.announce("checkout.session.completed", row)


def _subscribe(world: World, row: Obj, customer: Obj, fixture: str, *, authenticated: bool) -> None:
    method = methods.make(world, fixture)
    method |= {"customer": customer["id"], "billing_details": method["billing_details"] | {"email": customer["email"], "name": customer["name"]}}
    world.announce("payment_method.attached", method)
    started = _begin(world, row, customer=customer, method=method["id"], payment="default_incomplete")
    invoice = world.store.rows[started["latest_invoice"]]
    kind = "ok"
    if invoice["status"] == "open":
        outcome = paying.pay(world, invoice["id"], authenticated=authenticated)
        kind = outcome.kind
        if kind == "action":
            raise _Asks
        if kind == "declined":
            raise cards.declined(outcome.decline, keep=False)
    elif CARDS[fixture].asks and not authenticated:
        raise _Asks
    elif CARDS[fixture].decline and not CARDS[fixture].attaches:
        raise cards.declined(CARDS[fixture].decline, keep=False)
    method["_set_up"] = True
    if started["pending_setup_intent"]:
        world.store.edit(started["id"])["pending_setup_intent"] = None
    row |= {"subscription": started["id"], "invoice": invoice["id"]}
    row["payment_status"] = "unpaid" if kind == "processing" else "paid" if invoice["amount_due"] else "no_payment_required"


def expire(world: World, _asked: Obj, session: str) -> Obj:
    """Close an open session."""
    row = world.store.get("checkout.session", session)
    if row["status"] != "open":
        raise invalid(f"Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of {row['status']}.")
    row = world.store.edit(session)
    row |= {"status": "expired", "url": None}
    world.announce("checkout.session.expired", row)
    return row


def update(world: World, asked: Obj, session: str) -> Obj:
    """Change what stands beside a session."""
    row = world.store.edit(world.store.get("checkout.session", session)["id"])
    row["metadata"] = merged(row["metadata"], asked.get("metadata"))
    return row


def listing(world: World, asked: Obj) -> Obj:
    """Sessions, newest first."""
    wanted = {name: value for name, value in asked.items() if name in ("created", "customer", "status", "subscription", "payment_intent")}
    email = (asked.get("customer_details") or {}).get("email")
    rows = [row for row in world.store.all("checkout.session") if fits(row, wanted) and email in (None, (row["customer_details"] or {}).get("email"))]
    return page(world, rows, asked, url="/v1/checkout/sessions")


def line_items(world: World, asked: Obj, session: str) -> Obj:
    """What a session sells."""
    row = world.store.get("checkout.session", session)
    data = row["_lines"]["data"] if row["_lines"] else []
    limit = asked.get("limit", 10)
    return {"object": "list", "data": data[:limit], "has_more": len(data) > limit, "url": f"/v1/checkout/sessions/{session}/line_items"}


