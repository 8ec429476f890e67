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
        plan = PlanVersion.objects.filter(code=target.plan, version=target.version).first()
        if plan is None:
            raise NotSold(ref=f"{target.plan}:{target.version}")
        rows = [(references.seats_of(plan.code, plan.version), plan.terms, target.seats)]
        for ref, count in sorted(target.add_ons.items()):
            rows.append((references.add_on(ref), _add_on(ref).terms, count))
    return [Item(ref, terms.read(stored).rate(target.currency, target.interval), count) for ref, stored, count in rows if count > 0]


def _add_on(ref: str) -> AddOnVersion:
    code, _colon, version = ref.partition(":")
    found = AddOnVersion.objects.filter(code=code, version=int(version)).first() if version.isdecimal() else None
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
