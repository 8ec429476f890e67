"""Invoices, their lines, what waits for them, how they are paid; and previews that equal the charge."""

from __future__ import annotations

import copy

from billing.standin import changing, invoicing, lines, paying, pricing, renewing, starting, subscribed
from billing.standin.errors import ApiError, invalid
from billing.standin.lines import Span
from billing.standin.shapes import Obj
from billing.standin.world import World

from . import catalogue, discounts
from .listing import deleted, emptied, fits, merged, page

UPDATED = "invoice.updated"


def create(world: World, asked: Obj) -> Obj:
    """A draft by hand, with what waits for the customer."""
    customer = world.store.get("customer", asked.get("customer", ""), param="customer")
    subscription = world.store.get("subscription", asked["subscription"], param="subscription") if "subscription" in asked else None
    held = [item["currency"] for item in world.store.all("invoiceitem", customer=customer["id"], invoice=None)]
    currency = pricing.currency_of(asked.get("currency") or (subscription or customer)["currency"] or (held[0] if held else "usd"))
    found = discounts.redeem(world, asked.get("discounts") or [], customer=customer, currency=currency, subtotal=0)
    now = world.now()
    row = invoicing.draw_up(
        world, customer, currency=currency, reason="manual", lines=[], span=Span(now, now), subscription=subscription, discounts=found,
        collection=asked.get("collection_method", "charge_automatically"), days_until_due=asked.get("days_until_due"),
    )  # fmt: skip
    row["auto_advance"] = asked.get("auto_advance", False)
    if row["auto_advance"]:
        row["automatically_finalizes_at"] = now + invoicing.DRAFT
    _write(world, row, asked)
    if asked.get("pending_invoice_items_behavior", "exclude") == "include" or subscription:
        invoicing.take_waiting(world, row)
    return row


def _write(world: World, row: Obj, asked: Obj) -> None:
    wanted = emptied(asked)
    row |= {name: wanted[name] for name in ("description", "footer", "statement_descriptor", "due_date", "default_payment_method", "custom_fields") if name in wanted}
    row["metadata"] = merged(row["metadata"], asked.get("metadata"))
    if "default_tax_rates" in asked:
        row["default_tax_rates"] = discounts.rates(world, asked["default_tax_rates"], param="default_tax_rates")
        invoicing.reckon(world, row)


def update(world: World, asked: Obj, invoice: str) -> Obj:
    """Change a draft; of a finalised invoice little more than its metadata."""
    row = world.store.get("invoice", invoice)
    if row["status"] != "draft" and asked.keys() - {"metadata", "auto_advance", "default_payment_method", "expand", "days_until_due", "due_date"}:
        raise invalid("Finalized invoices can't be updated in this way.", code="invoice_not_editable")
    with world.changing(invoice, UPDATED) as row:
        _write(world, row, asked)
        row["_days"] = asked.get("days_until_due", row["_days"])
        row["auto_advance"] = asked.get("auto_advance", row["auto_advance"])
        if row["status"] == "draft" and asked.get("auto_advance"):
            row["automatically_finalizes_at"] = row["automatically_finalizes_at"] or world.now() + invoicing.DRAFT
        if "discounts" in asked:
            row["discounts"] = discounts.redeem(world, asked["discounts"] or [], customer=world.store.rows[row["customer"]], currency=row["currency"], subtotal=row["subtotal"], invoice=invoice)
            invoicing.reckon(world, row)
    return row


def delete(world: World, _asked: Obj, invoice: str) -> Obj:
    """Throw a draft away."""
    row = world.store.get("invoice", invoice)
    if row["status"] != "draft" or row["_subscription"]:
        raise invalid("You can only delete draft invoices that were made by hand.", code="invoice_not_editable")
    row = world.store.edit(invoice)
    row["_gone"] = True
    for item in world.store.all("invoiceitem", invoice=invoice):
        world.store.edit(item["id"])["invoice"] = None
    world.announce("invoice.deleted", row)
    return deleted(row)


def listing(world: World, asked: Obj) -> Obj:
    """Invoices, newest first."""
    wanted = {name: value for name, value in asked.items() if name not in ("subscription", "customer_account")}
    lasting = {own: asked[name] for own, name in (("customer", "customer"), ("_subscription", "subscription")) if name in asked}
    rows = [row for row in world.store.all("invoice", **lasting) if fits(row, wanted)]
    return page(world, rows, asked, url="/v1/invoices")


def lines_of(world: World, asked: Obj, invoice: str) -> Obj:
    """The lines of an invoice, in their order."""
    data = world.store.get("invoice", invoice)["lines"]["data"]
    start = next((n + 1 for n, made in enumerate(data) if made["id"] == asked.get("starting_after")), 0)
    limit = asked.get("limit", 10)
    return {"object": "list", "data": data[start : start + limit], "has_more": len(data) > start + limit, "url": f"/v1/invoices/{invoice}/lines"}


# What becomes of them.


def finalize(world: World, asked: Obj, invoice: str) -> Obj:
    """A draft becomes an open invoice."""
    row = invoicing.finalise(world, world.store.get("invoice", invoice)["id"])
    if "auto_advance" in asked:
        row["auto_advance"] = asked["auto_advance"]
    return row


def pay(world: World, asked: Obj, invoice: str) -> Obj:
    """Pay an open invoice; a draft is finalised first."""
    row = world.store.get("invoice", invoice)
    if row["status"] == "draft":
        invoicing.finalise(world, invoice)
    if row["status"] == "paid":
        raise invalid("Invoice is already paid", code="invoice_already_paid")
    if row["status"] not in ("open", "uncollectible"):
        raise invalid(f"This invoice is {row['status']} and cannot be paid.", code="invoice_not_editable")
    if asked.get("paid_out_of_band"):
        return invoicing.settle(world, invoice, outside=True)
    method = _method(world, row, asked.get("payment_method"))
    outcome = paying.pay(world, invoice, method=method)
    if outcome.kind in ("declined", "action"):
        raise paying.refusal(world, row, outcome, noun="invoice", keep=True)
    return row


def _method(world: World, row: Obj, named: str | None) -> str | None:
    if named and world.store.get("payment_method", named, param="payment_method")["customer"] != row["customer"]:
        raise invalid("The customer does not have a payment method with that ID.", param="payment_method", code="resource_missing")
    if not named and invoicing.method_for(world, row) is None:
        raise invalid(starting.NO_METHOD, code="resource_missing")
    return named


def void(world: World, _asked: Obj, invoice: str) -> Obj:
    """It never was due."""
    return invoicing.close(world, world.store.get("invoice", invoice)["id"], status="void")


def mark_uncollectible(world: World, _asked: Obj, invoice: str) -> Obj:
    """Nobody will pay it."""
    return invoicing.close(world, world.store.get("invoice", invoice)["id"], status="uncollectible")


def send(world: World, _asked: Obj, invoice: str) -> Obj:
    """Send an invoice to its customer; a draft is finalised first."""
    row = world.store.get("invoice", invoice)
    if row["status"] == "draft":
        invoicing.finalise(world, invoice)
    world.announce("invoice.sent", row)
    return row


# Previews.


def preview(world: World, asked: Obj) -> Obj:
    """The invoice that a change, a start, or simply the next period would make; nothing of it is kept."""
    found: list[Obj] = []
    with world.store.rehearsal():
        found.append(copy.deepcopy(renewing.as_preview(_rehearsed(world, asked))))
    return found[0]


def _rehearsed(world: World, asked: Obj) -> Obj:
    details = asked.get("subscription_details") or {}
    for one in asked.get("invoice_items") or []:
        create_item(world, one | {"customer": asked.get("customer") or world.store.rows[asked["subscription"]]["customer"]})
    if "subscription" not in asked:
        return _of_new(world, asked, details)
    row = world.store.get("subscription", asked["subscription"], param="subscription")
    if row["status"] in subscribed.ENDED:
        raise ApiError("No upcoming invoices for customer", status=404, code="invoice_upcoming_none")
    before = row["latest_invoice"]
    if asked.get("discounts") not in (None, ""):
        changing.update(world, {"discounts": asked["discounts"]}, row["id"])
    if details.get("cancel_now"):
        return _of_end(world, row, details)
    _apply(world, row, details)
    if row["latest_invoice"] != before:
        return world.store.rows[row["latest_invoice"]]
    if row["cancel_at"] is not None and row["cancel_at"] <= subscribed.span_of(row).end:
        raise ApiError("No upcoming invoices for customer", status=404, code="invoice_upcoming_none")
    return renewing.renew(world, row["id"])


def _apply(world: World, row: Obj, details: Obj) -> None:
    wanted = {name: details[name] for name in ("items", "proration_behavior", "proration_date", "trial_end", "billing_cycle_anchor", "cancel_at", "cancel_at_period_end", "default_tax_rates") if name in details}
    if details.get("resume_at"):
        renewing.resume(world, row["id"], restart=details.get("billing_cycle_anchor") != "unchanged", payment="preview")
    elif wanted:
        wanted["items"] = _items(wanted.get("items"))
        if not wanted["items"]:
            del wanted["items"]
        # A change that waits for a schedule can be looked at all the same.
        world.store.edit(row["id"])["schedule"] = None
        changing.update(world, wanted | {"payment_behavior": "preview"}, row["id"])


def _items(asked: list[Obj] | None) -> list[Obj]:
    return [{name: value for name, value in one.items() if name != "clear_usage"} for one in asked or []]


def _of_new(world: World, asked: Obj, details: Obj) -> Obj:
    if not details.get("items"):
        raise ApiError("No upcoming invoices for customer", status=404, code="invoice_upcoming_none")
    if "customer" not in asked:
        raise invalid("Missing required param: customer.", param="customer", code="parameter_missing")
    wanted: Obj = {name: details[name] for name in ("trial_end", "proration_behavior", "default_tax_rates") if name in details}
    anchor = details.get("billing_cycle_anchor")
    wanted |= {"billing_cycle_anchor": anchor} if isinstance(anchor, int) else {}
    wanted |= {name: asked[name] for name in ("currency", "discounts") if asked.get(name)}
    row = starting.begin(world, wanted | {"customer": asked["customer"], "items": _items(details["items"])}, payment="preview")
    return world.store.rows[row["latest_invoice"]]


def _of_end(world: World, row: Obj, details: Obj) -> Obj:
    at = details.get("proration_date", world.now())
    held, span = subscribed.discounts_of(world, row), subscribed.span_of(row)
    back = []
    if details.get("proration_behavior", "create_prorations") != "none":
        back = lines.prorations(subscribed.items_of(world, row), [], spans=(span, None), at=at, currency=row["currency"], subscription=row["id"], discounts=held)
    return changing.invoice_now(world, row, back, at=at, payment="preview")


# What waits for the next invoice.


def create_item(world: World, asked: Obj) -> Obj:
    """A line for a draft, or for the next invoice of a customer."""
    customer = world.store.get("customer", asked.get("customer", ""), param="customer")
    invoice = world.store.get("invoice", asked["invoice"], param="invoice") if "invoice" in asked else None
    if invoice and invoice["status"] != "draft":
        raise invalid("The invoice is no longer editable.", param="invoice", code="invoice_not_editable")
    quantity = catalogue.pieces(asked, param="quantity")
    price = _item_price(world, asked)
    currency = pricing.currency_of(asked.get("currency") or (price or {}).get("currency") or customer["currency"] or "usd")
    amount = pricing.amount_of(price, quantity, currency) if price else asked.get("amount", 0)
    period = asked.get("period") or {"start": world.now(), "end": world.now()}
    row = world.new(
        "invoiceitem", "ii", amount=amount, net_amount=amount, currency=currency, customer=customer["id"], date=world.now(), description=asked.get("description") or (price or {}).get("_name"),
        discountable=asked.get("discountable", amount > 0), discounts=[], invoice=None, livemode=False, metadata=merged({}, asked.get("metadata")), period=period, proration=False,
        quantity=quantity, quantity_decimal=str(quantity), tax_rates=discounts.rates(world, asked.get("tax_rates"), param="tax_rates"), test_clock=customer["test_clock"],
        parent=_parent(asked.get("subscription")), _subscription=asked.get("subscription"), _item="", _price=price["id"] if price else None,
    )  # fmt: skip
    row["pricing"] = {"type": "price_details", "price_details": {"price": price["id"], "product": price["product"]} if price else None, "unit_amount_decimal": str(asked.get("unit_amount_decimal", amount) if not price else price["unit_amount_decimal"])}
    row["discounts"] = discounts.redeem(world, asked.get("discounts") or [], customer=customer, currency=currency, subtotal=amount, invoice_item=row["id"])
    world.add(row, event="invoiceitem.created")
    if invoice:
        kept = world.store.edit(invoice["id"])
        row["_subscription"] = row["_subscription"] or kept["_subscription"]
        [(_item, wanted)] = [found for found in invoicing.waiting(world, customer["id"], currency, row["_subscription"]) if found[0]["id"] == row["id"]]
        row["invoice"] = kept["id"]
        kept["lines"]["data"].append(lines.line(world, wanted, invoice=kept["id"], currency=kept["currency"]))
        invoicing.reckon(world, kept)
    return row


def _parent(subscription: str | None) -> Obj | None:
    return {"type": "subscription_details", "subscription_details": {"subscription": subscription, "subscription_item": None}} if subscription else None


def _item_price(world: World, asked: Obj) -> Obj | None:
    named = (asked.get("pricing") or {}).get("price")
    if named:
        return catalogue.sold(world, named, param="pricing[price]", recurring=False)
    if "price_data" in asked or "price" in asked:
        return catalogue.inline(world, asked, param="price", recurring=False)
    if "amount" not in asked and "unit_amount_decimal" in asked:
        asked["amount"] = pricing.rounded(pricing.exact(asked["unit_amount_decimal"]) * asked.get("quantity", 1))
    if "amount" not in asked:
        raise invalid("You must pass either `amount` or `pricing`.", param="amount", code="parameter_missing")
    return None


def delete_item(world: World, _asked: Obj, item: str) -> Obj:
    """Take back what waits, also from a draft."""
    row = world.store.get("invoiceitem", item)
    invoice = world.store.rows.get(row["invoice"] or "")
    if invoice and invoice["status"] != "draft":
        raise invalid("The invoice is no longer editable.", code="invoice_not_editable")
    row = world.store.edit(item)
    row["_gone"] = True
    if invoice:
        kept = world.store.edit(invoice["id"])
        kept["lines"]["data"] = [made for made in kept["lines"]["data"] if (made["parent"]["invoice_item_details"] or {}).get("invoice_item") != item]
        invoicing.reckon(world, kept)
    world.announce("invoiceitem.deleted", row)
    return deleted(row)


def items(world: World, asked: Obj) -> Obj:
    """What waits or waited, newest first."""
    wanted = {name: value for name, value in asked.items() if name in ("customer", "created", "invoice")}
    pending = asked.get("pending")
    rows = [row for row in world.store.all("invoiceitem") if fits(row, wanted) and pending in (None, row["invoice"] is None)]
    return page(world, rows, asked, url="/v1/invoiceitems")


def payments(world: World, asked: Obj) -> Obj:
    """How invoices were paid, newest first; also found by the intent."""
    wanted = {name: value for name, value in asked.items() if name in ("invoice", "status", "created")}
    intent = (asked.get("payment") or {}).get("payment_intent")
    rows = [row for row in world.store.all("invoice_payment") if fits(row, wanted) and intent in (None, row["payment"]["payment_intent"])]
    return page(world, rows, asked, url="/v1/invoice_payments")


