"""A subscription changes: other items, another rhythm, another end; what that costs is invoiced now or with the next period."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field

from . import invoicing, paying, periods, pricing, starting, subscribed
from .errors import invalid
from .lines import Item, Span, Wanted, prorations, recurring
from .resources import catalogue, discounts
from .resources.listing import merged
from .shapes import Obj
from .subscribed import UPDATED
from .world import World

# With payment_behavior=pending_if_incomplete nothing else may be asked for.
_WITH_PENDING = frozenset({"items", "expand", "payment_behavior", "proration_behavior", "proration_date", "billing_cycle_anchor", "trial_end", "trial_from_plan", "off_session", "discounts", "cancel_at_period_end"})


@dataclass
class Change:
    """What is to become of a subscription, and how it is charged."""

    items: list[Obj]
    at: int
    behaviour: str = "create_prorations"
    payment: str = "allow_incomplete"
    restart: bool = False
    trial_end: int | str | None = None
    extra: list[Wanted] = field(default_factory=list)


def update(world: World, asked: Obj, subscription: str) -> Obj:
    """Change a subscription as asked."""
    row = world.store.get("subscription", subscription)
    _check(row, asked)
    with world.changing(subscription, UPDATED) as row:
        _write(world, row, asked)
    if any(name in asked for name in ("items", "trial_end", "add_invoice_items")) or _restarts(asked):
        carry_out(world, subscription, _change(world, row, asked))
    return row


def _restarts(asked: Obj) -> bool:
    """Whether a new period is to begin now; a preview says it in one word."""
    given = asked.get("billing_cycle_anchor")
    return (given.get("type") if isinstance(given, dict) else given) == "now"


def _check(row: Obj, asked: Obj) -> None:
    if row["status"] in subscribed.ENDED and asked.keys() - {"metadata", "cancellation_details", "expand"}:
        raise invalid("A canceled subscription can only update its cancellation_details and metadata.")
    if asked.get("payment_behavior") == "pending_if_incomplete":
        if asked.keys() - _WITH_PENDING:
            raise invalid(f"When `payment_behavior` is `pending_if_incomplete`, you cannot pass: {', '.join(sorted(asked.keys() - _WITH_PENDING))}.", param="payment_behavior")
        if row["collection_method"] == "send_invoice":
            raise invalid("`payment_behavior=pending_if_incomplete` cannot be used with `collection_method=send_invoice`.", param="payment_behavior")
    if row["schedule"] and ("items" in asked or "cancel_at_period_end" in asked):
        raise invalid(f"The subscription is managed by the subscription schedule `{row['schedule']}`, and updating any items or cancellation directly is not allowed.")


def _write(world: World, row: Obj, asked: Obj) -> None:
    starting.write_plain(world, row, asked)
    row["metadata"] = merged(row["metadata"], asked.get("metadata"))
    if "cancel_at_period_end" in asked or "cancel_at" in asked:
        ends = row["cancel_at_period_end"] or row["cancel_at"] is not None
        if asked.get("cancel_at_period_end"):
            row["cancel_at"] = subscribed.span_of(row).end
        elif asked.get("cancel_at_period_end") is False and "cancel_at" not in asked:
            row["cancel_at"], ends = None, False
        row["canceled_at"] = (row["canceled_at"] or world.now()) if ends else None
        row["cancellation_details"] = {"comment": None, "feedback": None, "feedback_option": None, "reason": "cancellation_requested" if ends else None}
    if "cancellation_details" in asked:
        row["cancellation_details"] = (row["cancellation_details"] or {"reason": None}) | {name: asked["cancellation_details"].get(name) or None for name in ("comment", "feedback", "feedback_option")}
    if "pause_collection" in asked:
        given = asked["pause_collection"]
        row["pause_collection"] = {"behavior": given["behavior"], "resumes_at": given.get("resumes_at")} if given else None
    if "discounts" in asked:
        write_discounts(world, row, asked["discounts"] or [])


def write_discounts(world: World, row: Obj, asked: list[Obj]) -> None:
    """Let these discounts hold and no others."""
    customer = world.store.rows[row["customer"]]
    subtotal = sum(item.amount(row["currency"]) for item in subscribed.items_of(world, row))
    kept = discounts.redeem(world, asked, customer=customer, currency=row["currency"], subtotal=subtotal, subscription=row["id"])
    for one in [one for one in row["discounts"] if one not in kept]:
        subscribed.drop_discount(world, row, one)
    row["discounts"] = kept


def _change(world: World, row: Obj, asked: Obj) -> Change:
    at = asked.get("proration_date", world.now())
    span = subscribed.span_of(row)
    if "proration_date" in asked and not span.start <= at <= span.end:
        raise invalid("The proration_date must be within the current billing period.", param="proration_date")
    return Change(
        items=target(world, row, asked.get("items") or []), at=at, behaviour=asked.get("proration_behavior", "create_prorations"),
        payment=asked.get("payment_behavior", "allow_incomplete"), restart=_restarts(asked), trial_end=asked.get("trial_end"),
        extra=starting.extra_lines(world, asked.get("add_invoice_items") or [], row["currency"], subscription=row["id"]),
    )  # fmt: skip


def target(world: World, row: Obj, asked: Sequence[Obj]) -> list[Obj]:
    """The items as they are to be: changed by identity, taken away, added."""
    items = {made["id"]: copy.deepcopy(made) for made in row["items"]["data"]}
    for number, one in enumerate(asked):
        where = f"items[{number}]"
        if one.get("id") and one["id"] not in items:
            raise invalid(f"No such subscription item: {one['id']}", param=f"{where}[id]", code="resource_missing")
        if one.get("deleted"):
            items.pop(one.get("id", ""), None)
        elif "id" in one:
            _alter(world, items[one["id"]], one, where)
        else:
            [made] = starting.make_items(world, [one], param=where)
            items[made["id"]] = made | {"subscription": row["id"]}
    found = list(items.values())
    if not found:
        raise invalid("A subscription must have at least one active item.", param="items")
    if len({made["price"]["id"] for made in found}) < len(found):
        raise invalid("Cannot add multiple subscription items with the same price.", param="items")
    starting.check_together([subscribed.item_of(world, made, []) for made in found], row["currency"])
    return found


def _alter(world: World, made: Obj, one: Obj, where: str) -> None:
    if "price" in one or "price_data" in one:
        price = world.store.rows[made["price"]["id"]] if one.get("price") == made["price"]["id"] else catalogue.inline(world, one, param=where)
        made |= {"price": subscribed.price_shown(price), "plan": subscribed.plan_of(price)}
    made["quantity"] = catalogue.pieces(one, param=f"{where}[quantity]", default=made["quantity"])
    made["metadata"] = merged(made["metadata"], one.get("metadata"))
    if "tax_rates" in one:
        made["tax_rates"] = discounts.rates(world, one["tax_rates"], param=f"{where}[tax_rates]")


# Carrying it out.


@dataclass
class _Bill:
    """What a change comes to."""

    lines: list[Wanted]
    span: Span | None
    anchor: int | None
    now: bool


def carry_out(world: World, subscription: str, change: Change) -> None:
    """Let the change hold and charge it; where it is to wait for its payment, it waits."""
    row = world.store.rows[subscription]
    bill = _bill(world, row, change)
    if change.payment == "pending_if_incomplete" and bill.now:
        _try_first(world, row, change, bill)
        return
    with world.changing(subscription, UPDATED) as row:
        subscribed.apply_items(row, change.items, span=bill.span, anchor=bill.anchor)
        _set_trial(world, row, change)
    if bill.now:
        invoice = invoice_now(world, row, bill.lines, at=change.at, payment=change.payment)
        collect(world, row, invoice, change.payment)
    else:
        keep_for_later(world, row, bill.lines)


def _bill(world: World, row: Obj, change: Change) -> _Bill:
    old, new = subscribed.items_of(world, row), [subscribed.item_of(world, made, row["default_tax_rates"] or []) for made in change.items]
    span, now, trial_end = subscribed.span_of(row), world.now(), change.trial_end
    if isinstance(trial_end, int):
        if trial_end <= now:
            raise invalid("Invalid timestamp: must be an integer Unix timestamp in the future.", param="trial_end")
        return _Bill(_credits(world, row, change, old, [], span, None), Span(now, trial_end), trial_end, now=change.behaviour == "always_invoice" and row["status"] != "trialing")
    trialing = row["status"] == "trialing"
    if row["status"] == "paused" or (trialing and trial_end != "now"):
        return _Bill(list(change.extra), None, None, now=False)
    other = subscribed.interval_of(old) != subscribed.interval_of(new)
    if (other and now < span.end) or change.restart or trialing:
        interval, count = subscribed.interval_of(new)
        fresh = Span(now, periods.added(now, interval=interval, count=count))
        lines = [] if trialing else _credits(world, row, change, old, new, span, None)
        return _Bill([*lines, *recurring(new, fresh, currency=row["currency"], subscription=row["id"]), *change.extra], fresh, now, now=True)
    lines = [*_credits(world, row, change, old, new, span, span), *change.extra]
    return _Bill(lines, None, None, now=change.behaviour == "always_invoice" and bool(lines))


def _credits(world: World, row: Obj, change: Change, old: Sequence[Item], new: Sequence[Item], span: Span, after: Span | None) -> list[Wanted]:
    if change.behaviour == "none" or row["status"] == "trialing":
        return []
    held = subscribed.discounts_of(world, row)
    return prorations(old, new, spans=(span, after), at=change.at, currency=row["currency"], subscription=row["id"], discounts=held)


def _set_trial(world: World, row: Obj, change: Change) -> None:
    if change.trial_end == "now" and row["status"] == "trialing":
        row |= {"trial_end": world.now(), "status": "active"}
    elif isinstance(change.trial_end, int):
        row |= {"trial_end": change.trial_end, "trial_start": row["trial_start"] or world.now(), "status": "trialing"}


def invoice_now(world: World, row: Obj, lines: Sequence[Wanted], *, at: int, payment: str) -> Obj:
    """Invoice a change at once; a preview leaves it a draft."""
    now = world.now()
    invoice = starting.draft_for(world, row, lines, reason="subscription_update", span=Span(now, now), proration_at=at)
    if payment != "preview":
        invoicing.finalise(world, invoice["id"])
    return invoice


def collect(world: World, row: Obj, invoice: Obj, payment: str) -> None:
    """Take the money of an open invoice now. Raises ApiError, and nothing was done, where that was asked for."""
    if invoice["status"] != "open" or row["collection_method"] == "send_invoice":
        return
    if payment == "default_incomplete":
        subscribed.after_failed(world, invoice)
        return
    if payment == "error_if_incomplete" and invoicing.method_for(world, invoice) is None:
        raise invalid(starting.NO_METHOD, code="resource_missing")
    found = paying.pay(world, invoice["id"])
    if found.kind in ("declined", "action") and payment == "error_if_incomplete":
        raise paying.refusal(world, invoice, found, noun="subscription", keep=False)


def _try_first(world: World, row: Obj, change: Change, bill: _Bill) -> None:
    """The invoice first; what it is for holds when it is paid, else it waits."""
    drop_pending(world, row["id"])
    invoice = invoice_now(world, row, bill.lines, at=change.at, payment=change.payment)
    world.store.edit(row["id"])["_pending"] = {"invoice": invoice["id"], "trying": True}
    if invoice["status"] == "open":
        paying.pay(world, invoice["id"])
    paid = invoice["status"] == "paid"
    world.store.edit(row["id"])["_pending"] = None
    if not paid:
        end = change.trial_end if isinstance(change.trial_end, int) else None
        subscribed.hold_pending(world, row["id"], items=change.items, invoice=invoice["id"], span=bill.span, anchor=bill.anchor, trial_end=end)
        return
    with world.changing(row["id"], UPDATED) as kept:
        subscribed.apply_items(kept, change.items, span=bill.span, anchor=bill.anchor)
        _set_trial(world, kept, change)


def drop_pending(world: World, subscription: str, *, event: str = "") -> None:
    """An update that waited is given up: its invoice is void."""
    kept = world.store.rows[subscription]["_pending"]
    if not kept:
        return
    with world.changing(subscription, UPDATED) as row:
        row["pending_update"] = row["_pending"] = None
    if world.store.rows[kept["invoice"]]["status"] == "open":
        invoicing.close(world, kept["invoice"], status="void")
    if event:
        world.announce(event, row)


def keep_for_later(world: World, row: Obj, lines: Sequence[Wanted]) -> None:
    """Put lines aside for the next invoice."""
    for one in lines:
        assert one.price is not None  # noqa: S101 (lines of items have one)
        each = pricing.amount_of(one.price, 1, row["currency"])
        made = world.new(
            "invoiceitem", "ii", amount=one.amount, currency=row["currency"], customer=row["customer"], date=world.now(), description=one.description, discountable=one.discountable,
            discounts=[], invoice=None, livemode=False, metadata=dict(one.metadata), period={"start": one.span.start, "end": one.span.end}, proration=one.proration, quantity=one.quantity,
            quantity_decimal=str(one.quantity), tax_rates=one.tax_rates, test_clock=row["test_clock"], net_amount=one.amount,
            parent={"type": "subscription_details", "subscription_details": {"subscription": row["id"], "subscription_item": one.item or None}},
            pricing={"type": "price_details", "price_details": {"price": one.price["id"], "product": one.price["product"]}, "unit_amount_decimal": str(each)},
            proration_details={"credited_items": None, "discount_amounts": one.discount_amounts} if one.proration else None,
            _subscription=row["id"], _item=one.item, _price=one.price["id"],
        )  # fmt: skip
        world.add(made, event="invoiceitem.created")
