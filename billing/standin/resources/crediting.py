"""Credit notes: an invoice corrected, before it is paid or after."""

from __future__ import annotations

import copy
from fractions import Fraction

from billing.standin import invoicing, pricing
from billing.standin.errors import invalid
from billing.standin.shapes import Obj, skeleton
from billing.standin.store import new_id
from billing.standin.world import World

from . import discounts, money
from .listing import fits, merged, page

_WAYS = ("refund_amount", "credit_amount", "out_of_band_amount")


def create(world: World, asked: Obj) -> Obj:
    """A credit note for an invoice; what was paid of it is refunded, put onto the balance, or settled elsewhere."""
    invoice = world.store.get("invoice", asked["invoice"], param="invoice")
    if invoice["status"] not in ("open", "paid", "uncollectible"):
        raise invalid(f"You cannot issue a credit note on an invoice that is {invoice['status']}.", param="invoice")
    row = _row(world, invoice, asked)
    credited = sum(one["total"] for one in world.store.all("credit_note", invoice=invoice["id"], status="issued"))
    if not 0 < row["total"] <= invoice["total"] - credited:
        raise invalid(f"The amount of the credit note ({row['total']}) is greater than what can be credited ({invoice['total'] - credited}).", param="amount")
    world.store.add(row)
    if invoice["status"] == "paid":
        _after_payment(world, invoice, row, asked)
    else:
        _before_payment(world, invoice, row)
    world.announce("credit_note.created", row)
    return row


def preview(world: World, asked: Obj) -> Obj:
    """The same, not kept."""
    found: list[Obj] = []
    with world.store.rehearsal():
        found.append(copy.deepcopy(create(world, asked)))
    return found[0]


def _row(world: World, invoice: Obj, asked: Obj) -> Obj:
    number = len(world.store.all("credit_note", invoice=invoice["id"])) + 1
    row = world.new(
        "credit_note", "cn", currency=invoice["currency"], customer=invoice["customer"], invoice=invoice["id"], livemode=False, memo=asked.get("memo"), reason=asked.get("reason"),
        metadata=merged({}, asked.get("metadata")), number=f"{invoice['number']}-CN-{number:02d}", status="issued", type="pre_payment", effective_at=asked.get("effective_at", world.now()),
        refunds=[], discount_amounts=[], pretax_credit_amounts=[], out_of_band_amount=None, pre_payment_amount=0, post_payment_amount=0,
    )  # fmt: skip
    row["pdf"] = f"{world.place.public}/i/{invoice['id']}/pdf"
    lines = [_line(world, invoice, one, n) for n, one in enumerate(asked.get("lines") or [])] or [_whole(invoice, asked)]
    row["lines"] = {"object": "list", "data": lines, "has_more": False, "url": f"/v1/credit_notes/{row['id']}/lines"}
    taxes = _taxes(lines)
    tax = sum(one["amount"] for one in taxes if one["tax_behavior"] == "exclusive")
    row["discount_amount"] = sum(line["discount_amount"] for line in lines)
    row["subtotal"] = sum(line["amount"] for line in lines)
    row["total_excluding_tax"] = row["subtotal"] - row["discount_amount"] - sum(one["amount"] for one in taxes if one["tax_behavior"] == "inclusive")
    row["subtotal_excluding_tax"] = row["subtotal"]
    row["total"] = row["amount"] = row["subtotal"] - row["discount_amount"] + tax
    row["total_taxes"] = taxes
    return row


def _taxes(lines: list[Obj]) -> list[Obj]:
    found: dict[str, Obj] = {}
    for line in lines:
        for one in line["taxes"]:
            kept = found.setdefault(one["tax_rate_details"]["tax_rate"], one | {"amount": 0, "taxable_amount": 0})
            kept["amount"] += one["amount"]
            kept["taxable_amount"] += one["taxable_amount"]
    return list(found.values())


def _made(**values: object) -> Obj:
    return skeleton("credit_note_line_item") | {"id": new_id("cnli"), "livemode": False, "metadata": {}, "discount_amounts": [], "pretax_credit_amounts": [], "tax_rates": [], "taxes": []} | values


def _whole(invoice: Obj, asked: Obj) -> Obj:
    """Only a sum was named: its tax is in the invoice's own proportion."""
    amount = asked.get("amount", sum(asked.get(way, 0) for way in _WAYS))
    share = Fraction(amount, invoice["total"]) if invoice["total"] else Fraction(0)
    taxes = [_part(one, share) for one in invoice["total_taxes"]]
    net = amount - sum(one["amount"] for one in taxes if one["tax_behavior"] == "exclusive")
    return _made(type="custom_line_item", amount=net, description=asked.get("memo") or "Credit", quantity=1, unit_amount=net, unit_amount_decimal=str(net), taxes=taxes)


def _part(tax: Obj, share: Fraction) -> Obj:
    return tax | {"amount": pricing.rounded(tax["amount"] * share), "taxable_amount": pricing.rounded((tax["taxable_amount"] or 0) * share)}


def _line(world: World, invoice: Obj, one: Obj, number: int) -> Obj:
    if one["type"] == "custom_line_item":
        amount = one.get("unit_amount", 0) * one.get("quantity", 1)
        rates = discounts.rates(world, one.get("tax_rates"), param=f"lines[{number}][tax_rates]")
        taxes = [{"amount": pricing.rounded(amount * pricing.exact(rate["percentage"]) / 100), "tax_behavior": "exclusive", "tax_rate_details": {"tax_rate": rate["id"]}, "taxability_reason": "standard_rated", "taxable_amount": amount, "type": "tax_rate_details"} for rate in rates]
        return _made(type="custom_line_item", amount=amount, description=one.get("description"), quantity=one.get("quantity", 1), unit_amount=one.get("unit_amount", 0), unit_amount_decimal=str(one.get("unit_amount", 0)), taxes=taxes)
    source = next((line for line in invoice["lines"]["data"] if line["id"] == one.get("invoice_line_item")), None)
    if source is None:
        raise invalid("No such invoice line item.", param=f"lines[{number}][invoice_line_item]", code="resource_missing")
    whole = source["amount"] or 1
    share = Fraction(one["amount"], whole) if "amount" in one else Fraction(one.get("quantity", source["quantity"]), source["quantity"])
    off = [{"amount": pricing.rounded(part["amount"] * share), "discount": part["discount"]} for part in source["discount_amounts"]]
    amount = pricing.rounded(source["amount"] * share)
    return _made(
        type="invoice_line_item", amount=amount, description=one.get("description") or source["description"], invoice_line_item=source["id"], quantity=one.get("quantity"),
        discount_amount=sum(part["amount"] for part in off), discount_amounts=off, taxes=[_part(tax, share) for tax in source["taxes"]], unit_amount=None, unit_amount_decimal=None,
    )  # fmt: skip


def _before_payment(world: World, invoice: Obj, row: Obj) -> None:
    if row["total"] > invoice["amount_remaining"]:
        raise invalid("The amount of the credit note is greater than what remains to be paid.", param="amount")
    row["pre_payment_amount"] = row["total"]
    kept = world.store.edit(invoice["id"])
    kept["pre_payment_credit_notes_amount"] += row["total"]
    kept["amount_due"] -= row["total"]
    kept["amount_remaining"] -= row["total"]
    if kept["_intent"]:
        world.store.edit(kept["_intent"])["amount"] = max(kept["amount_due"], 0)
    if kept["amount_remaining"] == 0:
        invoicing.settle(world, invoice["id"], outside=True)


def _after_payment(world: World, invoice: Obj, row: Obj, asked: Obj) -> None:
    linked = asked.get("refunds") or []
    ways = {way: asked.get(way, 0) for way in _WAYS}
    given = sum(ways.values()) + sum(one.get("amount_refunded", 0) for one in linked)
    if given != row["total"]:
        raise invalid(f"The sum of credit amount, refund amount and out of band amount ({given}) must equal the amount of the credit note ({row['total']}).", param="amount")
    row |= {"type": "post_payment", "post_payment_amount": row["total"], "out_of_band_amount": ways["out_of_band_amount"] or None}
    world.store.edit(invoice["id"])["post_payment_credit_notes_amount"] += row["total"]
    for one in linked:
        world.store.get("refund", one.get("refund", ""), param="refunds[0][refund]")
        row["refunds"].append({"amount_refunded": one.get("amount_refunded", 0), "refund": one["refund"], "payment_record_refund": None, "type": "refund"})
    if ways["refund_amount"]:
        made = money.refund(world, {"payment_intent": invoice.get("_intent") or "", "amount": ways["refund_amount"], "metadata": {"credit_note": row["id"]}})
        row["refunds"].append({"amount_refunded": made["amount"], "refund": made["id"], "payment_record_refund": None, "type": "refund"})
    if ways["credit_amount"]:
        customer = world.store.edit(invoice["customer"])
        line = invoicing.move_balance(world, customer, amount=-ways["credit_amount"], currency=row["currency"], kind="credit_note", credit_note=row["id"])
        row["customer_balance_transaction"] = line["id"]


def update(world: World, asked: Obj, note: str) -> Obj:
    """Change what stands beside a note."""
    world.store.get("credit_note", note)
    with world.changing(note, "credit_note.updated") as row:
        row["metadata"] = merged(row["metadata"], asked.get("metadata"))
        row["memo"] = asked.get("memo", row["memo"])
    return row


def void(world: World, _asked: Obj, note: str) -> Obj:
    """Take a note back while its invoice is open."""
    row = world.store.get("credit_note", note)
    invoice = world.store.rows[row["invoice"]]
    if row["status"] != "issued" or invoice["status"] != "open" or row["type"] != "pre_payment":
        raise invalid("You can only void credit notes of open invoices.")
    row = world.store.edit(note)
    row |= {"status": "void", "voided_at": world.now()}
    kept = world.store.edit(invoice["id"])
    kept["pre_payment_credit_notes_amount"] -= row["total"]
    kept["amount_due"] += row["total"]
    kept["amount_remaining"] += row["total"]
    world.announce("credit_note.voided", row)
    return row


def listing(world: World, asked: Obj) -> Obj:
    """Notes, newest first."""
    rows = [row for row in world.store.all("credit_note") if fits(row, {name: value for name, value in asked.items() if name in ("customer", "invoice", "created")})]
    return page(world, rows, asked, url="/v1/credit_notes")


def lines_of(world: World, asked: Obj, note: str) -> Obj:
    """The lines of a note."""
    data = world.store.get("credit_note", note)["lines"]["data"]
    limit = asked.get("limit", 10)
    return {"object": "list", "data": data[:limit], "has_more": len(data) > limit, "url": f"/v1/credit_notes/{note}/lines"}
