"""Versions of plans: a new one is made from the one before, what is sold is never edited."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Count
from django.utils.translation import gettext_lazy as _

from billing import pricing
from billing.models import PlanVersion, Subscription
from billing.plans import ALL_MODULES
from crm_platform.accounts.operators import Duty, Operator, require
from crm_platform.events.backbone import emit
from crm_platform.kernel.errors import Invalid, NotFound

from . import prices, words
from .prices import Difference, NewerVersion, NothingChanged


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
    return dict(Subscription.objects.values_list("plan").annotate(held=Count("pk")).order_by())


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
    given = {f"limit_{name}": "" if value is None else str(value) for name, value in row.limits.items()}
    return given | {f"feature_{name}": "on" for name in row.features} | prices.typed(row.terms)


def read(old: PlanVersion, typed: Mapping[str, str]) -> dict[str, Any]:
    """What was typed, as `make` takes it. Raises Invalid that names every field that cannot be read."""
    wrong: prices.Wrong = {}
    limits = {name: prices.whole(f"limit_{name}", typed, wrong) if typed.get(f"limit_{name}", "").strip() else None for name in old.limits}
    terms = prices.read(old.terms, typed, wrong)
    if wrong:
        raise Invalid(fields=wrong)
    return {"limits": limits, "features": [name for name in ALL_MODULES if typed.get(f"feature_{name}")], "terms": terms}


def differences(old: PlanVersion, new: PlanVersion) -> list[Difference]:
    """What a version changes, in the order of the form; nothing for a first version's own."""
    return prices.differing(typed_from(old), typed_from(new), label=label_of, shown=_shown)


def facts(row: PlanVersion) -> list[tuple[str, str]]:
    """Everything a version holds, in words."""
    given = typed_from(row)
    order = [f"limit_{name}" for name in words.METRICS if name in row.limits] + [f"feature_{name}" for name in words.MODULES]
    return [(label_of(name), _shown(name, given)) for name in [*order, *(name for name in sorted(given) if name not in order)]]


def _shown(name: str, given: Mapping[str, str]) -> str:
    if name.startswith("feature_"):
        return "✓" if given.get(name) else "–"
    return prices.grouped(given.get(name, "")) or ("∞" if name.startswith("limit_") else "–")


def label_of(name: str) -> str:
    """A field of the form in words."""
    kind, _underscore, rest = name.partition("_")
    if kind == "limit":
        return str(words.METRICS.get(rest, rest))
    return str(words.MODULES.get(rest, rest)) if kind == "feature" else prices.label_of(name)
