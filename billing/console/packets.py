"""Versions of what is bought beside a plan, packets and modules: made from the one before, as a plan's are; what is sold is never edited."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from billing import pricing
from billing.models import AddOnVersion, Subscription
from crm_platform.accounts.operators import Duty, Operator, require
from crm_platform.events.backbone import emit
from crm_platform.kernel.errors import Invalid, NotFound

from . import prices, words
from .prices import Difference, NewerVersion, NothingChanged


def newest() -> list[AddOnVersion]:
    """The newest version of each, on sale or not. Inside a control unit."""
    return list({row.code: row for row in AddOnVersion.objects.order_by("code", "version")}.values())


def versions(code: str) -> list[AddOnVersion]:
    """All versions of one, the newest first; raises NotFound."""
    found = list(AddOnVersion.objects.filter(code=code).order_by("-version"))
    if not found:
        raise NotFound
    return found


def holders() -> Counter[str]:
    """How many workspaces have each, by "code:version"."""
    return Counter(ref for held in Subscription.objects.exclude(add_ons={}).values_list("add_ons", flat=True) for ref in held)


def make(operator: Operator, code: str, *, after: int, gives: Mapping[str, int | bool], terms: Mapping[str, Any]) -> AddOnVersion:
    """The version that follows `after`. Inside a control unit. Raises Invalid, BadTerms, NewerVersion; those who have the old one keep it."""
    require(operator, Duty.ADMIN)
    old = AddOnVersion.objects.select_for_update().filter(code=code).order_by("-version").first()
    if old is None:
        raise NotFound
    if old.version != after:
        raise NewerVersion(version=old.version)
    pricing.read(terms)
    if set(gives) != set(old.gives) or any((given is True) != (old.gives[name] is True) or given < 1 for name, given in gives.items()):
        raise Invalid
    new = AddOnVersion(code=code, version=old.version + 1, gives=dict(gives), terms=dict(terms), created_by=operator.signature)
    if not differences(old, new):
        raise NothingChanged(version=old.version)
    new.save(force_insert=True)
    emit(operator.actor, "add_on_version.made", entity="add_on_version", record_id=new.pk, before={"version": old.version}, after={"add_on": code, "version": new.version})
    return new


def set_on_sale(operator: Operator, *, pk: int, on_sale: bool) -> AddOnVersion:
    """Offer a version or offer it no more; whoever has it keeps it. Inside a control unit."""
    require(operator, Duty.ADMIN)
    found = AddOnVersion.objects.select_for_update().filter(pk=pk).first()
    if found is None:
        raise NotFound
    found.on_sale = on_sale
    found.save(update_fields=["on_sale"])
    emit(operator.actor, "add_on_version.offered" if on_sale else "add_on_version.withdrawn", entity="add_on_version", record_id=pk, after={"add_on": found.code, "version": found.version})
    return found


def typed_from(row: AddOnVersion) -> dict[str, str]:
    """What the form of a new version begins with; a module is given or it is not, there is nothing to type."""
    return {f"gives_{name}": str(given) for name, given in row.gives.items() if given is not True} | prices.typed(row.terms)


def read(old: AddOnVersion, typed: Mapping[str, str]) -> dict[str, Any]:
    """What was typed, as `make` takes it. Raises Invalid that names every field that cannot be read."""
    wrong: prices.Wrong = {}
    gives = {name: True if given is True else prices.whole(f"gives_{name}", typed, wrong) for name, given in old.gives.items()}
    wrong |= {f"gives_{name}": [prices.AT_LEAST_ONE] for name, given in gives.items() if given == 0 and f"gives_{name}" not in wrong}
    terms = prices.read(old.terms, typed, wrong)
    if wrong:
        raise Invalid(fields=wrong)
    return {"gives": gives, "terms": terms}


def differences(old: AddOnVersion, new: AddOnVersion) -> list[Difference]:
    """What a version changes, in the order of the form."""
    return prices.differing(typed_from(old), typed_from(new), label=label_of, shown=_shown)


def facts(row: AddOnVersion) -> list[tuple[str, str]]:
    """Everything a version holds, in words."""
    given = typed_from(row)
    modules = [(str(words.MODULES.get(name, name)), "✓") for name, what in row.gives.items() if what is True]
    return [*modules, *((label_of(name), _shown(name, given)) for name in given)]


def label_of(name: str) -> str:
    """A field of the form in words."""
    kind, _underscore, rest = name.partition("_")
    return str(words.METRICS.get(rest, rest)) if kind == "gives" else prices.label_of(name, each=words.EACH)


def _shown(name: str, given: Mapping[str, str]) -> str:
    return prices.grouped(given.get(name, "")) or "–"
