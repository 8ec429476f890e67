"""Promo codes: typed with spaces and in any case, taken once by a workspace, the last one by whoever is first."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from billing import catalogue
from billing.models import Coupon, Redemption
from billing.providers.protocol import Target
from crm_platform.kernel import clock
from crm_platform.kernel.errors import Invalid
from crm_platform.kernel.permissions import Actor

from .accounts import Held, note


class NoSuchCode(Invalid):
    """Nobody gave out this code."""

    code = "no_such_code"
    sentence = _("There is no promo code “{given}”.")


class CodeOver(Invalid):
    """The code's time or number is over."""

    code = "code_over"
    sentence = _("The promo code {given} is over. The price without it stands below.")


class CodeNotForThis(Invalid):
    """The code is for something else."""

    code = "code_not_for_this"
    sentence = _("The promo code {given} does not fit this choice: {why}")


class OneCodeAtATime(Invalid):
    """Discounts do not add up."""

    code = "one_code_at_a_time"
    sentence = _("A discount is in force already ({given}). Another code can be used once it has ended.")


def usable(had: Held, given: str, *, target: Target | None) -> Coupon:
    """The coupon of a code that this workspace could take, or has taken and not yet used. Raises Invalid. Inside a control unit."""
    coupon = catalogue.coupon_of(given)
    if coupon is None:
        raise NoSuchCode(given=given.strip())
    taken = Redemption.objects.filter(coupon=coupon, workspace=had.subscription.workspace).first()
    now = clock.now()
    if taken is not None and taken.ends_at is not None and taken.ends_at <= now:
        raise CodeOver(given=coupon.code)
    if taken is None and (coupon.archived_at or (coupon.expires_at and coupon.expires_at <= now) or (coupon.most is not None and coupon.redeemed >= coupon.most)):
        raise CodeOver(given=coupon.code)
    if coupon.first_time and taken is None and had.account.currency_fixed_at is not None:
        raise CodeNotForThis(given=coupon.code, why=_("it is for the first purchase."))
    if target is not None and coupon.plans and target.plan not in coupon.plans:
        raise CodeNotForThis(given=coupon.code, why=_("it is for another plan."))
    if target is not None and coupon.amount_minor and coupon.currency != target.currency:
        raise CodeNotForThis(given=coupon.code, why=_("it is in another currency."))
    return coupon


def take(had: Held, given: str, *, target: Target | None, actor: Actor) -> Coupon:
    """Take a code for a workspace, once; its last one goes to who is first. Raises Invalid. Inside a control unit."""
    present = had.discount()
    if present is not None:
        raise OneCodeAtATime(given=present.code)
    coupon = usable(had, given, target=target)
    try:
        with transaction.atomic():
            Redemption.objects.create(coupon=coupon, workspace=had.subscription.workspace)
    except IntegrityError:
        return coupon  # taken before, and not yet used up
    if not Coupon.objects.filter(Q(most=None) | Q(redeemed__lt=F("most")), pk=coupon.pk).update(redeemed=F("redeemed") + 1):
        raise CodeOver(given=coupon.code)
    note(had.account, "coupon.redeemed", actor=actor, after={"code": coupon.code})
    return coupon


def waiting(had: Held, target: Target | None = None) -> str:
    """The code that the workspace has taken for its first bill, with a `target` one that fits it; "" for none. Inside a control unit."""
    rows = Redemption.objects.select_related("coupon").filter(workspace=had.subscription.workspace, ends_at=None).order_by("-id")
    return next((row.coupon.code for row in rows if not had.subscription.discount and _fits(had, row.coupon.code, target)), "")


def _fits(had: Held, code: str, target: Target | None) -> bool:
    try:
        usable(had, code, target=target)
    except Invalid:
        return False
    return True
