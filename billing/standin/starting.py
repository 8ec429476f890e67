"""A subscription begins: its items and first period, its first invoice, its first payment."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from . import invoicing, paying, periods, pricing, subscribed
from .errors import invalid
from .lines import Item, Span, Wanted, recurring
from .resources import catalogue, discounts
from .resources.listing import emptied, merged
from .shapes import Obj
from .store import new_id
from .world import World

CREATED = "customer.subscription.created"
_MOST_ITEMS = 20
NO_METHOD = "This customer has no attached payment source or default payment method. Please consider adding a default payment method."


def begin(world: World, asked: Obj, *, payment: str = "allow_incomplete") -> Obj:
    """Begin a subscription; `payment` says what becomes of it where its first invoice cannot be paid."""
    customer = world.store.get("customer", asked["customer"], param="customer")
    made = make_items(world, asked.get("items") or [], param="items")
    currency = _currency(world, customer, made, asked)
    row = _row(world, customer, made, currency, asked)
    items = subscribed.items_of(world, row)
    check_together(items, currency)
    if "discounts" in asked:
        subtotal = sum(item.amount(currency) for item in items)
        row["discounts"] = discounts.redeem(world, asked["discounts"] or [], customer=customer, currency=currency, subtotal=subtotal, subscription=row["id"])
    share = _first_period(row, items, asked, world.now())
    world.store.add(row)
    invoice = _first_invoice(world, row, customer, items, share, asked)
    if payment != "preview":
        world.announce(CREATED, row)
        _pay_first(world, row, invoice, payment)
    return row


def make_items(world: World, asked: Sequence[Obj], *, param: str) -> list[Obj]:
    """New items as asked. Raises ApiError for none, too many, or the same price twice."""
    if not 1 <= len(asked) <= _MOST_ITEMS:
        raise invalid("You must pass between 1 and 20 items.", param=param, code="parameter_missing")
    made = []
    for number, one in enumerate(asked):
        price = catalogue.inline(world, one, param=f"{param}[{number}]")
        quantity = catalogue.pieces(one, param=f"{param}[{number}][quantity]")
        rates = discounts.rates(world, one.get("tax_rates"), param=f"{param}[{number}][tax_rates]")
        made.append(subscribed.make_item(world, "", price=price, quantity=quantity, tax_rates=rates, metadata=merged({}, one.get("metadata"))))
    if len({one["price"]["id"] for one in made}) < len(made):
        raise invalid("Subscriptions may not contain the same price twice.", param=param)
    return made


def check_together(items: Sequence[Item], currency: str) -> None:
    """Items of one subscription are paid in one rhythm and one currency."""
    if len({subscribed.interval_of([item]) for item in items}) > 1:
        raise invalid("Currently, all items of a subscription must have the same billing interval.", param="items")
    for item in items:
        if not pricing.supports(item.price, currency):
            raise invalid(f"The price specified only supports `{item.price['currency']}`. This doesn't match the expected currency: `{currency}`.", param="items")


def _currency(world: World, customer: Obj, made: list[Obj], asked: Obj) -> str:
    price = world.store.rows[made[0]["price"]["id"]]
    wished = pricing.currency_of(asked["currency"]) if "currency" in asked else None
    found = wished or (customer["currency"] if customer["currency"] and pricing.supports(price, customer["currency"]) else price["currency"])
    others = [one for one in world.store.all("subscription", customer=customer["id"]) if one["status"] not in subscribed.ENDED and one["currency"] != found]
    if others:
        raise invalid(f"You cannot combine currencies on a single customer. This customer has an active subscription in {others[0]['currency']}.", param="currency")
    return str(found)


def _row(world: World, customer: Obj, made: list[Obj], currency: str, asked: Obj) -> Obj:
    now = world.now()
    row = world.new(
        "subscription", "sub", customer=customer["id"], currency=currency, livemode=False, start_date=now, status="incomplete", billing_cycle_anchor=now,
        metadata=merged({}, asked.get("metadata")), collection_method=asked.get("collection_method", "charge_automatically"), discounts=[], cancel_at_period_end=False,
        billing_mode={"type": "classic", "flexible": None, "updated_at": None}, test_clock=customer["test_clock"], default_tax_rates=[], billing_schedules=[],
        trial_settings={"end_behavior": {"missing_payment_method": "create_invoice", "billing_cycle_anchor": None}},
        payment_settings={"payment_method_options": None, "payment_method_types": None, "save_default_payment_method": "off"},
        _pending=None, _will_end_told=False, _upcoming_told=False, _clock=customer["test_clock"],
    )  # fmt: skip
    row["invoice_settings"] = {"account_tax_ids": None, "custom_fields": None, "description": None, "footer": None, "issuer": {"type": "self", "account": None}}
    row["automatic_tax"] |= {"enabled": bool((asked.get("automatic_tax") or {}).get("enabled")), "disabled_reason": None, "liability": None}
    for one in made:
        one["subscription"] = row["id"]
    row["items"] = {"object": "list", "data": made, "has_more": False, "url": f"/v1/subscription_items?subscription={row['id']}"}
    write_plain(world, row, asked)
    return row


def write_plain(world: World, row: Obj, asked: Obj) -> None:
    """What stands on a subscription and moves no money."""
    wanted = emptied(asked)
    row |= {name: wanted[name] for name in ("description", "days_until_due", "collection_method", "cancel_at_period_end") if name in wanted}
    if "default_payment_method" in wanted:
        row["default_payment_method"] = _method(world, row, wanted["default_payment_method"])
    if "default_tax_rates" in asked:
        row["default_tax_rates"] = discounts.rates(world, asked["default_tax_rates"], param="default_tax_rates")
    if "cancel_at" in wanted:
        row["cancel_at"] = subscribed.span_of(row).end if isinstance(wanted["cancel_at"], str) else wanted["cancel_at"]
    for name in ("trial_settings", "payment_settings", "invoice_settings"):
        row[name] = _under(row[name], wanted.get(name) or {})
    if row["collection_method"] == "send_invoice" and row["days_until_due"] is None:
        raise invalid("If `collection_method` is `send_invoice`, `days_until_due` must be passed.", param="days_until_due", code="parameter_missing")
    if row["cancel_at"] is not None and row["cancel_at"] <= world.now() and "cancel_at" in wanted:
        raise invalid("`cancel_at` must be in the future.", param="cancel_at")


def _under(kept: Obj, given: Obj) -> Obj:
    return {name: _under(value, given[name]) if isinstance(value, dict) and isinstance(given.get(name), dict) else given.get(name, value) for name, value in kept.items()}


def _method(world: World, row: Obj, method: str | None) -> str | None:
    if method is None:
        return None
    found = world.store.get("payment_method", method, param="default_payment_method")
    if found["customer"] != row["customer"]:
        raise invalid("The customer does not have a payment method with that ID. The payment method must be attached to the customer.", param="default_payment_method", code="resource_missing")
    return str(found["id"])


def _first_period(row: Obj, items: Sequence[Item], asked: Obj, now: int) -> Fraction:
    """Set the first period; returns the share of a full one that it is."""
    interval, count = subscribed.interval_of(items)
    trial_end, row["_rhythm"] = _trial_end(asked, now), [interval, count]
    if trial_end:
        row |= {"trial_start": now, "trial_end": trial_end, "billing_cycle_anchor": trial_end, "status": "trialing"}
        subscribed.set_span(row, Span(now, trial_end))
        return Fraction(0)
    anchor = asked.get("billing_cycle_anchor") or _configured(asked.get("billing_cycle_anchor_config"), now)
    row["billing_cycle_anchor"] = anchor or now
    end = anchor or periods.added(now, interval=interval, count=count)
    if anchor and not now < anchor <= periods.added(now, interval=interval, count=count):
        raise invalid("billing_cycle_anchor must be a future moment within one billing period.", param="billing_cycle_anchor")
    subscribed.set_span(row, Span(now, end))
    if not anchor:
        return Fraction(1)
    whole = Span(periods.before(anchor, anchor - 1, interval=interval, count=count), anchor)
    return Fraction(0) if asked.get("proration_behavior") == "none" else whole.left(now)


def _trial_end(asked: Obj, now: int) -> int | None:
    if asked.get("trial_end") not in (None, "now"):
        if asked["trial_end"] <= now:
            raise invalid("Invalid timestamp: must be an integer Unix timestamp in the future.", param="trial_end")
        return int(asked["trial_end"])
    days = asked.get("trial_period_days") if "trial_end" not in asked else None
    return now + int(days) * periods.DAY if days else None


def _configured(config: Obj | None, now: int) -> int | None:
    """The next moment on a day of the month."""
    if not config:
        return None
    at = datetime.fromtimestamp(now, UTC)
    hour, minute, second = (config.get(name, getattr(at, name)) for name in ("hour", "minute", "second"))
    fixed, number = config.get("month"), at.year * 12 + at.month - 1
    for months in range(number, number + 49):
        year, month = months // 12, months % 12 + 1
        day = min(config["day_of_month"], calendar.monthrange(year, month)[1])
        found = int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp())
        if found > now and fixed in (None, month):
            return found
    return None


def extra_lines(world: World, asked: Sequence[Obj], currency: str, *, subscription: str) -> list[Wanted]:
    """Things bought once, on the next invoice."""
    found = []
    for number, one in enumerate(asked):
        price = catalogue.inline(world, one, param=f"add_invoice_items[{number}]", recurring=False)
        quantity = catalogue.pieces(one, param=f"add_invoice_items[{number}][quantity]")
        amount = pricing.amount_of(price, quantity, currency)
        rates = discounts.rates(world, one.get("tax_rates"), param="tax_rates")
        span = Span(world.now(), world.now())
        found.append(Wanted(amount, f"{quantity} × {price['_name']}", span, quantity, price, subscription=subscription, invoice_item=new_id("ii"), tax_rates=rates, metadata=merged({}, one.get("metadata"))))
    return found


def _first_invoice(world: World, row: Obj, customer: Obj, items: Sequence[Item], share: Fraction, asked: Obj) -> Obj:
    span = subscribed.span_of(row)
    lines = recurring(items, span, currency=row["currency"], subscription=row["id"], share=share, trial=row["status"] == "trialing")
    lines += extra_lines(world, asked.get("add_invoice_items") or [], row["currency"], subscription=row["id"])
    held = Span(world.now(), world.now())
    return draft_for(world, row, lines, reason="subscription_create", span=held, customer=customer)


def draft_for(world: World, row: Obj, lines: Sequence[Wanted], *, reason: str, span: Span, customer: Obj | None = None, proration_at: int | None = None, **more: Any) -> Obj:
    """A draft for a subscription, with what waited for it, its latest invoice from now on."""
    buyer = customer or world.store.rows[row["customer"]]
    invoice = invoicing.draw_up(
        world, buyer, currency=row["currency"], reason=reason, lines=lines, span=span, subscription=row, discounts=[one["id"] for one in subscribed.discounts_of(world, row)],
        collection=row["collection_method"], days_until_due=row["days_until_due"], proration_at=proration_at, **more,
    )  # fmt: skip
    invoicing.take_waiting(world, invoice)
    world.store.edit(row["id"])["latest_invoice"] = invoice["id"]
    return invoice


def _pay_first(world: World, row: Obj, invoice: Obj, payment: str) -> None:
    trial = row["status"] == "trialing"
    if row["collection_method"] == "send_invoice" and invoice["amount_due"] > 0:
        world.store.edit(invoice["id"])["automatically_finalizes_at"] = world.now() + invoicing.DRAFT
        _set_active(world, row)
        return
    if invoice["amount_due"] > 0 and payment in ("allow_incomplete", "error_if_incomplete") and invoicing.method_for(world, invoice) is None:
        raise invalid(NO_METHOD, code="resource_missing")
    invoicing.finalise(world, invoice["id"])
    if trial and payment == "default_incomplete" and invoicing.method_for(world, invoice) is None:
        _ask_for_method(world, row)
    if invoice["status"] == "open" and payment != "default_incomplete":
        found = paying.pay(world, invoice["id"])
        if found.kind in ("declined", "action") and payment == "error_if_incomplete":
            raise paying.refusal(world, invoice, found, noun="subscription", keep=False)
    if not trial:
        subscribed.spend_once(world, world.store.edit(row["id"]))


def _set_active(world: World, row: Obj) -> None:
    if row["status"] == "incomplete":
        with world.changing(row["id"], subscribed.UPDATED) as kept:
            kept["status"] = "active"


def _ask_for_method(world: World, row: Obj) -> None:
    intent = world.new(
        "setup_intent", "seti", customer=row["customer"], livemode=False, metadata={}, usage="off_session", status="requires_payment_method",
        payment_method_types=["card"], client_secret=new_id("seti_secret"), _subscription=row["id"],
    )  # fmt: skip
    world.add(intent, event="setup_intent.created")
    world.store.edit(row["id"])["pending_setup_intent"] = intent["id"]
