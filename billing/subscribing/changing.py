"""Another plan, interval, number of seats or packet: up at once, down at the period's end or at once with credit, and taken back until then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from billing import rights
from billing.models import PendingChange
from billing.providers import calling, syncing
from billing.providers.protocol import Changed, Target
from billing.providers.registry import provider_for
from crm_platform.db import sides
from crm_platform.kernel.errors import NotFound, PlanRefusal
from crm_platform.kernel.money import show
from crm_platform.kernel.permissions import Actor
from crm_platform.kernel.workspace import Place

from . import planned, pricing_of, targets
from .accounts import BillOpen, Held, announce
from .acts import Doing, asked, doing, waiting


class AboveCeiling(PlanRefusal):
    """The firm set itself a ceiling, and this passes it."""

    code = "spending_ceiling"
    sentence = _("This would come to {wanted} a month, above the ceiling of {ceiling} that your firm set. Raise the ceiling first, if that is meant.")


def change(place: Place, target: Target, *, as_of: datetime, at_end: bool | None = None, actor: Actor, operation: str) -> Changed:
    """Change what is bought: up now, down at the period's end unless `at_end` says otherwise. Once for an operation; opens units of its own.

    `as_of` is the preview's. Raises Forbidden, Invalid, NothingBought, BillOpen, AboveCeiling, ChangedMeanwhile, Busy, ProviderUnavailable.
    """
    rights.require_to_change(actor)
    late: list[bool] = []

    def check(had: Held) -> Mapping[str, Any]:
        wanted = checked(had, target)
        late.append(pricing_of.waits(had, wanted, at_end=at_end))
        return targets.stored(wanted)

    with doing(place, "plan.change", actor=actor, operation=operation, as_of=as_of, check=check) as under:
        if under.done is not None:
            return Changed(**under.done["changed"])
        changed = _wait(under) if late[0] else apply_now(under, as_of, instead=True)
        under.become(changed=asdict(changed))
        syncing.sync_account(under.held.account.pk, patience=5.0)
    _say(place, actor, under, changed, late=late[0])
    return changed


def checked(had: Held, target: Target) -> Target:
    """What a change may lead to, the discount in force kept. Raises as `change` does. Inside a control unit."""
    had.require_live()
    had.require_awake()
    target = pricing_of.with_coupon(had, targets.check(had, target))
    up = pricing_of.a_month(had, target) > pricing_of.a_month(had, targets.present(had))
    if up and had.unpaid:
        raise BillOpen
    if up:
        within_ceiling(had, target)
    return target


def within_ceiling(had: Held, target: Target, *, days: int | None = None) -> None:
    """Raises AboveCeiling where a month of the target passes what the firm set, with all the days of occasional seats that may be used in it (`days`, else their ceiling). Inside a control unit."""
    ceiling = had.account.spending_ceiling_minor
    if ceiling is None:
        return
    wanted = pricing_of.a_month(had, target) + pricing_of.days_cost(had, target, had.subscription.occasional_ceiling or 0 if days is None else days)
    if wanted > ceiling:
        currency = target.currency
        raise AboveCeiling(wanted=show(wanted, currency=currency), ceiling=show(ceiling, currency=currency), way_out="/settings/plan")


def apply_now(under: Doing, as_of: datetime, *, instead: bool = False) -> Changed:
    """Ask the provider to change it at once. A change that waits for the period's end stands whatever becomes of this one; only with `instead` an applied change takes its place."""
    subscription, target = under.held.subscription.external_id, targets.read(under.act.target)
    with planned.kept(under, instead=target if instead else None) as plan:
        changed: Changed = asked(under, "change", lambda provider, key: provider.apply_change(subscription, target, as_of=as_of, key=key))
        plan.outcome = changed
    return changed


def take_back(place: Place, kind: str, *, actor: Actor, operation: str) -> None:
    """What waits (`kind`: plan) is not wanted any more. Raises NotFound where nothing waits. Opens units of its own."""
    rights.require_to_change(actor)

    def check(had: Held) -> None:
        if not waiting(had, kind):
            raise NotFound

    with doing(place, "plan.taken_back", actor=actor, operation=operation, check=check) as under:
        if under.done is None:
            _drop_waiting(under.held, operation)
            syncing.sync_account(under.held.account.pk, patience=5.0)
    announce(place, actor, "plan.change_taken_back")


def _wait(under: Doing) -> Changed:
    """At the period's end; a change that waited already gives way, once this one is there."""
    had, target = under.held, targets.read(under.act.target)
    planned.let_go(under)
    at: datetime = asked(under, "change_at_end", lambda provider, key: provider.change_at_end(had.subscription.external_id, target, key=key))
    with sides.control_unit():
        PendingChange.objects.filter(subscription=had.subscription, kind="plan", state="waiting").update(state="taken_back")
        PendingChange.objects.create(subscription=had.subscription, kind="plan", target=under.act.target, effective_at=at, asked_by=under.act.actor)
    return Changed(applied=False)


def _drop_waiting(had: Held, operation: str) -> None:
    with sides.control_unit():
        row = waiting(had)
    if row is None:
        return
    provider, subscription = provider_for(had.account), had.subscription.external_id
    calling.once(operation, "take_back_change", {"change": row.pk}, lambda key: provider.take_back_change(subscription, key=key), account=had.account)
    with sides.control_unit():
        PendingChange.objects.filter(pk=row.pk, state="waiting").update(state="taken_back")


def _say(place: Place, actor: Actor, under: Doing, changed: Changed, *, late: bool) -> None:
    before = {"plan": under.held.subscription.plan.code, "seats": under.held.subscription.seats}
    after = {"plan": under.act.target["plan"], "seats": under.act.target["seats"]}
    if late:
        announce(place, actor, "plan.change_waits", before=before, after=after)
    elif changed.applied:
        announce(place, actor, "plan.change_made", before=before, after=after)
