"""Verbs of plans. The control side decides; the workspace is told by an idempotent message."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from crm_platform.db import sides
from crm_platform.db.prepared import Prepared
from crm_platform.kernel import clock
from crm_platform.kernel.errors import Invalid
from crm_platform.kernel.permissions import Actor
from crm_platform.kernel.workspace import Place
from tenants.lifecycle.billing_state import Facts
from tenants.models import Workspace

from . import telling
from .models import AddOnVersion, PlanVersion, Subscription
from .plans import ADD_ONS, ALL_MODULES, PLANS, SPECIAL, TRIAL, TRIAL_DAYS, TRIAL_SEATS, TRIED


class NoSuchPlan(Invalid):
    """Nobody sells a plan of that name."""

    code = "no_such_plan"
    sentence = _("There is no plan “{plan}”. There are: free, start, team, business.")


def seed_plans() -> None:
    """Write the versions that the code knows; existing ones are never changed, save that one of the time before terms gets its own. Idempotent."""
    with sides.control_unit():
        for plan in PLANS:
            terms = {"terms": dict(plan.terms), "features": list(plan.features)}
            values = {"order": plan.order, "limits": dict(plan.limits), **terms}
            row, made = PlanVersion.objects.get_or_create(code=plan.code, version=plan.version, defaults=values)
            if not made and not row.terms:
                PlanVersion.objects.filter(pk=row.pk).update(**terms)
        for one in ADD_ONS:
            AddOnVersion.objects.get_or_create(code=one.code, version=one.version, defaults={"gives": dict(one.gives), "terms": dict(one.terms)})


_ON_SALE = Prepared(PlanVersion, lambda: PlanVersion.objects.filter(on_sale=True).order_by("version"))


def on_sale(*, special: bool = False) -> list[PlanVersion]:
    """The newest version of each plan, cheapest first; with `special` also those for all people at one price. Inside a control unit."""
    newest: dict[str, PlanVersion] = {}
    for version in _ON_SALE.rows():
        newest[version.code] = version
    return sorted((version for version in newest.values() if special or version.code not in SPECIAL), key=lambda version: version.order)


def add_ons() -> list[AddOnVersion]:
    """The newest version of each packet and module. Inside a control unit."""
    return list({version.code: version for version in AddOnVersion.objects.filter(on_sale=True).order_by("version")}.values())


def find(code: str) -> PlanVersion:
    """The version on sale of a plan; raises NoSuchPlan. Inside a control unit."""
    found = next((version for version in on_sale(special=True) if version.code == code), None)
    if found is None:
        raise NoSuchPlan(plan=code)
    return found


def state_of(plan: str, *, at: datetime) -> dict[str, Any]:
    """What a new workspace's state row says for "trial" or a plan's code, by the versions on sale, from a moment on; raises NoSuchPlan. Inside a control unit."""
    trial = plan == TRIAL
    version, free = find(TRIED if trial else plan), telling.free_version()
    ends = at + timedelta(days=TRIAL_DAYS) if trial else None
    limits = told_limits(version)
    return {
        "plan": version.code, "plan_version": version.version, "billing_state": "trial" if trial else "active", "trial_ends_at": ends, "billing": Facts(trial_ends_at=ends).stored(),
        "limits": {**limits, "users": TRIAL_SEATS} if trial else limits, "limits_after_trial": told_limits(free), "features": list(version.features),
    }  # fmt: skip


def told_limits(plan: PlanVersion) -> dict[str, int | None]:
    """A plan's limits as a workspace is told them: a module that is not in it is a limit of nought."""
    return {**plan.limits, **{module: 0 for module in ALL_MODULES if module not in plan.features}}


def change_plan(place: Place, plan: str, *, actor: Actor) -> None:
    """Put a workspace on a plan at once, up or down; nothing in it is deleted. Opens units of its own on both sides.

    Raises NoSuchPlan before anything is written.
    """
    with sides.control_unit():
        version = find(plan)
        workspace = Workspace.objects.select_for_update().get(public_id=place.public_id)
        Subscription.objects.update_or_create(workspace=workspace, defaults={"plan": version, "trial_ends_at": None, "cancel_at": None, "ended_at": None, "changed_at": clock.now()})
    telling.tell(workspace, actor=actor)
