"""The calculator of the price page: what was chosen, and what it comes to by the arithmetic of the first bill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from billing import catalogue, plans, pricing
from billing.models import AddOnVersion, PlanVersion
from billing.pricing import Interval, Quote
from billing.pricing.terms import Seats
from billing.providers.protocol import Target
from crm_platform.kernel.reading import whole

CURRENCIES = ("EUR", "USD", "RUB", "UZS")
MOST_SEATS, MOST_PACKETS, FIRST_SEEN = 500, 100, 7


@dataclass(frozen=True, slots=True)
class Choice:
    """What the reader asks about. `plan` "" is the smallest that holds everybody."""

    seats: int
    yearly: bool
    currency: str
    plan: str = ""
    add_ons: Mapping[str, int] = field(default_factory=dict)

    @property
    def interval(self) -> Interval:
        """How often is paid."""
        return Interval.YEAR if self.yearly else Interval.MONTH


def read(values: Mapping[str, str], *, add_ons: Sequence[AddOnVersion]) -> Choice:
    """A choice out of an address: what cannot be is brought to the nearest that can."""
    asked, currency = whole(values.get("seats")), values.get("currency", "EUR")
    counts = {one.code: _bounded(whole(values.get(f"addon:{one.code}")), most=1 if is_module(one) else MOST_PACKETS) for one in add_ons}
    return Choice(
        FIRST_SEEN if asked is None else max(1, _bounded(asked, most=MOST_SEATS)),
        "yearly" in values if "seats" in values else values.get("yearly", "1") == "1",
        currency if currency in CURRENCIES else "EUR",
        values.get("plan", ""),
        {code: count for code, count in counts.items() if count},
    )


def is_module(version: AddOnVersion) -> bool:
    """A module is had or not; a packet is had several times."""
    return any(given is True for given in version.gives.values())


def holds(version: PlanVersion, choice: Choice) -> bool:
    """Whether the plan can be bought for so many people."""
    most = catalogue.most_seats(version)
    return most is None or choice.seats <= most


def enough(choice: Choice, versions: Sequence[PlanVersion]) -> PlanVersion | None:
    """The smallest of the four that holds everybody."""
    return next((version for version in versions if version.code not in plans.SPECIAL and holds(version, choice)), None)


def chosen(choice: Choice, versions: Sequence[PlanVersion]) -> PlanVersion:
    """The plan that is counted: the one that was asked for, else the smallest of the four that holds everybody."""
    asked = next((version for version in versions if version.code == choice.plan), None)
    return asked or enough(choice, versions) or versions[-1]


def target_of(choice: Choice, version: PlanVersion, add_ons: Sequence[AddOnVersion]) -> Target:
    """The same as somebody would buy it. A module that is in the plan is not bought beside it; beside Free nothing is."""
    bought = {} if version.code == plans.FREE else choice.add_ons
    wanted = {f"{one.code}:{one.version}": bought[one.code] for one in add_ons if one.code in bought and not (is_module(one) and one.code in version.features)}
    terms = pricing.read(version.terms)
    seats = 1 if terms.seats == Seats.UNLIMITED else max(choice.seats, terms.least)  # fewer are not sold
    return Target(version.code, version.version, seats, choice.interval, choice.currency, wanted)


def quote_of(target: Target) -> Quote:
    """What an interval of it comes to before tax: the lines of the first bill."""
    return pricing.quote(pricing.lines_of(catalogue.items_of(target)), target.currency)


def _bounded(count: int | None, *, most: int) -> int:
    return min(most, max(0, count or 0))
