"""The plans as data: design section 6, first version. A change of a figure is a new version; the old one stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

GB = 1024**3
TRIAL = "trial"
TRIAL_DAYS = 21
TRIAL_SEATS = 10
FREE = "free"


@dataclass(frozen=True, slots=True)
class PlanData:
    """One version of a plan. `prices`: currency → (a seat a month paid monthly, paid yearly) in minor units."""

    code: str
    version: int
    order: int
    limits: Mapping[str, int | None]
    prices: Mapping[str, tuple[int, int]]


NAMES: dict[str, str | _StrPromise] = {
    "free": _("Free"), "start": _("Start"), "team": _("Team"), "business": _("Business"), TRIAL: _("Trial"),
}  # fmt: skip


def _limits(**given: Any) -> dict[str, int | None]:
    return {"viewers": 10, **given}


PLANS = (
    PlanData("free", 1, 0, _limits(
        users=5, contacts=5_000, deals_open=1_000, pipelines=3, fields=25, automations=10, automation_runs=1_000,
        storage=5 * GB, mailboxes=2, forms=3, api_rate=5, journal_days=30,
    ), {"EUR": (0, 0), "RUB": (0, 0), "UZS": (0, 0), "USD": (0, 0)}),
    PlanData("start", 1, 1, _limits(
        users=15, contacts=25_000, deals_open=10_000, pipelines=10, fields=50, automations=50, automation_runs=10_000,
        storage=20 * GB, mailboxes=5, forms=10, api_rate=7, journal_days=90,
    ), {"EUR": (900, 700), "RUB": (89_000, 69_000), "UZS": (9_900_000, 7_900_000), "USD": (900, 700)}),
    PlanData("team", 1, 2, _limits(
        users=100, contacts=100_000, deals_open=None, pipelines=50, fields=150, automations=300, automation_runs=100_000,
        storage=100 * GB, mailboxes=30, forms=50, api_rate=15, journal_days=365,
    ), {"EUR": (1_900, 1_500), "RUB": (189_000, 149_000), "UZS": (20_900_000, 16_900_000), "USD": (1_900, 1_500)}),
    PlanData("business", 1, 3, _limits(
        users=None, contacts=500_000, deals_open=None, pipelines=None, fields=300, automations=1_000, automation_runs=1_000_000,
        storage=500 * GB, mailboxes=None, forms=None, api_rate=30, journal_days=None,
    ), {"EUR": (3_600, 2_900), "RUB": (359_000, 289_000), "UZS": (39_900_000, 31_900_000), "USD": (3_600, 2_900)}),
)  # fmt: skip
