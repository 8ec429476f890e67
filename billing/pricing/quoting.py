"""What a choice costs: lines, discount, tax, total. The price page, the preview and a transfer's invoice all ask here.

Rounding: each line's discount and tax is rounded once, half away from nought; totals are the sums of the lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from .terms import Interval, Rate

_WHOLE = 10_000


def part(amount: int, share: int, whole: int) -> int:
    """`amount` × `share` / `whole`, rounded half away from nought. `whole` above nought."""
    exact = abs(amount) * share * 2 + whole
    rounded = exact // (whole * 2)
    return rounded if amount >= 0 else -rounded


@dataclass(frozen=True, slots=True)
class Discount:
    """Off every line by percent (`percent_bp`, hundredths of a percent), or an amount in one currency spread over the lines."""

    code: str
    percent_bp: int = 0
    amount: int = 0
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a quote or an invoice. `ref` names what is sold ("plan:team:1:seats", "addon:contacts:1"); `amount` is before discount and tax."""

    ref: str
    quantity: int
    unit: int
    amount: int
    discount: int = 0
    tax: int = 0

    @property
    def net(self) -> int:
        """After the discount, before tax."""
        return self.amount - self.discount


@dataclass(frozen=True, slots=True)
class Quote:
    """Lines with what they sum to, in minor units of `currency`."""

    currency: str
    lines: tuple[Line, ...]

    @property
    def subtotal(self) -> int:
        return sum(line.amount for line in self.lines)

    @property
    def discount(self) -> int:
        return sum(line.discount for line in self.lines)

    @property
    def tax(self) -> int:
        return sum(line.tax for line in self.lines)

    @property
    def total(self) -> int:
        """What is to be paid."""
        return self.subtotal - self.discount + self.tax


@dataclass(frozen=True, slots=True)
class Item:
    """Something chosen: what it is, by which rate, how much of it."""

    ref: str
    rate: Rate
    quantity: int


def lines_of(items: Sequence[Item]) -> list[Line]:
    """What the items cost for one interval, one line for a base price and one for the units."""
    lines: list[Line] = []
    for item in items:
        if item.rate.base:
            lines.append(Line(f"{item.ref}:base", 1, item.rate.base, item.rate.base))
        if item.rate.steps:
            unit, units = item.rate.unit(item.quantity), max(0, item.quantity - item.rate.included)
            lines.append(Line(item.ref, units, unit, unit * units))
    return lines


def quote(lines: Sequence[Line], currency: str, *, discount: Discount | None = None, tax_bp: int = 0) -> Quote:
    """Discount and tax on lines. A discount never takes a line below nought, an amount in another currency takes nothing off."""
    given = _discounts(lines, currency, discount)
    reduced = [replace(line, discount=off) for line, off in zip(lines, given, strict=True)]
    return Quote(currency, tuple(replace(line, tax=part(line.net, tax_bp, _WHOLE)) for line in reduced))


def _discounts(lines: Sequence[Line], currency: str, discount: Discount | None) -> list[int]:
    if discount is None:
        return [0] * len(lines)
    if discount.percent_bp:
        return [part(line.amount, min(discount.percent_bp, _WHOLE), _WHOLE) for line in lines]
    return spread(min(discount.amount, max(0, sum(line.amount for line in lines))), [line.amount for line in lines]) if discount.currency == currency else [0] * len(lines)


def spread(amount: int, over: Sequence[int]) -> list[int]:
    """Split `amount` in the proportion of `over` so that the parts sum to it exactly: what rounding leaves goes to the largest remainders, the first of equals first."""
    weights = [max(0, one) for one in over]
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    parts = [amount * weight // whole for weight in weights]
    order = sorted(range(len(weights)), key=lambda at: (-(amount * weights[at] % whole), at))
    for at in order[: amount - sum(parts)]:
        parts[at] += 1
    return parts


def yearly_saving(monthly: Rate, yearly: Rate, quantity: int) -> int:
    """How much a year paid at once saves against twelve months."""
    return 12 * monthly.amount(quantity) - yearly.amount(quantity)


def a_month(amount: int, interval: Interval) -> int:
    """An interval's amount as a month's: MRR's figure (billing.md 2.12)."""
    return amount if interval is Interval.MONTH else part(amount, 1, 12)
