"""Changing a subscription at Stripe: previewed and applied with one moment of proration, paid before it holds."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import stripe

from billing.pricing import Quote
from billing.providers.choosing import sold_of
from billing.providers.protocol import Changed, Declined, Preview, Target

from . import prices, reading
from .asking import Gone, ours

# Words of theirs for a payment that the payer's bank wants confirmed.
ASKS = frozenset({"authentication_required", "payment_intent_action_required", "invoice_payment_intent_requires_action", "subscription_payment_intent_requires_action", "payment_intent_authentication_failure"})


def preview(client: stripe.StripeClient, subscription: str, target: Target, *, as_of: datetime) -> Preview:
    """What is charged now, and the next whole bill."""
    found = _found(client, subscription)
    items, refs = _items(client, found, target), prices.refs()
    shared: dict[str, Any] = {"customer": reading.id_of(found.customer), "subscription": subscription}
    moment = _within(found, as_of)
    trialing = found.status == "trialing"
    now = Quote(target.currency, ())
    with ours():
        if not trialing and _differs(found, items):
            given = {"items": items, "proration_behavior": "always_invoice", "proration_date": moment}
            now = reading.bill(client.v1.invoices.create_preview({**shared, "subscription_details": given}), refs)  # type: ignore[arg-type]  # built in steps
    try:
        with ours():
            upcoming = client.v1.invoices.create_preview({**shared, "subscription_details": {"items": items, "proration_behavior": "none"}})  # type: ignore[arg-type]  # built in steps
    except Gone:  # it ends with the period
        return Preview(now, Quote(target.currency, ()), reading.at(found.items.data[0].current_period_end), reading.at(moment))
    start = min((line.period.start for line in upcoming.lines.data), default=upcoming.period_end)
    return Preview(now, reading.bill(upcoming, refs), reading.at(start), reading.at(moment))


def apply(client: stripe.StripeClient, subscription: str, target: Target, *, as_of: datetime, key: str) -> Changed:
    """Charged first (a pending update of theirs): declined, it is taken back at once; where the bank asks, it waits for the payer."""
    release(client, subscription, key=f"{key}:r")
    found = _found(client, subscription)
    items = _items(client, found, target)
    if not _differs(found, items):
        return Changed(applied=True)
    given: dict[str, Any] = {
        "items": items, "proration_behavior": "always_invoice", "proration_date": _within(found, as_of), "payment_behavior": "pending_if_incomplete", "expand": ["latest_invoice"],
    }  # fmt: skip
    if found.status == "trialing":
        given = {"items": items, "proration_behavior": "none", "expand": ["latest_invoice"]}
    try:
        with ours():
            after = client.v1.subscriptions.update(subscription, given, {"idempotency_key": key})  # type: ignore[arg-type]  # built in steps
    except Declined as error:
        return Changed(applied=False, declined=str(error.facts.get("reason", "")))
    if after.pending_update is None:
        _name(client, subscription, target, key=key)
        return Changed(applied=True)
    return _unpaid(client, after, key=key)


def _unpaid(client: stripe.StripeClient, found: stripe.Subscription, *, key: str) -> Changed:
    latest = found.latest_invoice
    invoice = latest if latest is not None and not isinstance(latest, str) else None
    with ours():
        if invoice is None or not invoice.id:
            return Changed(applied=False, declined="card_declined")
        payments = client.v1.invoice_payments.list({"invoice": invoice.id, "limit": 10}).data
        intents = [client.v1.payment_intents.retrieve(reading.id_of(one.payment.payment_intent)) for one in payments if one.payment.payment_intent]
        if any(intent.status == "requires_action" for intent in intents):
            return Changed(applied=False, confirm_url=invoice.hosted_invoice_url or "")
        errors = [intent.last_payment_error.decline_code or intent.last_payment_error.code for intent in intents if intent.last_payment_error]
        client.v1.invoices.void_invoice(invoice.id, {}, {"idempotency_key": f"{key}:void"})
    return Changed(applied=False, declined=next((code for code in errors if code), "card_declined"))


def _name(client: stripe.StripeClient, subscription: str, target: Target, *, key: str) -> None:
    """What is sold, in the metadata: an update that may wait for its payment cannot carry it."""
    with ours():
        client.v1.subscriptions.update(subscription, {"metadata": {"sold": json.dumps(sold_of(target))}}, {"idempotency_key": f"{key}:named"})


def at_end(client: stripe.StripeClient, subscription: str, target: Target, *, key: str) -> datetime:
    """A schedule of two phases: what is now, until the period's end; then what is wished."""
    release(client, subscription, key=f"{key}:r")
    wanted = [{"price": price, "quantity": count} for _ref, price, count in prices.lines(client, target)]
    named = _named(_found(client, subscription))
    with ours():
        schedule = client.v1.subscription_schedules.create({"from_subscription": subscription}, {"idempotency_key": f"{key}:s"})
        present = schedule.phases[0]
        phases: list[Any] = [
            {**_again(present), **named},
            {"items": wanted, **named, "proration_behavior": "none", "duration": {"interval": str(target.interval), "interval_count": 1}, "metadata": {"sold": json.dumps(sold_of(target))}},
        ]
        client.v1.subscription_schedules.update(schedule.id, {"phases": phases, "end_behavior": "release", "proration_behavior": "none"}, {"idempotency_key": key})
    return reading.at(present.end_date)


def carry_along(client: stripe.StripeClient, subscription: str, *, key: str) -> None:
    """A change that waits for the period's end keeps the discounts and the tax that the subscription has now."""
    found = _found(client, subscription)
    if not found.schedule:
        return
    with ours():
        schedule = client.v1.subscription_schedules.retrieve(reading.id_of(found.schedule))
        first, current = schedule.phases[0], schedule.current_phase
        if current is None or current.start_date != first.start_date:  # it has come: nothing waits any more
            return
        phases: list[Any] = [{**_again(one), **_named(found), "metadata": reading.words(one.metadata)} for one in schedule.phases]
        client.v1.subscription_schedules.update(schedule.id, {"phases": phases, "end_behavior": "release", "proration_behavior": "none"}, {"idempotency_key": f"{key}:planned"})


def _named(found: stripe.Subscription) -> dict[str, Any]:
    """Discounts and tax of a subscription as a phase names them: one that names none has none."""
    return {"discounts": [{"discount": reading.id_of(one)} for one in found.discounts] or "", "default_tax_rates": [reading.id_of(rate) for rate in found.default_tax_rates or []] or ""}


def _again(phase: Any) -> dict[str, Any]:
    items = [{"price": reading.id_of(item.price), "quantity": item.quantity or 0} for item in phase.items]
    return {"items": items, "start_date": phase.start_date, "end_date": phase.end_date, "proration_behavior": "none"}


def release(client: stripe.StripeClient, subscription: str, *, key: str) -> None:
    """Let a schedule go, where there is one: the subscription goes on as it is."""
    with ours():
        schedule = reading.id_of(client.v1.subscriptions.retrieve(subscription).schedule)
        if schedule:
            client.v1.subscription_schedules.release(schedule, {}, {"idempotency_key": f"{key}:{schedule}"})


def _found(client: stripe.StripeClient, subscription: str) -> stripe.Subscription:
    with ours():
        return client.v1.subscriptions.retrieve(subscription)


def _within(found: stripe.Subscription, moment: datetime) -> int:
    """The moment of proration, held within the period as they have it: our clocks may differ by a little."""
    at, item = int(moment.timestamp()), found.items.data[0]
    return min(max(at, item.current_period_start), item.current_period_end)


def _items(client: stripe.StripeClient, found: stripe.Subscription, target: Target) -> list[dict[str, Any]]:
    """Items as they are to be: changed where our reference stays the same or the plan's seats take another price, added, taken away."""
    wanted = {price: count for _ref, price, count in prices.lines(client, target)}
    items: list[dict[str, Any]] = []
    for item in found.items.data:
        if item.price.id in wanted:
            items.append({"id": item.id, "price": item.price.id, "quantity": wanted.pop(item.price.id)})
        else:
            items.append({"id": item.id, "deleted": True})
    return items + [{"price": price, "quantity": count} for price, count in wanted.items()]


def _differs(found: stripe.Subscription, items: list[dict[str, Any]]) -> bool:
    present = {item.id: item.quantity for item in found.items.data}
    return any(item.get("deleted") or "id" not in item or present.get(item["id"]) != item["quantity"] for item in items)
