"""What the control side knows of a workspace's plan is told to the workspace: limits, modules, seats, and the moments from which its state is computed.

Decided under the lock of its subscription, kept with a version, then written in the workspace, which refuses an older one.
Whoever dies in between: the next look tells it. No call to a provider is made here.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, InterfaceError
from django.db.models import Q
from django.utils.dateparse import parse_datetime

from crm_platform.db import sides
from crm_platform.events.backbone import emit
from crm_platform.kernel import clock, jobs
from crm_platform.kernel.access import Level
from crm_platform.kernel.errors import NotFound, Unavailable
from crm_platform.kernel.permissions import Actor, robot
from crm_platform.kernel.points import reached
from tenants.inside import services as inside
from tenants.inside.models import WorkspaceState
from tenants.lifecycle.access import access_of
from tenants.lifecycle.billing_state import Facts, on_free, standing
from tenants.models import State, Workspace
from tenants.opening import unit

from .dunning import calendar
from .dunning.models import DunningStep, Told
from .held import services as held
from .metering import answering
from .models import AddOnVersion, Override, PlanVersion, Subscription
from .plans import ALL_MODULES, FREE, TRIAL_SEATS
from .pricing import terms as pricing_terms

_log = logging.getLogger("kartoteka.billing")
BILLING = robot("billing")
# What its own process has not told by then was cut short.
PATIENCE = timedelta(seconds=10)
# The job of seats that lets those come back who were left out.
SEATS_BACK = "seats.back"


def tell(workspace: Workspace, *, actor: Actor = BILLING) -> bool:
    """Decide anew what a workspace has, and tell it; True where it knows. Idempotent; opens units of its own on both sides, so it must not run inside another."""
    with sides.control_unit():
        told = decide(workspace, actor=actor)
    reached("tell.decided")
    return told is None or told.told_at is not None or _deliver(told, actor)


def tell_anew(workspace: Workspace, *, actor: Actor = BILLING) -> bool:
    """Tell it whatever it was told before: it was found to know otherwise. Opens units of its own on both sides."""
    with unit(workspace.place):
        known = inside.state().billing_version
    with sides.control_unit():
        told = decide(workspace, actor=actor)
        if told is None:
            return True
        told.version, told.decided_at, told.told_at = max(told.version, known) + 1, clock.real_now(), None
        told.save()
    return _deliver(told, actor)


def untold(workspace: Workspace) -> dict[str, Any]:
    """What the workspace knows otherwise than it should, by name: as it is, as it should be; {} for nothing, and where it is being told just now. Opens units of its own."""
    with sides.control_unit():
        subscription = Subscription.objects.select_related("plan", "workspace").filter(workspace=workspace).first()
        if subscription is None or not Told.objects.filter(workspace=workspace).exclude(told_at=None).exists():
            return {}
        should = values_of(subscription)
    with unit(workspace.place):
        state = inside.state()
    knows = {name: getattr(state, name) for name in should} | {"trial_ends_at": state.trial_ends_at and state.trial_ends_at.isoformat()}
    # The state of the moment is computed anew at each look, there with what is over its limits: it is no knowledge of its own.
    return {name: [knows[name], value] for name, value in should.items() if name != "billing_state" and knows[name] != value}


def decide(workspace: Workspace, *, actor: Actor = BILLING) -> Told | None:
    """Keep what the workspace is to be told; None for one that has no plan or is erased. Inside a control unit; locks its subscription."""
    subscription = Subscription.objects.select_for_update(of=("self",)).select_related("plan", "workspace").filter(workspace=workspace).first()
    if subscription is None or subscription.workspace.state == State.ERASED:
        return None
    values, now = values_of(subscription), clock.now()
    told, _made = Told.objects.select_for_update().get_or_create(workspace=workspace)
    if told.values != values:
        told.version, told.values, told.actor, told.decided_at, told.told_at = told.version + 1, values, actor.name[:200], clock.real_now(), None
    told.look_at = _look_at(subscription, now=now)
    told.save()
    state = standing(facts(subscription), now=now, over=subscription.state == "over_limit").state
    if subscription.state != state:
        Subscription.objects.filter(pk=subscription.pk).update(state=state)
    return told


def facts(subscription: Subscription) -> Facts:
    """The moments of a subscription, as its state is computed from them."""
    ends = min((moment for moment in (subscription.cancel_at, subscription.ended_at) if moment is not None), default=None)
    return Facts(
        trial_ends_at=subscription.trial_ends_at, ends_at=ends, past_due_since=subscription.past_due_since, promised_until=subscription.promised_until,
        extended_until=subscription.extended_until, paused_until=subscription.paused_until, erased_at=subscription.workspace.erased_at,
    )  # fmt: skip


def values_of(subscription: Subscription) -> dict[str, Any]:
    """What the workspace's row says of its plan, JSON-able. Inside a control unit."""
    known, now = facts(subscription), clock.now()
    granted = _granted(subscription)
    lowest = subscription.plan if subscription.plan.code == FREE else free_version()
    free = _with_modules(lowest.limits, lowest.features, granted)
    over = on_free(known, now=now)
    plan = lowest if over else subscription.plan
    held = free if over else _with_modules(*_sold(subscription, trial=subscription.trial_ends_at is not None), granted)
    return {
        "plan": plan.code, "plan_version": plan.version, "billing": known.stored(), "limits": held, "limits_after_trial": free,
        "features": [module for module in ALL_MODULES if held.get(module, 1)], "seats": {} if over else seats_of(subscription),
        "billing_state": str(standing(known, now=now).state), "trial_ends_at": known.stored()["trial_ends_at"],
    }  # fmt: skip


def free_version() -> PlanVersion:
    """The newest version of Free. Inside a control unit."""
    return PlanVersion.objects.filter(code=FREE).latest("version")


def seats_of(subscription: Subscription) -> dict[str, Any]:
    """What is bought of seats: how they are counted, how many, and the ceiling of occasional ones; {} where nothing is."""
    if not subscription.seats:
        return {}
    terms = pricing_terms.read(subscription.plan.terms)
    by_day = subscription.occasional_ceiling if terms.day.get(subscription.currency) else None  # what has no price is not had
    return {"kind": str(terms.seats), "bought": subscription.seats, "occasional": by_day}


def _sold(subscription: Subscription, *, trial: bool) -> tuple[dict[str, int | None], list[str]]:
    """Limits and modules of the version and of what is bought beside it."""
    limits, features = dict(subscription.plan.limits), list(subscription.plan.features)
    if trial:
        return {**limits, "users": TRIAL_SEATS}, features
    bought = seats_of(subscription)
    if bought:
        limits["users"] = subscription.seats if bought["kind"] == "named" else None
    for reference, count in subscription.add_ons.items():
        code, _colon, version = reference.partition(":")
        for name, given in AddOnVersion.objects.get(code=code, version=int(version or 1)).gives.items():
            if given is True:
                features.append(name)
            elif limits.get(name) is not None:
                limits[name] = (limits[name] or 0) + given * count
    return limits, features


def _granted(subscription: Subscription) -> dict[str, int | None]:
    """What the operator granted; the newest of a metric holds."""
    now = clock.now()
    rows = Override.objects.filter(Q(until=None) | Q(until__gt=now), workspace=subscription.workspace, ended_at=None).order_by("id")
    return {row.metric: row.value for row in rows}


def _with_modules(limits: Mapping[str, int | None], features: list[str], granted: Mapping[str, int | None]) -> dict[str, int | None]:
    """Limits with the modules that are not there at nought, and what was granted above all."""
    return {**limits, **{module: 0 for module in ALL_MODULES if module not in features}, **granted}


def _look_at(subscription: Subscription, *, now: datetime) -> datetime | None:
    done = DunningStep.objects.filter(workspace=subscription.workspace)
    moments = [calendar.next_look(facts(subscription), done, now=now, began=calendar.began(subscription))]
    moments += Override.objects.filter(workspace=subscription.workspace, ended_at=None, until__gt=now).values_list("until", flat=True)
    return min((moment for moment in moments if moment is not None), default=None)


def _deliver(told: Told, actor: Actor) -> bool:
    """Write it in the workspace; one that cannot be entered now (asleep, moving, its database down) is told by a later look."""
    try:
        with unit(told.workspace.place):
            state = _write(told, actor)
            reached("tell.writing")
    except (NotFound, Unavailable, DatabaseError, InterfaceError) as error:
        _log.warning("a workspace was not told of its plan", extra={"workspace": told.workspace.public_id, "error": str(error).strip()})
        return False
    reached("tell.written")
    with sides.control_unit():
        Told.objects.filter(pk=told.pk, version=told.version).update(told_at=clock.real_now())
        Subscription.objects.filter(pk=told.pk).update(state=state)
    return True


def _write(told: Told, actor: Actor) -> str:
    """In the workspace's unit: the row, what follows other limits, the journal, and what waits for the doors to open. Returns its state."""
    before = inside.write_billing(version=told.version, **_read(told.values))
    if before is not None:
        after = inside.state()
        held_now = answering.limits_in(after)
        answering.follow_limits(before.limits, held_now)  # as they were told: what ended by time in between is a change too
        if _more_seats(before.limits.get("users", 0), held_now.get("users", 0)):
            jobs.later(SEATS_BACK, 0, key=SEATS_BACK)
        _journal(actor, before, after)
        if access_of(after, now=clock.now()).level is Level.FULL and held.any_waiting():
            jobs.later(held.OPEN, 0, key=held.OPEN)
    return str(answering.standing_here().state)


def _more_seats(before: int | None, after: int | None) -> bool:
    return before is not None and (after is None or after > before)


def _read(values: Mapping[str, Any]) -> dict[str, Any]:
    trial = values["trial_ends_at"]
    return {**values, "trial_ends_at": parse_datetime(trial) if trial else None}


def _journal(actor: Actor, before: WorkspaceState, after: WorkspaceState) -> None:
    if (before.plan, before.plan_version) != (after.plan, after.plan_version):
        emit(actor, "plan.changed", entity="workspace", record_id=None, before={"plan": before.plan}, after={"plan": after.plan}, also=["workspace:1"])
    was = "trial" if before.billing_state == "trialing" else before.billing_state
    if was != after.billing_state:
        emit(actor, "billing.state_changed", entity="workspace", record_id=None, before={"state": was}, after={"state": after.billing_state}, also=["workspace:1"])


def tell_the_rest(*, most: int = 50) -> int:
    """Tell what was decided and not told; returns how many now know."""
    with sides.control_unit():
        rows = Told.objects.select_related("workspace").filter(told_at=None, decided_at__lt=clock.real_now() - PATIENCE, workspace__state__in=(State.ACTIVE, State.LEAVING))
        waiting = list(rows.order_by("decided_at")[:most])
    return sum(_deliver(told, robot(told.actor or BILLING.name)) for told in waiting)
