"""Attempts to pay: an intent confirmed, a charge made or failed, and what follows for the invoice."""

from __future__ import annotations

import secrets

from . import cards, disputes, invoicing, periods, subscribed
from .cards import Outcome
from .shapes import Obj
from .world import World, shown

# Days after the first failure at which a renewal is tried again.
RETRIES = (1, 3, 5, 7, 10, 14)
# A debit from a bank account takes so long.
DEBIT = 3 * periods.DAY


def pay(world: World, invoice: str, *, method: str | None = None, authenticated: bool = False, alone: bool = False) -> Outcome:
    """Try to pay an open invoice; `alone` says that nobody is there and the next try is planned."""
    row = world.store.rows[invoice]
    chosen = method or invoicing.method_for(world, row)
    found = confirm(world, row["_intent"], method=chosen, authenticated=authenticated)
    with world.changing(invoice) as kept:
        kept["attempted"] = True
        if found.kind != "processing":
            kept["attempt_count"] += 1
    if found.kind == "ok":
        invoicing.settle(world, invoice)
        disputes.open_by_card(world, row["_intent"])
    elif found.kind in ("declined", "action"):
        _failed(world, invoice, found, alone=alone)
    return found


def confirm(world: World, intent: str, *, method: str | None, authenticated: bool = False) -> Outcome:
    """Try an intent with a method: charged, refused, or waiting for its holder or bank."""
    card = world.store.rows.get(method or "")
    customer = str(world.store.rows[intent]["customer"] or "")
    found = cards.outcome(world, card, customer, authenticated=authenticated)
    with world.changing(intent) as row:
        row |= {"payment_method": method, "last_payment_error": None, "next_action": None, "payment_method_types": [card["type"]] if card else ["card"]}
        _KINDS[found.kind](world, row, card, found)
    if card and found.kind == "ok" and authenticated:
        world.store.edit(card["id"])["_set_up"] = True
    return found


def _ok(world: World, row: Obj, card: Obj | None, _found: Outcome) -> None:
    charge = _charge(world, row, card, status="succeeded")
    row |= {"status": "succeeded", "amount_received": row["amount"], "latest_charge": charge["id"]}
    world.announce("charge.succeeded", charge)
    world.announce("payment_intent.succeeded", row)


def _declined(world: World, row: Obj, card: Obj | None, found: Outcome) -> None:
    row |= {"status": "requires_payment_method", "payment_method": None, "last_payment_error": cards.error_of(found.decline, card)}
    if card:
        charge = _charge(world, row, card, status="failed", decline=found.decline)
        row["latest_charge"] = charge["id"]
        world.announce("charge.failed", charge)
    world.announce("payment_intent.payment_failed", row)


def _action(world: World, row: Obj, _card: Obj | None, _found: Outcome) -> None:
    row |= {"status": "requires_action", "next_action": {"type": "redirect_to_url", "redirect_to_url": {"return_url": None, "url": f"{world.place.public}/3ds/{row['id']}"}}}
    world.announce("payment_intent.requires_action", row)


def _processing(world: World, row: Obj, _card: Obj | None, found: Outcome) -> None:
    row |= {"status": "processing", "_ends": found.decline, "_ends_at": world.now() + DEBIT}
    world.announce("payment_intent.processing", row)


_KINDS = {"ok": _ok, "declined": _declined, "action": _action, "processing": _processing}


def _charge(world: World, intent: Obj, card: Obj | None, *, status: str, decline: str = "") -> Obj:
    code, message = cards.DECLINES.get(decline, ("card_declined", "Your card was declined.")) if decline else (None, None)
    row = world.new(
        "charge", "ch", amount=intent["amount"], currency=intent["currency"], customer=intent["customer"], payment_intent=intent["id"], payment_method=card["id"] if card else None,
        status=status, paid=status == "succeeded", captured=status == "succeeded", amount_captured=intent["amount"] if status == "succeeded" else 0, livemode=False,
        description=intent["description"], failure_code=code, failure_message=message, metadata=dict(intent["metadata"]), disputed=False, fraud_details={},
        receipt_url=f"{world.place.public}/receipts/{intent['id']}", _card=card["_card"] if card else "",
    )  # fmt: skip
    if card:
        row["billing_details"] = card["billing_details"]
        row["payment_method_details"] = _details(card, intent["amount"])
    row["outcome"] = {
        "advice_code": None, "network_advice_code": None, "network_decline_code": None, "network_status": "approved_by_network" if not decline else "declined_by_network",
        "reason": decline or None, "seller_message": "Payment complete." if not decline else "The bank declined the payment.", "type": "authorized" if not decline else "issuer_declined",
    }  # fmt: skip
    return world.add(row)


def _details(card: Obj, amount: int) -> Obj:
    kind = card["type"]
    if kind != "card":
        return {"type": kind, kind: {"last4": card[kind]["last4"], "country": card[kind]["country"], "bank_code": None, "branch_code": None, "fingerprint": None, "mandate": None}}
    copied = {name: card["card"][name] for name in ("brand", "last4", "exp_month", "exp_year", "country", "funding", "fingerprint")}
    return {"type": "card", "card": copied | {"amount_authorized": amount, "network": card["card"]["brand"], "authorization_code": secrets.token_hex(3).upper()}}


def _failed(world: World, invoice: str, found: Outcome, *, alone: bool) -> None:
    over = False
    with world.changing(invoice) as row:
        if row["billing_reason"] != "subscription_create" and row["collection_method"] == "charge_automatically" and row["auto_advance"]:
            row["_first_failed"] = row["_first_failed"] or world.now()
            row["next_payment_attempt"] = _next(row["_first_failed"], world.now())
            over = alone and row["next_payment_attempt"] is None
    world.announce("invoice.payment_failed", row)
    if found.kind == "action":
        world.announce("invoice.payment_action_required", row)
    subscribed.after_failed(world, row)
    invoicing.mark_delinquent(world, row["customer"])
    if over:
        subscribed.after_retries(world, row)


def _next(first: int, now: int) -> int | None:
    return next((first + days * periods.DAY for days in RETRIES if first + days * periods.DAY > now), None)


def finish_debit(world: World, intent: str) -> None:
    """The bank has answered a debit that was under way."""
    row = world.store.rows[intent]
    good = row["_ends"] != "failed"
    card = world.store.rows.get(row["payment_method"] or "")
    with world.changing(intent) as row:
        (_ok if good else _declined)(world, row, card, Outcome("ok" if good else "declined", "" if good else "insufficient_funds"))
    invoice = row.get("_invoice")
    if not invoice:
        return
    if good:
        invoicing.settle(world, invoice)
    else:
        _failed(world, invoice, Outcome("declined", "insufficient_funds"), alone=False)
    for session in world.store.all("checkout.session", invoice=invoice, status="complete"):
        kept = world.store.edit(session["id"])
        kept["payment_status"] = "paid" if good else "unpaid"
        world.announce("checkout.session.async_payment_succeeded" if good else "checkout.session.async_payment_failed", kept)


def refusal(world: World, invoice: Obj, found: Outcome, *, noun: str, keep: bool) -> Exception:
    """The error of a call that could not pay."""
    intent = shown(world.store.rows[invoice["_intent"]])
    if found.kind == "action":
        error = cards.declined("authentication_required", keep=keep, payment_intent=intent)
        error.message, error.code = "This payment requires additional user action before it can be completed successfully.", f"{noun}_payment_intent_requires_action"
        error.more["decline_code"] = None
        return error
    return cards.declined(found.decline, keep=keep, payment_intent=intent)
