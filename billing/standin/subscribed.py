"""A subscription as a row: its items, its period, its status, and what payments make of it."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from . import periods
from .lines import Item, Span
from .shapes import Obj, skeleton
from .store import new_id
from .world import World, shown

ENDED = ("canceled", "incomplete_expired")
UPDATED = "customer.subscription.updated"
# An unfinished first payment, and an update that waits for one, lapse after so long.
LAPSE = 23 * 3600


def make_item(world: World, subscription: str, *, price: Obj, quantity: int, tax_rates: Sequence[Obj] = (), metadata: Obj | None = None, discounts: Sequence[str] = ()) -> Obj:
    """A new item as the service shows it; its period is set with that of its subscription."""
    made = skeleton("subscription_item") | {"id": new_id("si"), "created": world.now(), "subscription": subscription, "quantity": quantity}
    made |= {"price": price_shown(price), "plan": plan_of(price), "tax_rates": list(tax_rates), "metadata": dict(metadata or {}), "discounts": list(discounts)}
    return made


def price_shown(price: Obj) -> Obj:
    """A price inside another object; its steps are shown only where they are asked for."""
    return copy.deepcopy(shown(price))


def plan_of(price: Obj) -> Obj:
    """The older name of a recurring price, still carried by items."""
    recurring = price["recurring"]
    return skeleton("plan") | {
        "id": price["id"], "active": price["active"], "amount": price["unit_amount"], "amount_decimal": price["unit_amount_decimal"], "billing_scheme": price["billing_scheme"],
        "created": price["created"], "currency": price["currency"], "interval": recurring["interval"], "interval_count": recurring["interval_count"], "livemode": False,
        "metadata": price["metadata"], "nickname": price["nickname"], "product": price["product"], "tiers_mode": price["tiers_mode"], "usage_type": recurring["usage_type"],
    }  # fmt: skip


def items_of(world: World, subscription: Obj) -> list[Item]:
    """The items for reckoning; prices as they are now, by whoever edited them."""
    return [item_of(world, made, subscription["default_tax_rates"] or []) for made in subscription["items"]["data"]]


def item_of(world: World, made: Obj, default_rates: Sequence[Obj]) -> Item:
    """One item for reckoning."""
    price = world.store.rows[made["price"]["id"]]
    return Item(made["id"], price, int(made["quantity"]), list(made["tax_rates"] or default_rates))


def interval_of(items: Sequence[Item]) -> tuple[str, int]:
    """How often the items are paid; those of one subscription agree."""
    recurring = items[0].price["recurring"]
    return recurring["interval"], recurring["interval_count"]


def rhythm(items: Sequence[Obj]) -> list[object]:
    """How often items are paid, as it is kept beside them."""
    recurring = items[0]["price"]["recurring"]
    return [recurring["interval"], recurring["interval_count"]]


def span_of(subscription: Obj) -> Span:
    """The present period."""
    first = subscription["items"]["data"][0]
    return Span(first["current_period_start"], first["current_period_end"])


def set_span(subscription: Obj, span: Span) -> None:
    """Begin another period."""
    for made in subscription["items"]["data"]:
        made["current_period_start"], made["current_period_end"] = span.start, span.end
        made["billed_until"] = span.end
    subscription["_will_end_told"] = subscription["_upcoming_told"] = False
    if subscription["cancel_at_period_end"]:
        subscription["cancel_at"] = span.end


def next_span(subscription: Obj, items: Sequence[Item], start: int) -> Span:
    """The period that begins at `start`, by the anchor."""
    interval, count = interval_of(items)
    return Span(start, periods.boundary(subscription["billing_cycle_anchor"], start, interval=interval, count=count))


def discounts_of(world: World, subscription: Obj) -> list[Obj]:
    """The discounts that hold now."""
    found = [world.store.rows[one] for one in subscription["discounts"]]
    return [one for one in found if one["end"] is None or one["end"] > world.now()]


def spend_once(world: World, subscription: Obj) -> None:
    """Discounts meant for one invoice have had it."""
    spent = [one for one in subscription["discounts"] if world.store.rows[one]["_coupon"]["duration"] == "once"]
    for one in spent:
        drop_discount(world, subscription, one)


def drop_discount(world: World, subscription: Obj, discount: str) -> None:
    """Take a discount off a subscription."""
    subscription["discounts"] = [one for one in subscription["discounts"] if one != discount]
    world.announce("customer.discount.deleted", world.store.rows[discount])


# What payments make of it.


def after_paid(world: World, invoice: Obj) -> None:
    """An invoice of a subscription is paid: it begins, comes back, or takes the update that waited."""
    subscription = world.store.rows.get(invoice["_subscription"] or "")
    if subscription is None or subscription["status"] in ENDED:
        return
    if _waits_for(subscription, invoice) and not subscription["_pending"].get("trying"):
        apply_pending(world, subscription["id"])
    others = [one for one in world.store.all("invoice", _subscription=subscription["id"], status="open") if one["id"] != invoice["id"] and one["attempted"]]
    back = {"incomplete": True, "past_due": not others, "unpaid": invoice["id"] == subscription["latest_invoice"] or not others}
    if back.get(subscription["status"]):
        with world.changing(subscription["id"], UPDATED) as row:
            row["status"] = "trialing" if row["trial_end"] and row["trial_end"] > world.now() else "active"


def _waits_for(subscription: Obj, invoice: Obj) -> bool:
    return bool(subscription["_pending"]) and subscription["_pending"]["invoice"] == invoice["id"]


def is_under_way(world: World, row: Obj) -> bool:
    """A bank has been asked for the first payment, and has not answered: nothing lapses until it does."""
    invoice = world.store.rows.get(row["latest_invoice"] or "")
    intent = world.store.rows.get((invoice or {}).get("_intent") or "")
    return intent is not None and bool(intent["status"] == "processing")


def after_failed(world: World, invoice: Obj) -> None:
    """A payment of a subscription's invoice failed: what was running is past due; a first payment stays unfinished."""
    subscription = world.store.rows.get(invoice["_subscription"] or "")
    if subscription is not None and subscription["status"] == "incomplete":
        world.store.edit(subscription["id"])  # it may lapse from now on
    if subscription is None or subscription["status"] not in ("active", "trialing") or _waits_for(subscription, invoice):
        return
    with world.changing(subscription["id"], UPDATED) as row:
        row["status"] = "past_due"


def after_retries(world: World, invoice: Obj) -> None:
    """All retries failed: what the settings say happens."""
    subscription = world.store.rows.get(invoice["_subscription"] or "")
    wanted = world.settings()["after_retries"]
    if subscription is None or subscription["status"] != "past_due" or wanted == "leave":
        return
    if wanted == "cancel":
        end(world, subscription["id"], reason="payment_failed")
    else:
        with world.changing(subscription["id"], UPDATED) as row:
            row["status"] = "unpaid"


def end(world: World, subscription: str, *, reason: str, status: str = "canceled") -> Obj:
    """A subscription ends now: what it still had open is no longer collected by itself."""
    row = world.store.edit(subscription)
    now = world.now()
    row |= {"status": status, "ended_at": now, "canceled_at": row["canceled_at"] or now, "pending_update": None, "_pending": None, "cancel_at_period_end": False, "pause_collection": None}
    row["cancellation_details"] = (row["cancellation_details"] or {"comment": None, "feedback": None, "feedback_option": None}) | {"reason": reason}
    for invoice in world.store.all("invoice", _subscription=subscription):
        if invoice["status"] in ("draft", "open"):
            kept = world.store.edit(invoice["id"])
            kept |= {"auto_advance": False, "next_payment_attempt": None, "automatically_finalizes_at": None}
    world.announce("customer.subscription.deleted" if status == "canceled" else UPDATED, row, previous={"status": "incomplete"} if status != "canceled" else None)
    return row


# Updates that wait for their payment.


def hold_pending(world: World, subscription: str, *, items: list[Obj], invoice: str, span: Span | None, anchor: int | None, trial_end: int | None = None) -> None:
    """Keep an update until its invoice is paid."""
    expires = world.now() + LAPSE
    with world.changing(subscription, UPDATED) as row:
        row["_pending"] = {"items": items, "invoice": invoice, "span": [span.start, span.end] if span else None, "anchor": anchor, "trial_end": trial_end}
        row["pending_update"] = {
            "billing_cycle_anchor": anchor, "cancel_at_period_end": None, "discount": None, "discounts": None, "expires_at": expires, "metadata": None,
            "subscription_items": copy.deepcopy(items), "trial_end": trial_end, "trial_from_plan": None,
        }  # fmt: skip


def apply_pending(world: World, subscription: str) -> None:
    """The update that waited is paid: it holds."""
    with world.changing(subscription, UPDATED) as row:
        kept = row["_pending"]
        apply_items(row, kept["items"], span=Span(*kept["span"]) if kept["span"] else None, anchor=kept["anchor"])
        row["pending_update"] = row["_pending"] = None
    world.announce("customer.subscription.pending_update_applied", row)


def apply_items(row: Obj, items: list[Obj], *, span: Span | None, anchor: int | None) -> None:
    """Let the items be these; with another period where one is given."""
    present = span or span_of(row)
    told = row["_will_end_told"], row["_upcoming_told"]
    row["items"]["data"] = items
    set_span(row, present)
    if span is None:
        row["_will_end_told"], row["_upcoming_told"] = told
    else:
        row["_rhythm"] = rhythm(items)
    if anchor is not None:
        row["billing_cycle_anchor"] = anchor
