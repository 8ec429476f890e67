"""What a choice costs a workspace: the price page, the preview and the first bill ask the same arithmetic."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from billing import catalogue, pricing
from billing.models import Coupon, Redemption, Subscription
from billing.pricing import Discount, Interval, Quote
from billing.pricing.periods import after
from billing.pricing.quoting import part
from billing.providers.protocol import Preview, Target
from billing.providers.registry import provider_for
from crm_platform.db import sides
from crm_platform.kernel import clock
from crm_platform.kernel.workspace import Place

from . import coupons, targets
from .accounts import Held, held


def price(place: Place, target: Target) -> Quote:
    """What an interval of the target costs, discount and tax included; where nothing is bought, with the code that waits. Raises Invalid for what cannot be bought."""
    with sides.control_unit():
        had = held(place)
        target = targets.check(had, target)
        return quote_of(had, target if had.live else with_waiting_code(had, target))


def preview(place: Place, target: Target, *, at_end: bool | None = None) -> Preview:
    """What a change to the target costs now and at the next bill; without a plan, what the first bill is. Applied with the same `as_of` it comes to the same."""
    now = clock.now()
    with sides.control_unit():
        had = held(place)
        target = targets.check(had, target)
        if not had.live:
            target = with_waiting_code(had, target)
            whole = quote_of(had, target)
            begins = target.trial_end or now
            return Preview(Quote(target.currency, ()) if target.trial_end else whole, whole, target.trial_end or after(begins, target.interval, 1), now)
        had.require_awake()
        whole = quote_of(had, target)
        target = with_coupon(had, target)
        ends = had.subscription.period_end
        if ends is not None and waits(had, target, at_end=at_end):
            return Preview(Quote(target.currency, ()), whole, ends, now)
    return provider_for(had.account).preview_change(had.subscription.external_id, target, as_of=now)


def quote_of(had: Held, target: Target) -> Quote:
    """The same of a target that was checked. Inside a control unit."""
    return pricing.quote(pricing.lines_of(catalogue.items_of(target)), target.currency, discount=_discount(had, target), tax_bp=had.tax_bp())


def undiscounted(had: Held, target: Target) -> Quote:
    """What it costs once every discount has ended. Inside a control unit."""
    return pricing.quote(pricing.lines_of(catalogue.items_of(target)), target.currency, tax_bp=had.tax_bp())


def with_waiting_code(had: Held, target: Target) -> Target:
    """The first purchase with the code that was redeemed before it, where it fits; one that does not goes on waiting. Inside a control unit."""
    return target if target.coupon else replace(target, coupon=coupons.waiting(had, target))


def with_coupon(had: Held, target: Target) -> Target:
    """The target with the discount in force: it survives a change. A code of another is checked and taken elsewhere (`coupons.redeem`)."""
    discount = had.discount()
    return replace(target, coupon=discount.code if discount else target.coupon, trial_end=None)


def waits(had: Held, target: Target, *, at_end: bool | None) -> bool:
    """Whether a change waits for the period's end: as asked, else up now and down at the end."""
    return goes_down(had, target) if at_end is None else at_end


def goes_down(had: Held, target: Target) -> bool:
    """A smaller plan; of one plan a shorter interval; else what costs less."""
    now = had.subscription
    version = catalogue.version_of(target.plan, target.version)
    if version is not None and version.order != now.plan.order:
        return version.order < now.plan.order
    if target.interval != Interval(now.interval or "month"):
        return target.interval == Interval.MONTH
    return quote_of(had, target).total < quote_of(had, targets.present(had)).total


def a_month(had: Held, target: Target) -> int:
    """What the target costs a month, tax included."""
    return pricing.a_month(quote_of(had, target).total, target.interval)


def days_cost(had: Held, target: Target, days: int) -> int:
    """What so many active days of occasional seats come to, tax included. Inside a control unit."""
    version = catalogue.version_of(target.plan, target.version) if days else None
    net = days * catalogue.terms_of(version).day.get(target.currency, 0) if version else 0
    return net + part(net, had.tax_bp(), 10_000)


def _discount(had: Held, target: Target) -> Discount | None:
    present = had.discount()
    if present is not None or not target.coupon:
        return present
    return catalogue.discount_of(coupons.usable(had, target.coupon, target=target))


def begin_discount(row: Subscription, *, begins: datetime) -> None:
    """The code that was taken has reached the provider: from when to when it holds is kept, once. Inside a control unit."""
    code = row.discount.get("code")
    taken = Redemption.objects.select_related("coupon").filter(workspace=row.workspace_id, coupon__code=code, ends_at=None).first() if code else None
    if taken is not None:
        taken.ends_at = _ends(taken.coupon, begins=begins, interval=Interval(row.interval or "month"))
        taken.save(update_fields=["ends_at"])


def _ends(coupon: Coupon, *, begins: datetime, interval: Interval) -> datetime | None:
    """When a discount that begins then stops; None for never."""
    if coupon.duration == "forever":
        return None
    return after(begins, interval, 1) if coupon.duration == "once" else after(begins, Interval.MONTH, coupon.months or 1)
