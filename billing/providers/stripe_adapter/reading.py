"""What the library shows becomes what we speak of: subscriptions, invoices, events."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import stripe

from billing.pricing import Discount, Interval, Line, Quote
from billing.pricing.references import UNTAX
from billing.providers.protocol import BadPayload, Event, InvoiceSeen, NoteSeen, RefundSeen, SubscriptionSeen

BASE = ":base"
# Ended before it ever began: dead, like any other.
_WORDS = {"incomplete_expired": "canceled"}


def moment(at: int | None) -> datetime | None:
    """A moment of theirs."""
    return None if at is None else datetime.fromtimestamp(at, UTC)


def at(seconds: int) -> datetime:
    """A moment that is there."""
    return datetime.fromtimestamp(seconds, UTC)


def id_of(found: Any) -> str:
    """An id, expanded or not; "" for none."""
    if found is None:
        return ""
    return found if isinstance(found, str) else str(found["id"] if isinstance(found, dict) else found.id)


def words(found: Any) -> dict[str, str]:
    """Metadata as a plain mapping."""
    return {str(name): str(value) for name, value in found.to_dict().items()} if found is not None else {}


def ref_of(price: stripe.Price) -> str:
    """Our reference of a price; its own id where it is none of ours."""
    return words(price.metadata).get("ref") or price.id


def sold_of(found: stripe.Subscription) -> dict[str, int]:
    """Quantities by our references. What is paid for the whole has its number in the metadata, for there it is sold once."""
    named = _numbers(words(found.metadata).get("sold", ""))
    sold: dict[str, int] = {}
    for item in found.items.data:
        ref = ref_of(item.price)
        if ref.endswith(BASE):
            whole = ref.removesuffix(BASE)
            sold.setdefault(whole, named.get(whole, item.quantity or 1))
        else:
            sold[ref] = (item.quantity or 0) + int(words(item.price.metadata).get("included", "0"))
    return sold


def _numbers(text: str) -> dict[str, int]:
    try:
        found = json.loads(text or "{}")
        return {str(ref): int(count) for ref, count in found.items()}
    except (ValueError, TypeError, AttributeError):
        return {}


def subscription(found: stripe.Subscription) -> SubscriptionSeen:
    """A subscription, with the period of its first item (they all have one and the same)."""
    first = found.items.data[0] if found.items.data else None
    interval = Interval.YEAR if first is not None and first.price.recurring is not None and first.price.recurring.interval == "year" else Interval.MONTH
    start, end = (first.current_period_start, first.current_period_end) if first is not None else (found.start_date, found.start_date)
    given, ends = discount(found)
    return SubscriptionSeen(
        found.id, _WORDS.get(found.status, found.status), found.currency.upper(), interval, sold_of(found), at(found.created), at(found.billing_cycle_anchor), at(start), at(end),
        moment(found.trial_end), moment(found.cancel_at), moment(found.ended_at), found.pause_collection is not None,
        moment(found.pending_update.expires_at) if found.pending_update else None, given, ends, words(found.metadata),
    )  # fmt: skip


def discount(found: stripe.Subscription) -> tuple[Discount | None, datetime | None]:
    """The first discount with its end; those not expanded are none."""
    for one in found.discounts:
        if not isinstance(one, str) and one.source is not None:
            coupon = one.source.coupon
            if coupon is not None and not isinstance(coupon, str):
                percent = round((coupon.percent_off or 0) * 100)
                return Discount(coupon.id, percent, coupon.amount_off or 0, (coupon.currency or "").upper()), moment(one.end)
    return None, None


@dataclass(slots=True)
class Paid:
    """What charges say of one invoice's payment."""

    failed_at: int | None = None
    refunded: int = 0
    disputed: str = ""


@dataclass(frozen=True, slots=True)
class Money:
    """Charges and intents of a customer, by the payment intent."""

    paid: Mapping[str, Paid] = field(default_factory=dict)
    waiting: frozenset[str] = frozenset()


def money(charges: Iterable[stripe.Charge], intents: Iterable[stripe.PaymentIntent]) -> Money:
    """Failures, refunds and disputes by payment intent, and which of them wait for the payer."""
    paid: dict[str, Paid] = {}
    for charge in charges:
        one = paid.setdefault(id_of(charge.payment_intent), Paid())
        one.refunded += charge.amount_refunded
        if charge.status == "failed":
            one.failed_at = min(one.failed_at or charge.created, charge.created)
        if charge.disputed:
            one.disputed = "open"
    return Money(paid, frozenset(intent.id for intent in intents if intent.status == "requires_action"))


def refunds(charges: Iterable[stripe.Charge]) -> tuple[RefundSeen, ...]:
    """What was given back on charges; they are there only where they were asked for."""
    listed = [one for charge in charges if (held := getattr(charge, "refunds", None)) is not None for one in held.data]
    return tuple(RefundSeen(one.id, one.status or "pending", one.amount, one.failure_reason or "") for one in listed)


def bill(found: stripe.Invoice, refs: Mapping[str, str]) -> Quote:
    """The lines of an invoice as ours: amount before discount, tax on top. `refs`: price's id to our reference."""
    return Quote(found.currency.upper(), tuple(_line(line, refs) for line in found.lines.data))


def _line(found: stripe.InvoiceLineItem, refs: Mapping[str, str]) -> Line:
    off = sum(one.amount for one in found.discount_amounts or [])
    tax = sum(one.amount for one in found.taxes or [] if one.tax_behavior == "exclusive")
    count = found.quantity if found.quantity is not None else 1
    each = found.pricing.unit_amount_decimal if found.pricing is not None and found.pricing.unit_amount_decimal is not None else None
    unit = round(each) if each is not None else (found.amount // count if count else found.amount)
    price = _price_of(found)
    return Line(_ref_of(found) or refs.get(price, price), count, unit, found.amount, off, tax)


def _ref_of(found: stripe.InvoiceLineItem) -> str:
    """Our reference of a line that we put there ourselves (`charge`)."""
    return str(found.metadata["ref"]) if found.metadata and "ref" in found.metadata else ""


def _price_of(found: stripe.InvoiceLineItem) -> str:
    details = found.pricing.price_details if found.pricing is not None else None
    return id_of(details.price) if details is not None else (found.description or "")


def invoice(found: stripe.Invoice, known: Money, refs: Mapping[str, str]) -> InvoiceSeen:
    """An invoice with what its payments say."""
    payments = getattr(found, "payments", None)  # there only where it was asked for
    intents = [id_of(one.payment.payment_intent) for one in (payments.data if payments is not None else []) if one.payment.type == "payment_intent"]
    paid = [known.paid[intent] for intent in intents if intent in known.paid]
    failed = min((one.failed_at for one in paid if one.failed_at is not None), default=None)
    if failed is None and found.status == "open" and found.attempt_count:
        failed = found.status_transitions.finalized_at or found.created
    details = found.parent.subscription_details if found.parent is not None else None
    spans = [line.period for line in found.lines.data if not _ref_of(line)]
    return InvoiceSeen(
        found.id or "", found.number or "", str(found.status or "draft"), bill(found, refs), found.amount_paid, found.amount_remaining, at(found.created),
        at(min((span.start for span in spans), default=found.period_start)), at(max((span.end for span in spans), default=found.period_end)), moment(found.due_date),
        moment(found.status_transitions.paid_at), moment(failed), found.attempt_count, moment(found.next_payment_attempt),
        found.status == "open" and any(intent in known.waiting for intent in intents), found.hosted_invoice_url or "", found.invoice_pdf or "",
        id_of(details.subscription) if details is not None else "", sum(one.refunded for one in paid), next((one.disputed for one in paid if one.disputed), ""),
        _problem(found), found.status == "draft" and not found.auto_advance,
    )  # fmt: skip


def note(found: stripe.CreditNote) -> NoteSeen:
    """A credit note with its amounts below nought; of ours over tax alone the whole is tax."""
    named = words(found.metadata)
    lines = (Line(UNTAX, 1, 0, 0, 0, -found.total),) if named.get("ref") == UNTAX else tuple(_note_line(line) for line in found.lines.data)
    return NoteSeen(
        found.id, found.number, id_of(found.invoice), "void" if found.status == "void" else "paid", Quote(found.currency.upper(), lines), at(found.created), found.memo or "", found.pdf
    )


def _note_line(found: stripe.CreditNoteLineItem) -> Line:
    tax = sum(one.amount for one in found.taxes or [] if one.tax_behavior == "exclusive")
    count = found.quantity or 1
    return Line(found.description or found.type, count, -(found.amount // count), -found.amount, -found.discount_amount, -tax)


def _problem(found: stripe.Invoice) -> str:
    """Why a draft could not be made final; "" for one that waits for its hour."""
    error = found.last_finalization_error if found.status == "draft" else None
    return "" if error is None else error.code or error.type


def method(found: stripe.PaymentMethod | None) -> dict[str, Any]:
    """Brand, last figures and end of a card, nothing else."""
    card = found.card if found is not None else None
    if card is None:
        return {"brand": found.type} if found is not None else {}
    return {"brand": card.brand, "last4": card.last4, "until": f"{card.exp_year:04d}-{card.exp_month:02d}"}


def event(raw: str) -> Event:
    """An event out of its body, as much as we need of it; raises BadPayload."""
    try:
        told = json.loads(raw)
        found = told["data"]["object"]
        if told["object"] != "event" or not isinstance(found, dict):
            raise BadPayload
        customer = id_of(found.get("id") if found.get("object") == "customer" else found.get("customer"))
        named = {"account": _account_of(found)} if _account_of(found) else {}
        return Event(
            str(told["id"]), str(told["type"]), at(int(told["created"])), customer, str(found.get("id") or ""), bool(told.get("livemode")), str(told.get("api_version") or ""), raw, named
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError) as error:
        raise BadPayload from error


def _account_of(found: Mapping[str, Any]) -> str:
    """The account that an object names, wherever it may stand in it."""
    details = (found.get("parent") or {}).get("subscription_details") or {}
    for place in (found, details):
        named = (place.get("metadata") or {}).get("account")
        if named:
            return str(named)
    return ""


def payer(found: stripe.Customer) -> dict[str, str]:
    """Who pays, in `AccountSeen.payer`'s words."""
    address, ids = found.address, getattr(found, "tax_ids", None)
    told = {"name": found.name or "", "country": (address and address.country) or "", "address": (address and address.line1) or ""}
    return told if ids is None else {**told, "tax_id": " ".join(bare(one.value) for one in ids.data)}


def bare(number: str) -> str:
    """A tax number without its signs: they write it in groups."""
    return "".join(letter for letter in number.upper() if letter.isalnum())
