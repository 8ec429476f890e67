"""What a choice consists of: the rates of the versions that were chosen, from their rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.utils.translation import gettext_lazy as _

from crm_platform.db import sides
from crm_platform.kernel import units
from crm_platform.kernel.errors import Invalid

from .models import AddOnVersion, Coupon, PlanVersion
from .pricing import Discount, Item, references, terms
from .providers.protocol import Target


class NotSold(Invalid):
    """A version that never was."""

    code = "not_sold"
    sentence = _("There is no “{ref}”.")


def items_of(target: Target) -> list[Item]:
    """The rates of what is chosen, and how much of each. Raises NotSold, NotSoldSo. Opens a control unit where none is open."""
    with _reading():
        plan = version_of(target.plan, target.version)
        if plan is None:
            raise NotSold(ref=f"{target.plan}:{target.version}")
        rows = [(references.seats_of(plan.code, plan.version), terms_of(plan), target.seats)]
        for ref, count in sorted(target.add_ons.items()):
            rows.append((references.add_on(ref), terms_of(_add_on(ref)), count))
    return [Item(ref, sold.rate(target.currency, target.interval), count) for ref, sold, count in rows if count > 0]


def version_of(code: str, version: int) -> PlanVersion | None:
    """A plan's version: nothing sold is ever edited, so a unit reads it once. Inside a control unit."""
    kept, key = units.store(), f"read:plan.{code}.{version}"
    if key not in kept:
        kept[key] = PlanVersion.objects.filter(code=code, version=version).first()
    found: PlanVersion | None = kept[key]
    return found


def most_seats(version: PlanVersion) -> int | None:
    """The most seats with which a plan's version may be bought, by its own bound and, where people are counted by name, its limit on them; None for no bound."""
    sold = terms_of(version)
    named = version.limits.get("users") if sold.seats == terms.Seats.NAMED else None
    return min((bound for bound in (sold.most, named) if bound is not None), default=None)


def keep(version: PlanVersion) -> None:
    """A version that came along with something else is not asked for again in this unit."""
    units.store().setdefault(f"read:plan.{version.code}.{version.version}", version)


def add_on_of(ref: str) -> AddOnVersion | None:
    """The same of a packet or module, by "code:version"."""
    kept, key = units.store(), f"read:add_on.{ref}"
    if key not in kept:
        code, _colon, version = ref.partition(":")
        kept[key] = AddOnVersion.objects.filter(code=code, version=int(version)).first() if version.isdecimal() else None
    found: AddOnVersion | None = kept[key]
    return found


def terms_of(version: PlanVersion | AddOnVersion) -> terms.Terms:
    """A version's terms, read once in a unit."""
    kept, key = units.store(), f"read:terms.{version._meta.db_table}.{version.pk}"
    if key not in kept:
        kept[key] = terms.read(version.terms)
    found: terms.Terms = kept[key]
    return found


def _add_on(ref: str) -> AddOnVersion:
    found = add_on_of(ref)
    if found is None:
        raise NotSold(ref=ref)
    return found


@contextmanager
def _reading() -> Iterator[None]:
    if units.within():
        yield
        return
    with sides.control_unit():
        yield


def coupon_of(code: str) -> Coupon | None:
    """The row of a code, however it is written; None where there is none. Opens a control unit where none is open."""
    with _reading():
        return Coupon.objects.filter(code__iexact=code.strip()).first() if code.strip() else None


def discount_in(stored: Mapping[str, Any]) -> Discount | None:
    """The discount that a subscription's row keeps; None for none. When it ends, stands beside it there."""
    if not stored.get("code"):
        return None
    return Discount(str(stored["code"]), int(stored.get("percent_bp") or 0), int(stored.get("amount") or 0), str(stored.get("currency") or ""))


def discount_of(coupon: Coupon) -> Discount:
    """As the arithmetic takes it."""
    return Discount(coupon.code, coupon.percent_bp, coupon.amount_minor, coupon.currency)
