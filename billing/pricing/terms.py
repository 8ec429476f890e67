"""The terms of a plan's or an add-on's version, as they stand in its row: prices by currency and interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext_lazy as _

from crm_platform.kernel.errors import Invalid


class Interval(StrEnum):
    """How often is paid."""

    MONTH = "month"
    YEAR = "year"


class Seats(StrEnum):
    """How a plan counts people: each named one, those at work at the same time, or not at all."""

    NAMED = "named"
    CONCURRENT = "concurrent"
    UNLIMITED = "unlimited"


class BadTerms(Invalid):
    """Terms that nobody could be charged by."""

    code = "bad_terms"
    sentence = _("These terms cannot be sold: {why}")


class NotSoldSo(Invalid):
    """The version has no price in this currency and interval."""

    code = "not_sold_so"
    sentence = _("This is not sold in {currency} by the {interval}.")


@dataclass(frozen=True, slots=True)
class Step:
    """Up to so many units (None: any number) each unit costs `unit` minor units: volume pricing, the step that holds all units prices each of them."""

    up_to: int | None
    unit: int


@dataclass(frozen=True, slots=True)
class Rate:
    """What an interval costs in one currency: `base` for the whole, `included` units in it, each further one by the step of the whole number."""

    base: int
    included: int
    steps: tuple[Step, ...]

    def unit(self, quantity: int) -> int:
        """The price of each unit above the included, for so many units."""
        return next((step.unit for step in self.steps if step.up_to is None or quantity <= step.up_to), 0)

    def amount(self, quantity: int) -> int:
        """The price of so many units, base and all."""
        return self.base + self.unit(quantity) * max(0, quantity - self.included)


@dataclass(frozen=True, slots=True)
class Terms:
    """All prices of one version, and how its people are counted. `least` and `most` bound what may be bought at once; `day` is the price of an occasional seat's active day by currency."""

    seats: Seats
    least: int
    most: int | None
    rates: Mapping[tuple[str, Interval], Rate]
    day: Mapping[str, int]

    def rate(self, currency: str, interval: Interval) -> Rate:
        """Raises NotSoldSo."""
        found = self.rates.get((currency, interval))
        if found is None:
            raise NotSoldSo(currency=currency, interval=str(interval))
        return found

    @property
    def currencies(self) -> list[str]:
        """In which currencies it is sold, in the order of their names."""
        return sorted({currency for currency, _interval in self.rates})


def read(stored: Mapping[str, Any]) -> Terms:
    """The terms of a row. Raises BadTerms: also what is stored is checked, so that a wrong price is never charged."""
    try:
        rates = {
            (currency, Interval(interval)): _rate(one) for currency, intervals in stored["prices"].items() for interval, one in intervals.items()
        }  # fmt: skip
        found = Terms(Seats(stored.get("seats", "named")), int(stored.get("least", 1)), stored.get("most"), rates, dict(stored.get("day", {})))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadTerms(why=str(error)) from error
    _check(found)
    return found


def _rate(stored: Mapping[str, Any]) -> Rate:
    return Rate(_whole(stored.get("base", 0)), _whole(stored.get("included", 0)), tuple(_steps(stored.get("steps", []))))


def _steps(stored: Sequence[Sequence[Any]]) -> list[Step]:
    return [Step(None if up_to is None else _whole(up_to), _whole(unit)) for up_to, unit in stored]


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{value!r} is no whole number")
    return value


def _check(terms: Terms) -> None:
    if terms.least < 1 or (terms.most is not None and terms.most < terms.least):
        raise BadTerms(why=f"{terms.least} to {terms.most} seats")
    for (currency, interval), rate in terms.rates.items():
        bounds = [step.up_to for step in rate.steps]
        risen = [bound for bound in bounds[:-1] if bound is not None]
        if rate.base < 0 or rate.included < 0 or any(step.unit < 0 for step in rate.steps):
            raise BadTerms(why=f"a price below nought ({currency}, {interval})")
        if bounds and (bounds[-1] is not None or len(risen) < len(bounds) - 1 or sorted(set(risen)) != risen):
            raise BadTerms(why=f"steps must rise and end without a bound ({currency}, {interval})")
