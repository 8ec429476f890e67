"""A promo code typed into the administrator's page: taken at once, in force from the next charge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from billing import rights
from billing.models import Coupon, Subscription
from billing.providers import syncing
from crm_platform.db import sides
from crm_platform.kernel import clock
from crm_platform.kernel.permissions import Actor
from crm_platform.kernel.workspace import Place

from . import coupons, pricing_of, targets
from .accounts import Held, announce
from .acts import asked, doing


def redeem(place: Place, code: str, *, actor: Actor, operation: str) -> str:
    """Take a code for the workspace; without a plan it waits for the first bill. Returns the code as it is written. Raises Invalid. Opens units of its own."""
    rights.require_to_change(actor)
    taken: list[Coupon] = []

    def check(had: Held) -> Mapping[str, Any]:
        coupon = coupons.take(had, code, target=targets.present(had) if had.live else None, actor=actor)
        taken.append(coupon)
        return targets.stored(replace(targets.present(had), coupon=coupon.code)) if had.live else {"coupon": coupon.code}

    with doing(place, "coupon.redeem", actor=actor, operation=operation, check=check) as under:
        if under.done is not None:
            return str(under.done["code"])
        if under.held.live:
            asked(under, "coupon", lambda provider, key: provider.discount(under.held.subscription.external_id, taken[0].code, key=key))
            syncing.sync_account(under.held.account.pk, patience=5.0)
            with sides.control_unit():
                row = Subscription.objects.get(pk=under.held.subscription.pk)
                pricing_of.begin_discount(row, begins=row.period_end or clock.now())
        under.become(code=taken[0].code)
    announce(place, actor, "coupon.redeemed", after={"code": taken[0].code})
    return taken[0].code
