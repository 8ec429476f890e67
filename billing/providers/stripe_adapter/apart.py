"""A bill of its own beside a subscription's: for one that has no next bill."""

from __future__ import annotations

import logging
from decimal import Decimal
from typing import Any

import stripe

from billing.pricing import Line
from billing.providers.protocol import Declined

from . import reading
from .asking import Gone, Refused, ours

_log = logging.getLogger("kartoteka.billing")
_PAGE = 100


def bill(client: stripe.StripeClient, customer: str, subscription: str, line: Line | None, *, name: str, key: str) -> str:
    """The invoice's id, "" where there is nothing to bill. Taxed as the subscription is; one that the card does not pay stays open, and they try again."""
    with ours():
        found = client.v1.subscriptions.retrieve(subscription)
        listed = client.v1.invoice_items.list({"customer": customer, "pending": True, "limit": _PAGE}).auto_paging_iter()
        waiting = [one for one in listed if _subscription_of(one) == subscription and "ref" in reading.words(one.metadata)]  # of ours alone
    # Named by what they are: after a call that was lost halfway fewer wait, and those that are left must not be taken for others.
    wanted = ({"line": _item(line, name)} if line else {}) | {one.id: _again(one) for one in waiting}
    if not wanted:
        return ""
    with ours():
        draft = client.v1.invoices.create(_draft(found, customer, key), _key(f"{key}:bill"))  # type: ignore[arg-type]  # built in steps
        for which, one in wanted.items():
            client.v1.invoice_items.create({**one, "customer": customer, "invoice": draft.id, "currency": found.currency}, _key(f"{key}:{which}"))  # type: ignore[arg-type]  # built in steps
        made = client.v1.invoices.finalize_invoice(draft.id, {"auto_advance": True}, _key(f"{key}:final"))
    # Only now: a call that was lost before finds them again, and the same keys give the same lines.
    for item in waiting:
        _drop(client, item.id)
    if made.status == "open":
        _pay(client, made.id, key=f"{key}:pay")
    return made.id


def let_drafts_go(client: stripe.StripeClient, subscription: str, *, key: str) -> None:
    """Drafts that nobody makes final are void: of a subscription that was given up. Lines of ours on them wait for the next bill.

    Who paid the old bill with another card than the one that failed is asked by that one from then on.
    """
    with ours():
        found = client.v1.subscriptions.retrieve(subscription)
        held, halves = [[one for one in client.v1.invoices.list({"subscription": subscription, "status": state, "limit": _PAGE}).data if not one.auto_advance] for state in ("draft", "open")]
        halves = [one for one in halves if not one.attempt_count]  # made final by a call before that was lost: nobody was ever asked for it
        card = _paid_with(client, subscription) if held or halves else ""
        if card and card != reading.id_of(found.default_payment_method):
            client.v1.subscriptions.update(subscription, {"default_payment_method": card}, _key(f"{key}:card"))
        for draft in held:
            for line in draft.lines.data:
                if "ref" in reading.words(line.metadata):
                    kept = {**_line_again(line), "customer": reading.id_of(found.customer), "subscription": subscription, "currency": found.currency}
                    client.v1.invoice_items.create(kept, _key(f"{key}:{line.id}"))  # type: ignore[arg-type]  # built in steps
            if client.v1.invoices.finalize_invoice(str(draft.id), {"auto_advance": False}, _key(f"{key}:{draft.id}")).status == "open":
                halves.append(draft)
        for one in halves:
            client.v1.invoices.void_invoice(str(one.id), {}, _key(f"{key}:{one.id}:void"))


def _paid_with(client: stripe.StripeClient, subscription: str) -> str:
    """What paid the newest paid invoice of a subscription, where its customer keeps it; "" for none."""
    for invoice in client.v1.invoices.list({"subscription": subscription, "status": "paid", "limit": 1}).data:
        payments = client.v1.invoice_payments.list({"invoice": str(invoice.id), "status": "paid", "limit": 1}).data
        for intent in [reading.id_of(one.payment.payment_intent) for one in payments if one.payment.payment_intent]:
            chosen = reading.id_of(client.v1.payment_intents.retrieve(intent).payment_method)
            method = client.v1.payment_methods.retrieve(chosen) if chosen else None
            if method is not None and reading.id_of(method.customer) == reading.id_of(invoice.customer):
                return method.id
    return ""


def _line_again(line: stripe.InvoiceLineItem) -> dict[str, Any]:
    each = line.pricing.unit_amount_decimal if line.pricing is not None else None
    worth = {"unit_amount_decimal": each, "quantity": line.quantity} if each is not None and line.quantity else {"amount": line.amount}
    return {**worth, "description": line.description or "", "discountable": False, "metadata": reading.words(line.metadata)}


def _draft(found: stripe.Subscription, customer: str, key: str) -> dict[str, Any]:
    given: dict[str, Any] = {
        "customer": customer, "currency": found.currency, "auto_advance": False, "collection_method": "charge_automatically", "pending_invoice_items_behavior": "exclude", "metadata": {"op": key},
        "default_tax_rates": [reading.id_of(rate) for rate in found.default_tax_rates or []],
    }  # fmt: skip
    method = reading.id_of(found.default_payment_method)
    return given | ({"default_payment_method": method} if method else {})


def _item(line: Line, name: str) -> dict[str, Any]:
    return {"unit_amount_decimal": Decimal(line.unit), "quantity": line.quantity, "description": name[:250], "discountable": False, "metadata": {"ref": line.ref}}


def _again(item: stripe.InvoiceItem) -> dict[str, Any]:
    """What waited, as a line of this invoice."""
    kept = {"amount": item.amount, "description": item.description or "", "discountable": item.discountable, "metadata": reading.words(item.metadata)}
    each = item.pricing.unit_amount_decimal if item.pricing is not None else None
    if each is None or round(each * item.quantity) != item.amount:
        return kept
    del kept["amount"]
    return kept | {"unit_amount_decimal": each, "quantity": item.quantity}


def _subscription_of(item: stripe.InvoiceItem) -> str:
    details = item.parent.subscription_details if item.parent is not None else None
    return reading.id_of(details.subscription) if details is not None else ""


def _drop(client: stripe.StripeClient, item: str) -> None:
    try:
        with ours():
            client.v1.invoice_items.delete(item)
    except Gone:  # by the call before, whose answer was lost
        pass


def _pay(client: stripe.StripeClient, invoice: str, *, key: str) -> None:
    try:
        with ours():
            client.v1.invoices.pay(invoice, {}, _key(key))
    except (Declined, Refused) as error:
        _log.info("the last bill of a subscription is not paid yet", extra={"invoice": invoice, "code": error.code})


def _key(key: str) -> stripe.RequestOptions:
    return {"idempotency_key": key[:255]}
