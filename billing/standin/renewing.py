"""What time does to subscriptions: renewals, ends of trials, cancellations, reminders, lapses."""

from __future__ import annotations

from collections.abc import Callable

from . import changing, invoicing, periods, starting, subscribed
from .lines import Span, recurring
from .shapes import Obj
from .subscribed import UPDATED
from .world import World

WARNED_BEFORE = 3 * periods.DAY
UPCOMING_BEFORE = 7 * periods.DAY
RUNNING = ("active", "trialing", "past_due", "unpaid")
Act = Callable[[World, str], object]


def due(world: World, row: Obj) -> list[tuple[int, int, Act]]:
    """What is to happen to a subscription: when, in which order of the same second, and what."""
    if row["status"] == "incomplete":
        return [] if subscribed.is_under_way(world, row) else [(row["created"] + subscribed.LAPSE, 1, lapse)]
    if row["status"] not in RUNNING:
        return []
    found: list[tuple[int, int, Act]] = [(subscribed.span_of(row).end, 2, turn), *_reminders(row)]
    if row["cancel_at"] is not None:
        found.append((row["cancel_at"], 1, cancel_as_said))
    if row["pending_update"]:
        found.append((row["pending_update"]["expires_at"], 0, lapse_update))
    if row["pause_collection"] and row["pause_collection"]["resumes_at"]:
        found.append((row["pause_collection"]["resumes_at"], 0, collect_again))
    return found + [(end, 0, end_discounts) for end in (world.store.rows[one]["end"] for one in row["discounts"]) if end]


def _reminders(row: Obj) -> list[tuple[int, int, Act]]:
    if row["status"] == "trialing":
        return [] if row["_will_end_told"] else [(max(row["trial_end"] - WARNED_BEFORE, row["trial_start"]), 0, warn)]
    span = subscribed.span_of(row)
    near = not row["_upcoming_told"] and row["cancel_at"] is None and span.end - UPCOMING_BEFORE > span.start
    return [(span.end - UPCOMING_BEFORE, 0, tell_upcoming)] if near else []


def lapse(world: World, subscription: str) -> None:
    """A first payment that nobody finished: the subscription never was."""
    row = subscribed.end(world, subscription, reason="payment_failed", status="incomplete_expired")
    invoice = world.store.rows.get(row["latest_invoice"] or "")
    if invoice and invoice["status"] == "open":
        invoicing.close(world, invoice["id"], status="void")


def lapse_update(world: World, subscription: str) -> None:
    """An update that nobody paid for."""
    changing.drop_pending(world, subscription, event="customer.subscription.pending_update_expired")


def warn(world: World, subscription: str) -> None:
    """The trial ends soon."""
    row = world.store.edit(subscription)
    row["_will_end_told"] = True
    world.announce("customer.subscription.trial_will_end", row)


def collect_again(world: World, subscription: str) -> None:
    """A pause of collecting is over."""
    with world.changing(subscription, UPDATED) as row:
        row["pause_collection"] = None


def end_discounts(world: World, subscription: str) -> None:
    """Discounts whose months are over."""
    with world.changing(subscription, UPDATED) as row:
        for one in list(row["discounts"]):
            end = world.store.rows[one]["end"]
            if end is not None and end <= world.now():
                subscribed.drop_discount(world, row, one)


def cancel_as_said(world: World, subscription: str) -> None:
    """The day on which it was to end."""
    subscribed.end(world, subscription, reason=(world.store.rows[subscription]["cancellation_details"] or {}).get("reason") or "cancellation_requested")


def tell_upcoming(world: World, subscription: str) -> None:
    """A renewal is near: what it will come to, as things are."""
    world.store.edit(subscription)["_upcoming_told"] = True
    with world.store.rehearsal():
        row = renew(world, subscription)
        found = as_preview(row)
    world.announce("invoice.upcoming", found)


def as_preview(invoice: Obj) -> Obj:
    """A draft as one that was never made."""
    return dict(invoice) | {"id": f"upcoming_{invoice['id']}", "number": None, "automatically_finalizes_at": None}


def turn(world: World, subscription: str) -> None:
    """A period is over: the next begins, or the trial ends."""
    row = world.store.rows[subscription]
    if row["status"] == "trialing" and _has_no_method(world, row):
        wanted = row["trial_settings"]["end_behavior"]["missing_payment_method"]
        if wanted == "cancel":
            subscribed.end(world, subscription, reason="cancellation_requested")
            return
        if wanted == "pause":
            pause(world, subscription, kind="trial_end_without_payment_method")
            return
    with world.changing(subscription, UPDATED):
        renew(world, subscription)


def _has_no_method(world: World, row: Obj) -> bool:
    customer = world.store.rows[row["customer"]]
    return row["collection_method"] == "charge_automatically" and not (row["default_payment_method"] or customer["invoice_settings"]["default_payment_method"])


def renew(world: World, subscription: str) -> Obj:
    """Begin the next period and draw up its invoice, a draft for an hour."""
    row = world.store.edit(subscription)
    items, old = subscribed.items_of(world, row), subscribed.span_of(row)
    if row["status"] == "trialing":
        row["status"] = "active"
    if row["_rhythm"] != subscribed.rhythm(row["items"]["data"]):
        row["billing_cycle_anchor"], row["_rhythm"] = old.end, subscribed.rhythm(row["items"]["data"])
    span = subscribed.next_span(row, items, old.end)
    subscribed.set_span(row, span)
    lines = recurring(items, span, currency=row["currency"], subscription=subscription)
    with world.at(max(world.now(), old.end)):
        invoice = starting.draft_for(world, row, lines, reason="subscription_cycle", span=old, automatically_finalizes_at=world.now() + invoicing.DRAFT)
        _as_paused(world, row, invoice)
        subscribed.spend_once(world, row)
    return invoice


def _as_paused(world: World, row: Obj, invoice: Obj) -> None:
    """Invoices of an unpaid subscription, and of one whose collecting is paused, are not collected."""
    pause = row["pause_collection"]
    kept = world.store.edit(invoice["id"])
    if row["status"] == "unpaid" or (pause and pause["behavior"] == "keep_as_draft"):
        kept |= {"auto_advance": False, "automatically_finalizes_at": None}
    elif pause:
        invoicing.finalise(world, invoice["id"])
        if kept["status"] == "open":
            invoicing.close(world, invoice["id"], status="void" if pause["behavior"] == "void" else "uncollectible")


def pause(world: World, subscription: str, *, kind: str) -> Obj:
    """A subscription rests: nothing is invoiced until it is resumed."""
    with world.changing(subscription, UPDATED) as row:
        row["status"] = "paused"
        row["status_details"] = {"paused": {"subscription": {"type": kind}, "transitioned_at": world.now(), "type": "subscription"}}
    world.announce("customer.subscription.paused", row)
    return row


def resume(world: World, subscription: str, *, restart: bool, payment: str) -> Obj:
    """A paused subscription goes on: from now, or in the rhythm it had."""
    with world.changing(subscription, UPDATED) as row:
        items, now = subscribed.items_of(world, row), world.now()
        if restart:
            row["billing_cycle_anchor"] = now
        interval, count = subscribed.interval_of(items)
        end = periods.boundary(row["billing_cycle_anchor"], now, interval=interval, count=count)
        subscribed.set_span(row, Span(now, end))
        row |= {"status": "active", "status_details": None}
    whole = Span(periods.before(row["billing_cycle_anchor"], now, interval=interval, count=count), end)
    share = whole.left(now)
    lines = recurring(items, Span(now, end), currency=row["currency"], subscription=subscription, share=share)
    invoice = changing.invoice_now(world, row, lines, at=now, payment=payment)
    changing.collect(world, row, invoice, payment)
    world.announce("customer.subscription.resumed", row)
    return row
