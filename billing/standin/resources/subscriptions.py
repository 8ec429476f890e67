"""Subscriptions and their items."""

from __future__ import annotations

from billing.standin import changing, invoicing, renewing, starting, subscribed
from billing.standin.errors import ApiError, invalid, missing
from billing.standin.lines import Wanted, prorations
from billing.standin.shapes import Obj
from billing.standin.world import World

from .listing import fits, fits_value, page


def create(world: World, asked: Obj) -> Obj:
    """A new subscription."""
    behaviour = asked.get("payment_behavior", "allow_incomplete")
    if behaviour == "pending_if_incomplete":
        raise invalid("`payment_behavior=pending_if_incomplete` can only be used with updates.", param="payment_behavior")
    if asked.get("cancel_at_period_end") and "cancel_at" in asked:
        raise invalid("You may only specify one of these parameters: cancel_at, cancel_at_period_end.", param="cancel_at")
    row = starting.begin(world, asked, payment=behaviour)
    if asked.get("cancel_at_period_end"):
        with world.changing(row["id"], subscribed.UPDATED) as kept:
            kept |= {"cancel_at": subscribed.span_of(row).end, "canceled_at": world.now()}
    return row


def update(world: World, asked: Obj, subscription: str) -> Obj:
    """Change a subscription."""
    return changing.update(world, asked, subscription)


def listing(world: World, asked: Obj) -> Obj:
    """Subscriptions, newest first; ended ones only where asked for."""
    status = asked.get("status")
    wanted = {name: value for name, value in asked.items() if name in ("collection_method", "created", "customer", "test_clock")}
    rows = [row for row in world.store.all("subscription", **{name: asked[name] for name in ("customer",) if name in asked}) if fits(row, wanted) and _has(row, asked) and _in(row, status)]
    return page(world, rows, asked, url="/v1/subscriptions")


def _in(row: Obj, status: str | None) -> bool:
    if status == "all":
        return True
    now = str(row["status"])
    if status is None:
        return now != "canceled"
    return now in subscribed.ENDED if status == "ended" else now == status


def _has(row: Obj, asked: Obj) -> bool:
    items = row["items"]["data"]
    spans = all(any(fits_value(made[name], asked[name]) for made in items) for name in ("current_period_start", "current_period_end") if name in asked)
    return spans and ("price" not in asked or any(made["price"]["id"] == asked["price"] for made in items))


def cancel(world: World, asked: Obj, subscription: str) -> Obj:
    """End a subscription now, with a credit for the rest of the period where asked."""
    row = world.store.get("subscription", subscription)
    if row["status"] in subscribed.ENDED:
        raise missing("subscription", subscription)
    lines: list[Wanted] = []
    if asked.get("prorate") and row["status"] in ("active", "past_due"):
        held = subscribed.discounts_of(world, row)
        span = subscribed.span_of(row)
        lines = prorations(subscribed.items_of(world, row), [], spans=(span, None), at=world.now(), currency=row["currency"], subscription=subscription, discounts=held)
    if asked.get("invoice_now") and (lines or invoicing.waiting(world, row["customer"], row["currency"], subscription)):
        invoice = changing.invoice_now(world, row, lines, at=world.now(), payment="allow_incomplete")
        changing.collect(world, row, invoice, "allow_incomplete")
    elif lines:
        changing.keep_for_later(world, row, lines)
    details = asked.get("cancellation_details") or {}
    kept = world.store.edit(subscription)
    kept["cancellation_details"] = {"reason": None} | {name: details.get(name) or None for name in ("comment", "feedback", "feedback_option")}
    return subscribed.end(world, subscription, reason="cancellation_requested")


def pause(world: World, asked: Obj, subscription: str) -> Obj:
    """Let a subscription rest; the rest of its period is credited unless asked otherwise."""
    row = world.store.get("subscription", subscription)
    if row["status"] not in ("active", "trialing", "past_due"):
        raise invalid(f"A subscription with status {row['status']} cannot be paused.")
    unused = ((asked.get("bill_for") or {}).get("unused_time_from") or {}).get("type", "now")
    if unused != "none" and row["status"] == "active":
        span, held = subscribed.span_of(row), subscribed.discounts_of(world, row)
        at = world.now() if unused == "now" else span.start
        lines = prorations(subscribed.items_of(world, row), [], spans=(span, None), at=at, currency=row["currency"], subscription=subscription, discounts=held)
        if asked.get("invoicing_behavior") == "invoice":
            changing.invoice_now(world, row, lines, at=at, payment="allow_incomplete")
        else:
            changing.keep_for_later(world, row, lines)
    return renewing.pause(world, subscription, kind="pause_requested")


def resume(world: World, asked: Obj, subscription: str) -> Obj:
    """Let a paused subscription go on."""
    row = world.store.get("subscription", subscription)
    if row["status"] != "paused":
        raise invalid(f"You cannot resume a subscription with status {row['status']}; only paused ones.")
    anchor = asked.get("billing_cycle_anchor")
    kind = anchor.get("type") if isinstance(anchor, dict) else anchor
    return renewing.resume(world, subscription, restart=kind != "unchanged", payment=asked.get("payment_behavior", "allow_incomplete"))


# Items by themselves.


def _holder(world: World, item: str) -> tuple[Obj, Obj]:
    for row in world.store.all("subscription"):
        for made in row["items"]["data"]:
            if made["id"] == item:
                return row, made
    raise ApiError(f"Invalid subscription_item id: {item}", status=404, code="resource_missing", param="item")


def item(world: World, _asked: Obj, item_id: str) -> Obj:
    """One item."""
    return _holder(world, item_id)[1]


def items(world: World, asked: Obj) -> Obj:
    """The items of a subscription."""
    row = world.store.get("subscription", asked["subscription"], param="subscription")
    data = row["items"]["data"]
    limit = asked.get("limit", 10)
    return {"object": "list", "data": data[:limit], "has_more": len(data) > limit, "url": "/v1/subscription_items"}


_SHARED = ("payment_behavior", "proration_behavior", "proration_date")


def add_item(world: World, asked: Obj) -> Obj:
    """One more item."""
    own = {name: value for name, value in asked.items() if name not in (*_SHARED, "subscription", "expand")}
    before = {made["id"] for made in world.store.get("subscription", asked["subscription"], param="subscription")["items"]["data"]}
    row = changing.update(world, {"items": [own]} | {name: asked[name] for name in _SHARED if name in asked}, asked["subscription"])
    return next((made for made in row["items"]["data"] if made["id"] not in before), row["items"]["data"][-1])


def update_item(world: World, asked: Obj, item_id: str) -> Obj:
    """Change one item."""
    row, _made = _holder(world, item_id)
    own = {name: value for name, value in asked.items() if name not in (*_SHARED, "expand", "off_session")} | {"id": item_id}
    changing.update(world, {"items": [own]} | {name: asked[name] for name in _SHARED if name in asked}, row["id"])
    return _holder(world, item_id)[1]


def delete_item(world: World, asked: Obj, item_id: str) -> Obj:
    """Take one item away."""
    row, _made = _holder(world, item_id)
    changing.update(world, {"items": [{"id": item_id, "deleted": True}]} | {name: asked[name] for name in _SHARED if name in asked}, row["id"])
    return {"id": item_id, "object": "subscription_item", "deleted": True}

