"""Invoices: drawn up, finalised, settled, voided; the customer's balance is used first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import periods, subscribed
from .errors import invalid
from .lines import Span, Wanted, add_up, line
from .shapes import Obj
from .world import World

# A draft that is made by itself waits so long for additions.
DRAFT = 3600


def draw_up(
    world: World, customer: Obj, *, currency: str, reason: str, lines: Sequence[Wanted], span: Span, subscription: Obj | None = None,
    discounts: Sequence[str] = (), collection: str = "charge_automatically", days_until_due: int | None = None, proration_at: int | None = None, **more: Any,
) -> Obj:  # fmt: skip
    """A draft with these lines and what waits to be invoiced for it."""
    row = world.new(
        "invoice", "in", customer=customer["id"], currency=currency, billing_reason=reason, collection_method=collection, status="draft", auto_advance=True,
        account_country="NL", account_name="Sandbox", period_start=span.start, period_end=span.end, discounts=list(discounts), metadata={}, attempted=False,
        parent=_parent(subscription, proration_at), default_payment_method=None, starting_balance=customer["balance"], total_pretax_credit_amounts=[],
        default_tax_rates=[], test_clock=customer["test_clock"], issuer={"type": "self", "account": None},
        _subscription=subscription["id"] if subscription else None, _days=days_until_due, _first_failed=None, _exempt=customer["tax_exempt"] or "none",
        **_buyer(world, customer),
    )  # fmt: skip
    row["automatic_tax"] |= {"enabled": False, "liability": None, "provider": None, "status": None}
    row |= more
    row["lines"] = {"object": "list", "data": [line(world, one, invoice=row["id"], currency=currency) for one in lines], "has_more": False, "url": f"/v1/invoices/{row['id']}/lines"}
    reckon(world, row)
    world.add(row, event="invoice.created")
    return row


def _parent(subscription: Obj | None, proration_at: int | None) -> Obj | None:
    if subscription is None:
        return None
    details = {"metadata": dict(subscription["metadata"]), "subscription": subscription["id"], "subscription_proration_date": proration_at}
    return {"type": "subscription_details", "quote_details": None, "subscription_details": details}


def _buyer(world: World, customer: Obj) -> Obj:
    tax_ids = [{"type": one["type"], "value": one["value"]} for one in world.store.all("tax_id", customer=customer["id"])]
    return {
        "customer_name": customer["name"], "customer_email": customer["email"], "customer_address": customer["address"], "customer_phone": customer["phone"],
        "customer_shipping": customer["shipping"], "customer_tax_exempt": customer["tax_exempt"], "customer_tax_ids": tax_ids,
    }  # fmt: skip


def reckon(world: World, row: Obj) -> None:
    """The sums of a draft, anew."""
    named = [*row["discounts"], *(one for made in row["lines"]["data"] for one in made["_own"])]
    found = {one: world.store.rows[one] for one in named}
    add_up(row, [found[one] for one in row["discounts"]], [one for name, one in found.items() if name not in row["discounts"]], exempt=row["_exempt"])
    if row["default_tax_rates"]:
        for made in row["lines"]["data"]:
            made["_rates"] = made["_rates"] or row["default_tax_rates"]
        add_up(row, [found[one] for one in row["discounts"]], [one for name, one in found.items() if name not in row["discounts"]], exempt=row["_exempt"])
    used = _from_balance(world, row)
    row["amount_due"] = max(row["total"] - used, 0)
    row["amount_remaining"] = row["amount_due"] - row["amount_paid"]


def _from_balance(world: World, row: Obj) -> int:
    """What of the customer's balance an invoice uses: a credit up to its total, or a debt added to it."""
    customer = world.store.rows[row["customer"]]
    balance = customer["balance"] if customer["currency"] in (None, row["currency"]) else 0
    if row["total"] < 0:
        return int(row["total"])
    return min(-balance, int(row["total"])) if balance < 0 else -balance


def waiting(world: World, customer: str, currency: str, subscription: str | None = None) -> list[tuple[Obj, Wanted]]:
    """What waits for the next invoice: of the subscription, and of the customer alone."""
    found = []
    for item in world.store.all("invoiceitem", customer=customer, invoice=None, currency=currency):
        if item["_subscription"] in (None, subscription):
            wanted = Wanted(
                item["amount"], item["description"], Span(item["period"]["start"], item["period"]["end"]), item["quantity"], world.store.rows.get(item["_price"] or ""),
                item["_item"] or "", item["_subscription"] or "", item["id"], item["proration"], item["discountable"], list(item["tax_rates"] or []), dict(item["metadata"]),
                discounts=list(item["discounts"] or []),
            )  # fmt: skip
            found.append((item, wanted))
    return found


def take_waiting(world: World, row: Obj) -> None:
    """Put what waits onto a draft."""
    for item, wanted in waiting(world, row["customer"], row["currency"], row["_subscription"]):
        world.store.edit(item["id"])["invoice"] = row["id"]
        row["lines"]["data"].append(line(world, wanted, invoice=row["id"], currency=row["currency"]))
    reckon(world, row)


def finalise(world: World, invoice: str) -> Obj:
    """A draft becomes an open invoice with a number; one with nothing to pay is paid at once. Raises ApiError for what is no draft."""
    row = world.store.edit(invoice)
    if row["status"] != "draft":
        raise invalid("This invoice is already finalized, you can't re-finalize a non-draft invoice.", code="invoice_not_editable")
    if _fails(world, row):
        return row
    customer = world.store.edit(row["customer"])
    reckon(world, row)
    now = world.now()
    _use_balance(world, row, customer)
    row |= {"status": "open", "number": _number(customer), "effective_at": now, "automatically_finalizes_at": None}
    row["status_transitions"]["finalized_at"] = now
    row["hosted_invoice_url"] = f"{world.place.public}/i/{row['id']}"
    row["invoice_pdf"] = f"{world.place.public}/i/{row['id']}/pdf"
    if row["collection_method"] == "send_invoice" and row["due_date"] is None:
        row["due_date"] = now + (row["_days"] or 0) * periods.DAY
    customer["currency"] = customer["currency"] or row["currency"]
    if row["amount_due"] > 0:
        _ask_payment(world, row)
    world.announce("invoice.finalized", row)
    if row["amount_due"] == 0:
        settle(world, invoice)
    elif row["collection_method"] == "send_invoice":
        world.announce("invoice.sent", row)
    return row


def _fails(world: World, row: Obj) -> bool:
    if not any(one.kind == "finalisation" and one.count > 0 for one in world.faults.payments):
        return False
    fault = next(one for one in world.faults.payments if one.kind == "finalisation" and one.count > 0)
    fault.count -= 1
    error = {"code": "customer_tax_location_invalid", "type": "invalid_request_error", "message": "The customer's location isn't recognized. Set a valid customer address."}
    with world.changing(row["id"]) as kept:
        kept |= {"last_finalization_error": error, "automatically_finalizes_at": None}
    world.announce("invoice.finalization_failed", row)
    return True


def _number(customer: Obj) -> str:
    number = customer["next_invoice_sequence"]
    customer["next_invoice_sequence"] = number + 1
    return f"{customer['invoice_prefix']}-{number:04d}"


def _use_balance(world: World, row: Obj, customer: Obj) -> None:
    row["starting_balance"] = customer["balance"]
    used = _from_balance(world, row)
    if used:
        move_balance(world, customer, amount=used, currency=row["currency"], kind="applied_to_invoice", invoice=row["id"])
    row["ending_balance"] = customer["balance"]


def move_balance(world: World, customer: Obj, *, amount: int, currency: str, kind: str, description: str | None = None, **links: object) -> Obj:
    """Add to the customer's balance (a minus is a credit) with a line of its own."""
    customer["balance"] += amount
    row = world.new(
        "customer_balance_transaction", "cbtxn", amount=amount, currency=currency, customer=customer["id"], ending_balance=customer["balance"], livemode=False,
        type=kind, description=description, metadata={}, **links,
    )  # fmt: skip
    return world.add(row, event="customer_cash_balance_transaction.created" if kind == "funded" else "")


def _ask_payment(world: World, row: Obj) -> None:
    """The intent by which an open invoice is paid."""
    method = method_for(world, row)
    intent = world.new(
        "payment_intent", "pi", amount=row["amount_due"], currency=row["currency"], customer=row["customer"], livemode=False, metadata={}, capture_method="automatic",
        confirmation_method="automatic", payment_method_types=["card"], description=f"Invoice {row['number']}", _invoice=row["id"],
        status="requires_confirmation" if method else "requires_payment_method", payment_method=None,
    )  # fmt: skip
    intent["client_secret"] = f"{intent['id']}_secret_{intent['id'][-10:]}"
    world.add(intent, event="payment_intent.created")
    payment = world.new(
        "invoice_payment", "inpay", amount_requested=row["amount_due"], currency=row["currency"], invoice=row["id"], is_default=True, livemode=False, status="open",
        payment={"type": "payment_intent", "payment_intent": intent["id"], "charge": None, "payment_record": None}, amount_paid=None,
        status_transitions={"canceled_at": None, "paid_at": None},
    )  # fmt: skip
    world.add(payment)
    row["_intent"] = intent["id"]


def method_for(world: World, row: Obj) -> str | None:
    """With what an invoice is paid by itself: its own, its subscription's, its customer's."""
    subscription = world.store.rows.get(row["_subscription"] or "")
    customer = world.store.rows[row["customer"]]
    found = row["default_payment_method"] or (subscription["default_payment_method"] if subscription else None) or customer["invoice_settings"]["default_payment_method"]
    return str(found) if found else None


def settle(world: World, invoice: str, *, charge: str | None = None, outside: bool = False) -> Obj:
    """An invoice is paid."""
    row = world.store.edit(invoice)
    now = world.now()
    row |= {"status": "paid", "attempted": True, "amount_paid": row["amount_due"], "amount_remaining": 0, "next_payment_attempt": None}
    row["amount_paid_off_stripe"] = row["amount_due"] if outside else 0
    row["status_transitions"]["paid_at"] = now
    for payment in world.store.all("invoice_payment", invoice=invoice, status="open"):
        kept = world.store.edit(payment["id"])
        kept |= {"status": "canceled" if outside else "paid", "amount_paid": None if outside else row["amount_due"]}
        kept["status_transitions"]["canceled_at" if outside else "paid_at"] = now
        world.announce("invoice_payment.paid", kept) if not outside else None
    world.announce("invoice.paid", row)
    world.announce("invoice.payment_succeeded", row) if not outside else None
    subscribed.after_paid(world, row)
    mark_delinquent(world, row["customer"])
    return row


def mark_delinquent(world: World, customer: str) -> None:
    """Whether a customer owes something overdue."""
    unpaid = any(one["attempted"] and one["amount_remaining"] > 0 for one in world.store.all("invoice", customer=customer, status="open"))
    if world.store.rows[customer]["delinquent"] != unpaid:
        with world.changing(customer, "customer.updated") as row:
            row["delinquent"] = unpaid


def close(world: World, invoice: str, *, status: str) -> Obj:
    """Void an open invoice or give it up; its intent is cancelled with a void one."""
    row = world.store.edit(invoice)
    if row["status"] not in ("open", "uncollectible") or row["status"] == status:
        raise invalid(f"You can only {'void' if status == 'void' else 'mark as uncollectible'} open invoices. This invoice is {row['status']}.")
    row |= {"status": status, "next_payment_attempt": None, "auto_advance": False}
    row["status_transitions"]["voided_at" if status == "void" else "marked_uncollectible_at"] = world.now()
    if status == "void":
        row["amount_remaining"] = 0
        _cancel_intent(world, row)
    world.announce("invoice.voided" if status == "void" else "invoice.marked_uncollectible", row)
    mark_delinquent(world, row["customer"])
    return row


def _cancel_intent(world: World, row: Obj) -> None:
    if row.get("_intent"):
        with world.changing(row["_intent"]) as intent:
            intent |= {"status": "canceled", "canceled_at": world.now(), "cancellation_reason": "void_invoice", "next_action": None}
        world.announce("payment_intent.canceled", intent)
    for payment in world.store.all("invoice_payment", invoice=row["id"], status="open"):
        kept = world.store.edit(payment["id"])
        kept["status"] = "canceled"
        kept["status_transitions"]["canceled_at"] = world.now()
