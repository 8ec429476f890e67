"""Prices as an operator types them, in major units, and as a version keeps them.

Steps are typed as "24: 19.00, 49: 17.48, * : 15.20": up to so many each costs so much; the last has no bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext_lazy as _

from billing import pricing
from crm_platform.kernel import money
from crm_platform.kernel.errors import Conflict, Invalid
from crm_platform.kernel.reading import whole as whole_of
from crm_platform.ui.markup import figure

from . import words

ENDLESS = "*"
AT_LEAST_ONE = _("One at least.")
Wrong = dict[str, list[Any]]


class NothingChanged(Invalid):
    """The new version would be the old one."""

    code = "nothing_changed"
    sentence = _("Nothing differs from version {version}, so there is nothing to make.")


class NewerVersion(Conflict):
    """Another operator made a version meanwhile."""

    code = "newer_version"
    sentence = _("Version {version} was made meanwhile. Look at it first, and begin from there.")


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure that differs between two versions."""

    label: Any
    before: str
    after: str


def typed(stored: Mapping[str, Any]) -> dict[str, str]:
    """What the form of a new version begins with, of its prices."""
    terms = pricing.read(stored)
    given: dict[str, str] = {}
    for (currency, interval), rate in terms.rates.items():
        mark = f"{currency}_{interval}"
        given[f"base_{mark}"] = money.typed(rate.base, currency=currency)
        given[f"included_{mark}"] = str(rate.included)
        given[f"steps_{mark}"] = ", ".join(f"{ENDLESS if step.up_to is None else step.up_to}: {money.typed(step.unit, currency=currency)}" for step in rate.steps)
    return given | {f"day_{currency}": money.typed(minor, currency=currency) for currency, minor in terms.day.items()}


def read(stored: Mapping[str, Any], given: Mapping[str, str], wrong: Wrong) -> dict[str, Any]:
    """The terms that take the place of `stored`; what cannot be read is named in `wrong`."""
    prices: dict[str, dict[str, Any]] = {}
    for currency, interval in pricing.read(stored).rates:
        mark = f"{currency}_{interval}"
        rate = {"base": _sum(f"base_{mark}", given, currency, wrong), "included": whole(f"included_{mark}", given, wrong), "steps": _steps(f"steps_{mark}", given, currency, wrong)}
        prices.setdefault(currency, {})[str(interval)] = {name: value for name, value in rate.items() if value}
    day = {currency: _sum(f"day_{currency}", given, currency, wrong) for currency in stored.get("day", {})}
    return {**stored, "prices": prices, **({"day": day} if day else {})}


def whole(name: str, given: Mapping[str, str], wrong: Wrong) -> int:
    """A number that was typed; nothing is nought."""
    found = whole_of("".join(given.get(name, "").split()) or "0")
    if found is None:
        wrong[name] = [_("A whole number.")]
    return found or 0


def label_of(name: str, *, each: Any = None) -> str:
    """A price's field of the form in words; `each` names what is counted where it is not seats."""
    kind, _underscore, rest = name.partition("_")
    currency, _underscore, interval = rest.partition("_")
    what = {"base": _("base"), "included": _("seats included"), "steps": each or _("a seat"), "day": _("a day of an occasional seat")}[kind]
    return f"{currency}, {words.INTERVALS[interval]}: {what}" if interval else f"{currency}: {what}"


def grouped(text: str) -> str:
    """A whole number as people read it; anything else as it is."""
    return figure(int(text)) if text.isdecimal() else text


def differing(before: Mapping[str, str], after: Mapping[str, str], *, label: Any, shown: Any) -> list[Difference]:
    """What differs between two forms, in their order."""
    named = dict.fromkeys([*before, *after])
    return [Difference(label(name), shown(name, before), shown(name, after)) for name in named if before.get(name, "") != after.get(name, "")]


def _sum(name: str, given: Mapping[str, str], currency: str, wrong: Wrong) -> int:
    try:
        return _minor(given.get(name, "") or "0", currency)
    except ValueError:
        wrong[name] = [_("A sum such as 19 or 17.48.")]
        return 0


def _minor(text: str, currency: str) -> int:
    try:
        exact = Decimal("".join(text.split()).replace(",", ".")).scaleb(money.digits_of(currency))
    except InvalidOperation:
        raise ValueError(text) from None
    if not exact.is_finite() or exact < 0 or exact != exact.to_integral_value() or exact > 10**15:
        raise ValueError(text)
    return int(exact)


def _steps(name: str, given: Mapping[str, str], currency: str, wrong: Wrong) -> list[list[int | None]]:
    text = given.get(name, "").strip()
    try:
        return [_step(piece, currency) for piece in text.split(",")] if text else []
    except ValueError:
        wrong[name] = [_("Steps such as 24: 19.00, *: 17.48")]
        return []


def _step(piece: str, currency: str) -> list[int | None]:
    bound, colon, price = piece.partition(":")
    bound = bound.strip()
    up_to = None if bound == ENDLESS else whole_of(bound)
    if not colon or not price.strip() or (up_to is None and bound != ENDLESS):
        raise ValueError(piece)
    return [up_to, _minor(price, currency)]
