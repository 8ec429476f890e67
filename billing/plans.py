"""The plans and add-ons as data: design section 6, first version. A change of a figure is a new version; the old one stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

GB = 1024**3
TRIAL = "trial"
TRIAL_DAYS = 21
TRIAL_SEATS = 10
FREE = "free"
# What a trial gives.
TRIED = "business"
# Not among the four that everybody sees first.
SPECIAL = frozenset({"everyone", "crew"})
# Modules. The first two are in every plan; mass mailings are in the larger ones, and bought apart in the others.
MODULES = ("automation", "chats")
ALL_MODULES = (*MODULES, "mailings")


@dataclass(frozen=True, slots=True)
class PlanData:
    """One version of a plan. `terms` as `pricing.terms.read` takes them."""

    code: str
    version: int
    order: int
    limits: Mapping[str, int | None]
    terms: Mapping[str, Any]
    features: tuple[str, ...] = MODULES


@dataclass(frozen=True, slots=True)
class AddOnData:
    """One version of a packet or module. `gives` maps a limit to what is added to it, or a module to true."""

    code: str
    version: int
    gives: Mapping[str, int | bool]
    terms: Mapping[str, Any] = field(default_factory=dict)


NAMES: dict[str, str | _StrPromise] = {
    "free": _("Free"), "start": _("Start"), "team": _("Team"), "business": _("Business"), TRIAL: _("Trial"),
    "crew": _("Crew"), "everyone": _("Everyone"),
    "contacts_10k": _("10,000 contacts more"), "storage_50": _("50 GB more"), "runs_50k": _("50,000 automation runs more"), "mailings": _("Mass mailings"),
}  # fmt: skip
# An occasional seat's active day costs a tenth of the seat's month.
_DAYS = 10


def _limits(**given: Any) -> dict[str, int | None]:
    return {"viewers": 10, **given}


def _terms(prices: Mapping[str, tuple[int, int]], *, steps: tuple[tuple[int | None, int], ...] = ((None, 100),), **more: Any) -> dict[str, Any]:
    """Terms by the price of a seat: currency → (a month paid monthly, a month paid yearly). `steps`: from the first, up to so many seats at so many percent."""
    rates = {
        currency: {
            "month": {"steps": [[up_to, monthly * percent // 100] for up_to, percent in steps]},
            "year": {"steps": [[up_to, 12 * yearly * percent // 100] for up_to, percent in steps]},
        }
        for currency, (monthly, yearly) in prices.items()
    }
    return {"seats": "named", "prices": rates, "day": {currency: monthly // _DAYS for currency, (monthly, _yearly) in prices.items()}, **more}


def _flat(prices: Mapping[str, tuple[int, int]], **more: Any) -> dict[str, Any]:
    """Terms by one price for the whole: currency → (a month paid monthly, a month paid yearly)."""
    return {"seats": "unlimited", "prices": {code: {"month": {"base": monthly}, "year": {"base": 12 * yearly}} for code, (monthly, yearly) in prices.items()}, **more}


def _each(prices: Mapping[str, tuple[int, int]]) -> dict[str, Any]:
    """Terms of what may be bought several times, by the price of one: currency → (a month paid monthly, a month paid yearly)."""
    return {"prices": {code: {"month": {"steps": [[None, monthly]]}, "year": {"steps": [[None, 12 * yearly]]}} for code, (monthly, yearly) in prices.items()}}


# The more seats, the cheaper each: R315.
_VOLUME = ((24, 100), (49, 92), (99, 86), (None, 80))

PLANS = (
    PlanData("free", 1, 0, _limits(
        users=5, contacts=5_000, deals_open=1_000, pipelines=3, fields=25, automations=10, automation_runs=1_000,
        storage=5 * GB, mailboxes=2, forms=3, api_rate=5, journal_days=30,
    ), _terms({"EUR": (0, 0), "RUB": (0, 0), "UZS": (0, 0), "USD": (0, 0)})),
    PlanData("start", 1, 1, _limits(
        users=15, contacts=25_000, deals_open=10_000, pipelines=10, fields=50, automations=50, automation_runs=10_000,
        storage=20 * GB, mailboxes=5, forms=10, api_rate=7, journal_days=90,
    ), _terms({"EUR": (900, 700), "RUB": (89_000, 69_000), "UZS": (9_900_000, 7_900_000), "USD": (900, 700)}, steps=_VOLUME)),
    PlanData("team", 1, 2, _limits(
        users=100, contacts=100_000, deals_open=None, pipelines=50, fields=150, automations=300, automation_runs=100_000,
        storage=100 * GB, mailboxes=30, forms=50, api_rate=15, journal_days=365,
    ), _terms({"EUR": (1_900, 1_500), "RUB": (189_000, 149_000), "UZS": (20_900_000, 16_900_000), "USD": (1_900, 1_500)}, steps=_VOLUME), ALL_MODULES),
    PlanData("business", 1, 3, _limits(
        users=None, contacts=500_000, deals_open=None, pipelines=None, fields=300, automations=1_000, automation_runs=1_000_000,
        storage=500 * GB, mailboxes=None, forms=None, api_rate=30, journal_days=None,
    ), _terms({"EUR": (3_600, 2_900), "RUB": (359_000, 289_000), "UZS": (39_900_000, 31_900_000), "USD": (3_600, 2_900)}, steps=_VOLUME), ALL_MODULES),
    # All people at one price (R324), and k at work at the same time out of any number of named people (R316).
    PlanData("everyone", 1, 4, _limits(
        users=None, contacts=500_000, deals_open=None, pipelines=None, fields=300, automations=1_000, automation_runs=1_000_000,
        storage=500 * GB, mailboxes=None, forms=None, api_rate=30, journal_days=None,
    ), _flat({"EUR": (149_000, 119_000), "RUB": (14_900_000, 11_900_000), "UZS": (1_640_000_000, 1_310_000_000), "USD": (149_000, 119_000)}), ALL_MODULES),
    PlanData("crew", 1, 5, _limits(
        users=None, contacts=100_000, deals_open=None, pipelines=50, fields=150, automations=300, automation_runs=100_000,
        storage=100 * GB, mailboxes=30, forms=50, api_rate=15, journal_days=365,
    ), _terms({"EUR": (3_800, 3_000), "RUB": (378_000, 298_000), "UZS": (41_800_000, 33_800_000), "USD": (3_800, 3_000)}, steps=_VOLUME, seats="concurrent"), ALL_MODULES),
)  # fmt: skip

ADD_ONS = (
    AddOnData("contacts_10k", 1, {"contacts": 10_000}, _each({"EUR": (900, 700), "RUB": (89_000, 69_000), "UZS": (9_900_000, 7_900_000), "USD": (900, 700)})),
    AddOnData("storage_50", 1, {"storage": 50 * GB}, _each({"EUR": (700, 500), "RUB": (69_000, 49_000), "UZS": (7_700_000, 5_500_000), "USD": (700, 500)})),
    AddOnData("runs_50k", 1, {"automation_runs": 50_000}, _each({"EUR": (900, 700), "RUB": (89_000, 69_000), "UZS": (9_900_000, 7_900_000), "USD": (900, 700)})),
    AddOnData("mailings", 1, {"mailings": True}, _flat({"EUR": (1_500, 1_200), "RUB": (149_000, 119_000), "UZS": (16_500_000, 13_200_000), "USD": (1_500, 1_200)})),
)
