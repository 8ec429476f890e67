"""The product lines of a deal out of a table: products, quantities, prices and discounts stand in cells of their own, in the same order."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from crm_core.groundwork.exports.columns import names_in
from crm_core.groundwork.imports.kinds import Parsed
from crm_core.groundwork.imports.parsing import BadCell
from crm_core.sales.products.kind import folded_name
from crm_core.sales.products.models import Product
from crm_platform.kernel import money

from .kind import again, line_facts
from .models import Deal, DealLine

FIGURES = ("quantities", "prices", "discounts")
# As the form of a deal bounds them.
_MOST_QUANTITY, _MOST_PRICE = 10**12, 10**14


@dataclass(frozen=True, slots=True)
class Said:
    """A line as a row says it; `facts` are those of history, only the ones that the row gives."""

    name: str
    facts: dict[str, int]


def said_lines(row: Parsed, *, chosen: str, currency: str) -> list[Said]:
    """The lines of a row, prices in minor units of the deal's `currency`; `chosen` is the one they were read in where the row names none. Raises BadCell."""
    names = names_in(row.values.get("product", ""))
    if not any(name in row.values for name in FIGURES):
        names = list(dict.fromkeys(names))
    given: dict[str, list[Any]] = {name: row.values.get(name, []) for name in FIGURES}
    if names and any(len(figures) > len(names) for figures in given.values()):
        raise BadCell(_("There are more quantities, prices or discounts than products."))
    said = []
    for at, name in enumerate(names):
        quantity, price, discount = (figures[at] if at < len(figures) else None for figures in given.values())
        facts: dict[str, int] = {}
        if quantity is not None:
            facts["quantity_milli"] = _bounded((quantity * 1000).to_integral_value(), _MOST_QUANTITY, name)
        if price is not None:
            facts["price_minor"] = _bounded(price if row.values.get("currency") else money.minor(money.major(price, currency=chosen), currency=currency), _MOST_PRICE, name)
        if discount is not None:
            facts["discount"] = max(0, _bounded(discount, 100, name))
        said.append(Said(name, facts))
    return said


def _bounded(figure: Any, most: int, name: str) -> int:
    if abs(figure) > most:
        raise BadCell(_("“%(product)s”: a figure is too large.") % {"product": name[:60]})
    return int(figure)


def present_lines(deals: Iterable[Deal]) -> dict[int, list[DealLine]]:
    """The lines of the deals, in one statement."""
    found: dict[int, list[DealLine]] = {deal.pk: [] for deal in deals}
    for line in DealLine.objects.filter(deal__in=list(found)) if found else ():
        found[line.deal_id].append(line)
    return found


def paired(said: Sequence[Said], present: Sequence[DealLine], *, apart: Collection[str] = ()) -> list[tuple[Said, DealLine | None]]:
    """Each line of a row with the one that is there already, each of those once; None for what is new. A name that stands `apart` is only its own."""

    def key(name: str) -> str:
        return f"={name}" if name in apart else folded_name(name)

    waiting: dict[str, list[DealLine]] = {}
    for line in present:
        waiting.setdefault(key(line.name), []).append(line)
    return [(one, waiting[key(one.name)].pop(0) if waiting.get(key(one.name)) else None) for one in said]


def fresh_line(said: Said, product: Product, *, currency: str, alone: int = 0) -> dict[str, Any]:
    """The facts of a new line: a price that the row does not give is the product's in the same currency, else `alone`."""
    same = product.currency == currency and product.price_minor is not None
    return {"name": product.name, "quantity_milli": 1000, "price_minor": (product.price_minor or 0) if same else alone, "discount": 0, **said.facts}


def with_lines(deal: Deal, said: Sequence[Said], present: Sequence[DealLine], products: Mapping[str, Product], *, apart: Collection[str] = ()) -> list[dict[str, Any]] | None:
    """The lines of a deal once a row has changed and added some, as they are written; None where all stand so already."""
    rows, before = {line.pk: line_facts(line) for line in present}, [line_facts(line) for line in present]
    added = []
    for one, line in paired(said, present, apart=apart):
        if line is not None:
            rows[line.pk] |= one.facts
        else:
            added.append(fresh_line(one, products[one.name], currency=deal.currency))
    after = [*rows.values(), *added]
    return None if after == before else [again("lines", row) for row in after]
