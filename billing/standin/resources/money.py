"""Payment intents, charges and refunds."""

from __future__ import annotations

from billing.standin import invoicing, paying
from billing.standin.cards import CARDS
from billing.standin.errors import invalid
from billing.standin.shapes import Obj
from billing.standin.world import World

from . import methods
from .listing import fits, merged, page


def update_intent(world: World, asked: Obj, intent: str) -> Obj:
    """Change what stands beside an intent."""
    world.store.get("payment_intent", intent)
    with world.changing(intent) as row:
        row["metadata"] = merged(row["metadata"], asked.get("metadata"))
        row["description"] = asked.get("description", row["description"])
    return row


def confirm_intent(world: World, asked: Obj, intent: str, *, authenticated: bool = False) -> Obj:
    """Pay by an intent; the invoice it is for follows."""
    row = world.store.get("payment_intent", intent)
    if row["status"] not in ("requires_payment_method", "requires_confirmation", "requires_action"):
        raise invalid(f"You cannot confirm this PaymentIntent because it has a status of {row['status']}.", code="payment_intent_unexpected_state", param="")
    invoice = world.store.rows[row["_invoice"]]
    named = asked.get("payment_method") or row["payment_method"] or invoicing.method_for(world, invoice)
    if not named:
        raise invalid("You cannot confirm this PaymentIntent because it's missing a payment method.", code="payment_intent_unexpected_state")
    method = methods.usable(world, named)
    if method["customer"] is None:
        world.store.edit(method["id"])["customer"] = row["customer"]
    outcome = paying.pay(world, invoice["id"], method=method["id"], authenticated=authenticated)
    if outcome.kind == "declined":
        raise paying.refusal(world, invoice, outcome, noun="invoice", keep=True)
    return row


def cancel_intent(world: World, asked: Obj, intent: str) -> Obj:
    """An intent of an invoice ends with its invoice alone."""
    row = world.store.get("payment_intent", intent)
    raise invalid(f"You cannot cancel this PaymentIntent because it belongs to the invoice {row['_invoice']}; void the invoice.", code="payment_intent_unexpected_state", param=asked.get("cancellation_reason", ""))


def intents(world: World, asked: Obj) -> Obj:
    """Intents, newest first."""
    rows = [row for row in world.store.all("payment_intent") if fits(row, {name: value for name, value in asked.items() if name in ("customer", "created")})]
    return page(world, rows, asked, url="/v1/payment_intents")


def charges(world: World, asked: Obj) -> Obj:
    """Charges, newest first."""
    rows = [row for row in world.store.all("charge") if fits(row, {name: value for name, value in asked.items() if name in ("customer", "created", "payment_intent")})]
    return page(world, rows, asked, url="/v1/charges")


# Refunds.


def refund(world: World, asked: Obj) -> Obj:
    """Give money back, never more than was taken. How it ends may be set, or lies with the card."""
    charge = _charge(world, asked)
    left = charge["amount"] - charge["amount_refunded"]
    amount = asked.get("amount", left)
    if charge["status"] != "succeeded":
        raise invalid("This charge has not succeeded and cannot be refunded.", param="charge")
    if left <= 0:
        raise invalid(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if charge["disputed"]:
        raise invalid(f"Charge {charge['id']} has been charged back; cannot issue a refund.", code="charge_disputed")
    if not 0 < amount <= left:
        raise invalid(f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})." if amount > left else "Invalid positive integer", param="amount", code="" if amount > left else "parameter_invalid_integer")
    row = world.new(
        "refund", "re", amount=amount, charge=charge["id"], currency=charge["currency"], customer=charge["customer"], payment_intent=charge["payment_intent"],
        payment_method=charge["payment_method"], reason=asked.get("reason"), metadata=merged({}, asked.get("metadata")), status="pending",
    )  # fmt: skip
    row["destination_details"] = {"type": "card", "card": {"type": "refund", "reference_status": "pending", "reference_type": "acquirer_reference_number"}}
    world.store.add(row)
    _count(world, charge["id"], amount)
    world.announce("refund.created", row)
    wanted = world.faults.refunds or CARDS[charge["_card"]].refunds or "succeeded"
    if wanted != "pending":
        finish_refund(world, row["id"], wanted)
    return row


def _charge(world: World, asked: Obj) -> Obj:
    if "payment_intent" in asked:
        intent = world.store.get("payment_intent", asked["payment_intent"], param="payment_intent")
        if not intent["latest_charge"]:
            raise invalid("This PaymentIntent does not have a successful charge to refund.", param="payment_intent")
        return world.store.get("charge", intent["latest_charge"])
    if "charge" not in asked:
        raise invalid("One of the following params should be provided for this request: payment_intent or charge.", code="parameter_missing")
    return world.store.get("charge", asked["charge"], param="charge")


def _count(world: World, charge: str, amount: int) -> None:
    with world.changing(charge) as row:
        row["amount_refunded"] += amount
        row["refunded"] = row["amount_refunded"] == row["amount"]
    world.announce("charge.refunded" if amount > 0 else "charge.updated", row)


def finish_refund(world: World, refund_id: str, status: str) -> Obj:
    """The bank has answered about a refund."""
    row = world.store.get("refund", refund_id)
    if row["status"] == status:
        return row
    with world.changing(refund_id, "refund.updated") as row:
        row["status"] = status
        row["pending_reason"] = None
        if status == "failed":
            row |= {"failure_reason": "expired_or_canceled_card"}
    if status in ("failed", "canceled"):
        _count(world, row["charge"], -row["amount"])
    if status == "failed":
        world.announce("refund.failed", row)
    world.announce("charge.refund.updated", row)
    return row


def update_refund(world: World, asked: Obj, refund_id: str) -> Obj:
    """Change what stands beside a refund."""
    world.store.get("refund", refund_id)
    with world.changing(refund_id, "refund.updated") as row:
        row["metadata"] = merged(row["metadata"], asked.get("metadata"))
    return row


def cancel_refund(world: World, _asked: Obj, refund_id: str) -> Obj:
    """Take back a refund that waits."""
    if world.store.get("refund", refund_id)["status"] not in ("pending", "requires_action"):
        raise invalid("Only pending refunds can be canceled.")
    return finish_refund(world, refund_id, "canceled")


def refunds(world: World, asked: Obj) -> Obj:
    """Refunds, newest first."""
    rows = [row for row in world.store.all("refund") if fits(row, {name: value for name, value in asked.items() if name in ("charge", "created", "payment_intent")})]
    return page(world, rows, asked, url="/v1/refunds")
