"""Lines of an invoice: the recurring, the prorated, and what discounts and taxes make of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction

from . import pricing
from .shapes import Obj
from .world import World


@dataclass
class Item:
    """One item of a subscription: what, how many, taxed how."""

    id: str
    price: Obj
    quantity: int
    tax_rates: list[Obj] = field(default_factory=list)

    def amount(self, currency: str) -> int:
        """What it costs for one period."""
        return pricing.amount_of(self.price, self.quantity, currency)


@dataclass(frozen=True)
class Span:
    """From when until when."""

    start: int
    end: int

    def left(self, at: int) -> Fraction:
        """The share that is still ahead, by the second."""
        if self.end <= self.start:
            return Fraction(0)
        return Fraction(min(max(self.end - at, 0), self.end - self.start), self.end - self.start)


@dataclass
class Wanted:
    """A line to be made."""

    amount: int
    description: str
    span: Span
    quantity: int = 1
    price: Obj | None = None
    item: str = ""
    subscription: str = ""
    invoice_item: str = ""
    proration: bool = False
    discountable: bool = True
    tax_rates: list[Obj] = field(default_factory=list)
    metadata: Obj = field(default_factory=dict)
    discount_amounts: list[Obj] = field(default_factory=list)
    discounts: list[str] = field(default_factory=list)


def recurring(items: Sequence[Item], span: Span, *, currency: str, subscription: str, share: Fraction = Fraction(1), trial: bool = False) -> list[Wanted]:
    """The lines of a period, or of the share of one; of a trial they cost nothing."""
    found = []
    for item in items:
        amount = 0 if trial else pricing.rounded(item.amount(currency) * share)
        text = f"Trial period for {item.price['_name']}" if trial else f"{item.quantity} × {item.price['_name']}{_each(item.price, currency)}"
        found.append(Wanted(amount, text, span, item.quantity, item.price, item.id, subscription, tax_rates=item.tax_rates))
    return found


def _each(price: Obj, currency: str) -> str:
    interval = price["recurring"]["interval"] if price["recurring"] else ""
    if price["billing_scheme"] == "tiered":
        return f" (in steps / {interval})"
    each = pricing.money(pricing.amount_of(price, 1, currency), currency)
    return f" (at {each} / {interval})" if interval else f" (at {each})"


def prorations(
    old: Sequence[Item], new: Sequence[Item], *, spans: tuple[Span, Span | None], at: int, currency: str, subscription: str, discounts: Sequence[Obj]
) -> list[Wanted]:
    """Credits for what is taken back and charges for what is taken instead, of the rest of the period.

    The second span is that of the new items where the interval changes; None says their own full lines follow, and no charge is made here.
    """
    before, after = spans
    kept = {item.id: item for item in new}
    unchanged = {item.id for item in old if item.id in kept and _same(item, kept[item.id]) and after == before}
    credited = [item for item in old if item.id not in unchanged]
    charged = [item for item in new if item.id not in unchanged] if after else []
    found = [_prorated(item, before, at, -1, currency, subscription, _net(old, currency, discounts)) for item in credited]
    found += [_prorated(item, after, at, 1, currency, subscription, _net(new, currency, discounts)) for item in charged if after]
    return [line for line in found if line.amount or line.discount_amounts]


def _same(one: Item, other: Item) -> bool:
    return one.price["id"] == other.price["id"] and one.quantity == other.quantity


def _net(items: Sequence[Item], currency: str, discounts: Sequence[Obj]) -> dict[str, list[tuple[str, int]]]:
    """By item: what each discount takes off its full period."""
    amounts = [item.amount(currency) for item in items]
    taken: dict[str, list[tuple[str, int]]] = {item.id: [] for item in items}
    left = amounts
    for discount in discounts:
        parts = discounted(discount["_coupon"], left, [item.price for item in items], currency)
        left = [amount - part for amount, part in zip(left, parts, strict=True)]
        for item, part in zip(items, parts, strict=True):
            taken[item.id].append((discount["id"], part))
    return taken


def _prorated(item: Item, span: Span, at: int, sign: int, currency: str, subscription: str, taken: dict[str, list[tuple[str, int]]]) -> Wanted:
    share = span.left(at)
    off: list[Obj] = [{"discount": discount, "amount": sign * pricing.rounded(part * share)} for discount, part in taken[item.id] if part]
    amount = sign * pricing.rounded(item.amount(currency) * share) - sum(one["amount"] for one in off)
    word = "Remaining" if sign > 0 else "Unused"
    day = datetime.fromtimestamp(at, UTC)
    text = f"{word} time on {item.quantity} × {item.price['_name']} after {day:%d %b %Y}"
    return Wanted(amount, text, Span(at, span.end), item.quantity, item.price, item.id, subscription, proration=True, discountable=False, tax_rates=item.tax_rates, discount_amounts=off)


def discounted(coupon: Obj, amounts: Sequence[int], prices: Sequence[Obj | None], currency: str) -> list[int]:
    """What a coupon takes off each amount."""
    meant = coupon["_products"]
    open_ = [max(amount, 0) if not meant or (price and price["product"] in meant) else 0 for amount, price in zip(amounts, prices, strict=True)]
    if coupon["percent_off"] is not None:
        return [pricing.rounded(amount * pricing.exact(coupon["percent_off"]) / 100) for amount in open_]
    off = coupon["amount_off"] if coupon["currency"] == currency else coupon["_currency_options"].get(currency, {}).get("amount_off", 0)
    return pricing.shared_out(min(int(off), sum(open_)), open_)


def line(world: World, wanted: Wanted, *, invoice: str, currency: str) -> Obj:
    """A line as the service shows it, before discounts and taxes of the invoice."""
    made = world.new(
        "line_item", "il", amount=wanted.amount, subtotal=wanted.amount, currency=currency, description=wanted.description, invoice=invoice, livemode=False,
        discountable=wanted.discountable, discounts=[], discount_amounts=[], quantity=wanted.quantity, quantity_decimal=str(wanted.quantity),
        metadata=dict(wanted.metadata), pretax_credit_amounts=[], taxes=[], subscription=wanted.subscription or None,
        period={"start": wanted.span.start, "end": wanted.span.end}, pricing=_pricing(wanted, currency), parent=_parent(wanted),
    )  # fmt: skip
    # What the sums are made of anew: the line's own discounts and the rates of its tax.
    return made | {"_rates": wanted.tax_rates, "_own": list(wanted.discounts)}


def _pricing(wanted: Wanted, currency: str) -> Obj | None:
    if wanted.price is None:
        whole = wanted.quantity and not wanted.amount % wanted.quantity
        return {"type": "price_details", "price_details": None, "unit_amount_decimal": str(wanted.amount // wanted.quantity if whole else wanted.amount)}
    each = None if wanted.price["billing_scheme"] == "tiered" else str(pricing.amount_of(wanted.price, 1, currency))
    if each is not None and wanted.price["currency"] == currency:
        each = wanted.price["unit_amount_decimal"]
    return {"type": "price_details", "price_details": {"price": wanted.price["id"], "product": wanted.price["product"]}, "unit_amount_decimal": each}


def _parent(wanted: Wanted) -> Obj:
    shared = {"invoice_item": wanted.invoice_item or None, "proration": wanted.proration, "proration_details": {"credited_items": None} if wanted.proration else None, "subscription": wanted.subscription or None}
    if wanted.item and not wanted.invoice_item:
        return {"type": "subscription_item_details", "invoice_item_details": None, "subscription_item_details": shared | {"subscription_item": wanted.item}}
    return {"type": "invoice_item_details", "invoice_item_details": shared, "subscription_item_details": None}


def add_up(invoice: Obj, discounts: Sequence[Obj], own: Sequence[Obj] = (), *, exempt: str = "none") -> None:
    """The sums of an invoice from its lines: discounts one after the other, then tax by line, each rounded once."""
    lines = invoice["lines"]["data"]
    net = [made["amount"] for made in lines]
    prices = [{"product": made["pricing"]["price_details"]["product"]} if made["pricing"] and made["pricing"]["price_details"] else None for made in lines]
    totals: dict[str, int] = {}
    for made in lines:
        made["discount_amounts"], made["discounts"] = [], []
    for discount in (*own, *discounts):
        meant = [bool(made["discountable"]) and (discount in discounts or discount["id"] in made["_own"]) for made in lines]
        parts = discounted(discount["_coupon"], [amount if fits else 0 for amount, fits in zip(net, meant, strict=True)], prices, invoice["currency"])
        for n, part in enumerate(parts):
            net[n] -= part
            if meant[n]:
                lines[n]["discounts"].append(discount["id"])
                lines[n]["discount_amounts"].append({"amount": part, "discount": discount["id"]})
        totals[discount["id"]] = totals.get(discount["id"], 0) + sum(parts)
    invoice["total_discount_amounts"] = [{"amount": amount, "discount": discount} for discount, amount in totals.items()]
    invoice["subtotal"] = sum(made["amount"] for made in lines)
    _tax(invoice, lines, net, exempt)


def _tax(invoice: Obj, lines: list[Obj], net: list[int], exempt: str) -> None:
    totals: dict[str, Obj] = {}
    added = inclusive = 0
    for made, amount in zip(lines, net, strict=True):
        made["taxes"] = [_taxed(rate, amount, exempt, sum(one["percentage"] for one in made["_rates"] if one["inclusive"])) for rate in made["_rates"]]
        for tax in made["taxes"]:
            kept = totals.setdefault(tax["tax_rate_details"]["tax_rate"], tax | {"amount": 0, "taxable_amount": 0})
            kept["amount"] += tax["amount"]
            kept["taxable_amount"] += tax["taxable_amount"]
            added += tax["amount"] if tax["tax_behavior"] == "exclusive" else 0
            inclusive += tax["amount"] if tax["tax_behavior"] == "inclusive" else 0
    invoice["total_taxes"] = list(totals.values())
    invoice["total_excluding_tax"] = sum(net) - inclusive
    invoice["subtotal_excluding_tax"] = invoice["subtotal"] - inclusive
    invoice["total"] = sum(net) + added


def _taxed(rate: Obj, amount: int, exempt: str, inclusive: float) -> Obj:
    share = pricing.exact(rate["percentage"]) / 100
    whole = 1 + pricing.exact(inclusive) / 100 if rate["inclusive"] else Fraction(1)
    tax = pricing.rounded(amount / whole * share) if exempt == "none" else 0
    reason = {"none": "standard_rated", "exempt": "customer_exempt", "reverse": "reverse_charge"}[exempt]
    return {
        "amount": tax, "tax_behavior": "inclusive" if rate["inclusive"] else "exclusive", "tax_rate_details": {"tax_rate": rate["id"]},
        "taxability_reason": reason, "taxable_amount": amount - tax if rate["inclusive"] else amount, "type": "tax_rate_details",
    }  # fmt: skip
