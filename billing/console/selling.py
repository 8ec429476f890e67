"""Versions of plans: a new one is made from the one before, what is sold is never edited. Prices are typed in major units.

Steps are typed as "24: 19.00, 49: 17.48, * : 15.20": up to so many seats each costs so much; the last has no bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext_lazy as _

from billing import pricing
from billing.models import PlanVersion, Subscription
from billing.plans import ALL_MODULES
from crm_platform.accounts.operators import Duty, Operator, require
from crm_platform.events.backbone import emit
from crm_platform.kernel import money
from crm_platform.kernel.errors import Conflict, Invalid, NotFound
from crm_platform.kernel.reading import whole

from . import words

ENDLESS = "*"


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


def newest() -> list[PlanVersion]:
    """The newest version of each plan, on sale or not. Inside a control unit."""
    found = {row.code: row for row in PlanVersion.objects.order_by("version")}
    return sorted(found.values(), key=lambda row: (row.order, row.code))


def versions(code: str) -> list[PlanVersion]:
    """All versions of a plan, the newest first; raises NotFound."""
    found = list(PlanVersion.objects.filter(code=code).order_by("-version"))
    if not found:
        raise NotFound
    return found


def holders() -> dict[int, int]:
    """How many workspaces hold each version, by its key."""
    held: dict[int, int] = {}
    for pk in Subscription.objects.values_list("plan", flat=True):
        held[pk] = held.get(pk, 0) + 1
    return held


def make(operator: Operator, code: str, *, after: int, limits: Mapping[str, int | None], features: list[str], terms: Mapping[str, Any]) -> PlanVersion:
    """The version that follows `after`. Inside a control unit. Raises Invalid, BadTerms, NewerVersion; those who hold the old one keep it."""
    require(operator, Duty.ADMIN)
    old = PlanVersion.objects.select_for_update().filter(code=code).order_by("-version").first()
    if old is None:
        raise NotFound
    if old.version != after:
        raise NewerVersion(version=old.version)
    pricing.read(terms)
    if set(limits) != set(old.limits) or not set(features) <= set(ALL_MODULES):
        raise Invalid
    new = PlanVersion(code=code, version=old.version + 1, order=old.order, limits=dict(limits), features=list(features), terms=dict(terms), on_sale=True, created_by=operator.signature)
    if not differences(old, new):
        raise NothingChanged(version=old.version)
    new.save(force_insert=True)
    emit(operator.actor, "plan_version.made", entity="plan_version", record_id=new.pk, before={"version": old.version}, after={"code": code, "version": new.version})
    return new


def set_on_sale(operator: Operator, *, pk: int, on_sale: bool) -> PlanVersion:
    """Offer a version or offer it no more; whoever holds it keeps it. Inside a control unit."""
    require(operator, Duty.ADMIN)
    found = PlanVersion.objects.select_for_update().filter(pk=pk).first()
    if found is None:
        raise NotFound
    if not on_sale and not PlanVersion.objects.filter(code=found.code, on_sale=True).exclude(pk=pk).exists() and found.code in ("free", "business"):
        raise Invalid(fields={"on_sale": [_("Every new workspace begins with this plan; make another version first.")]})
    found.on_sale = on_sale
    found.save(update_fields=["on_sale"])
    emit(operator.actor, "plan_version.offered" if on_sale else "plan_version.withdrawn", entity="plan_version", record_id=pk, after={"code": found.code, "version": found.version})
    return found


def typed_from(row: PlanVersion) -> dict[str, str]:
    """What the form of a new version begins with."""
    terms = pricing.read(row.terms)
    given = {f"limit_{name}": "" if value is None else str(value) for name, value in row.limits.items()}
    given |= {f"feature_{name}": "on" for name in row.features}
    for (currency, interval), rate in terms.rates.items():
        mark = f"{currency}_{interval}"
        given[f"base_{mark}"] = money.typed(rate.base, currency=currency)
        given[f"included_{mark}"] = str(rate.included)
        given[f"steps_{mark}"] = ", ".join(f"{ENDLESS if step.up_to is None else step.up_to}: {money.typed(step.unit, currency=currency)}" for step in rate.steps)
    given |= {f"day_{currency}": money.typed(minor, currency=currency) for currency, minor in terms.day.items()}
    return given


def read(old: PlanVersion, typed: Mapping[str, str]) -> dict[str, Any]:
    """What was typed, as `make` takes it. Raises Invalid that names every field that cannot be read."""
    wrong: dict[str, list[Any]] = {}
    limits = {name: _limit(f"limit_{name}", typed, wrong) for name in old.limits}
    prices: dict[str, dict[str, Any]] = {}
    for currency, interval in pricing.read(old.terms).rates:
        mark = f"{currency}_{interval}"
        rate = {"base": _sum(f"base_{mark}", typed, currency, wrong), "included": _whole(f"included_{mark}", typed, wrong), "steps": _steps(f"steps_{mark}", typed, currency, wrong)}
        prices.setdefault(currency, {})[str(interval)] = {name: value for name, value in rate.items() if value}
    day = {currency: _sum(f"day_{currency}", typed, currency, wrong) for currency in old.terms.get("day", {})}
    if wrong:
        raise Invalid(fields=wrong)
    terms = {**old.terms, "prices": prices, **({"day": day} if day else {})}
    return {"limits": limits, "features": [name for name in ALL_MODULES if typed.get(f"feature_{name}")], "terms": terms}


def _limit(name: str, typed: Mapping[str, str], wrong: dict[str, list[Any]]) -> int | None:
    return _whole(name, typed, wrong) if typed.get(name, "").strip() else None


def _whole(name: str, typed: Mapping[str, str], wrong: dict[str, list[Any]]) -> int:
    found = whole("".join(typed.get(name, "").split()) or "0")
    if found is None:
        wrong[name] = [_("A whole number.")]
    return found or 0


def _sum(name: str, typed: Mapping[str, str], currency: str, wrong: dict[str, list[Any]]) -> int:
    try:
        return _minor(typed.get(name, "") or "0", currency)
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


def _steps(name: str, typed: Mapping[str, str], currency: str, wrong: dict[str, list[Any]]) -> list[list[int | None]]:
    text = typed.get(name, "").strip()
    try:
        return [_step(piece, currency) for piece in text.split(",")] if text else []
    except ValueError:
        wrong[name] = [_("Steps such as 24: 19.00, *: 17.48")]
        return []


def _step(piece: str, currency: str) -> list[int | None]:
    bound, colon, price = piece.partition(":")
    bound = bound.strip()
    up_to = None if bound == ENDLESS else whole(bound)
    if not colon or not price.strip() or (up_to is None and bound != ENDLESS):
        raise ValueError(piece)
    return [up_to, _minor(price, currency)]


def differences(old: PlanVersion, new: PlanVersion) -> list[Difference]:
    """What a version changes, in the order of the form; nothing for a first version's own."""
    before, after = typed_from(old), typed_from(new)
    named = dict.fromkeys([*before, *after])
    return [Difference(label_of(name), _shown(name, before), _shown(name, after)) for name in named if before.get(name, "") != after.get(name, "")]


def facts(row: PlanVersion) -> list[tuple[str, str]]:
    """Everything a version holds, in words."""
    given = typed_from(row)
    order = [f"limit_{name}" for name in words.METRICS if name in row.limits] + [f"feature_{name}" for name in words.MODULES]
    return [(label_of(name), _shown(name, given)) for name in [*order, *(name for name in sorted(given) if name not in order)]]


def _shown(name: str, given: Mapping[str, str]) -> str:
    if name.startswith("feature_"):
        return "✓" if given.get(name) else "–"
    return given.get(name) or ("∞" if name.startswith("limit_") else "–")


def label_of(name: str) -> str:
    """A field of the form in words."""
    kind, _underscore, rest = name.partition("_")
    if kind == "limit":
        return str(words.METRICS.get(rest, rest))
    if kind == "feature":
        return str(words.MODULES.get(rest, rest))
    currency, _underscore, interval = rest.partition("_")
    what = {"base": _("base"), "included": _("seats included"), "steps": _("a seat"), "day": _("a day of an occasional seat")}[kind]
    return f"{currency}, {words.INTERVALS[interval]}: {what}" if interval else f"{currency}: {what}"
