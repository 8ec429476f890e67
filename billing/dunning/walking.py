"""Going over the workspaces for which business time has come: letters, each once, and the news for the workspace itself.

A step is noted first, then its letters are written in the workspace, then it is stamped: whoever dies in between, the next
look goes on, and the workspace's inbox keeps them from being written twice.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.db.models import Q

from billing import services, telling
from billing.models import BillingAccount, PlanVersion, Subscription
from billing.plans import FREE
from billing.providers import syncing
from crm_platform.db import sides
from crm_platform.events import backbone
from crm_platform.kernel import clock, jobs
from crm_platform.kernel.errors import NotFound, Unavailable
from crm_platform.kernel.jobs import Again, Lease
from tenants.models import State, Workspace
from tenants.opening import unit

from . import calendar, letters
from .models import DunningStep, StepState, Told

_log = logging.getLogger("kartoteka.billing")
WALK = "dunning.walk"
AT_ONCE = 20
# How long one that could not be looked after is left alone, in business time.
LATER = timedelta(minutes=10)
_SERVED = (State.ACTIVE, State.LEAVING)


def wake() -> None:
    """Leave the walk to the workers where there is something to do. The scheduler's chore."""
    with sides.control_unit():
        untold = Q(told_at=None, decided_at__lt=clock.real_now() - telling.PATIENCE)
        if Told.objects.filter(Q(look_at__lte=clock.now()) | untold, workspace__state__in=_SERVED).exists():
            jobs.later(WALK, 0, key=WALK)


def take_up() -> None:
    """Workspaces of the time before anything was told: they get their first look. The scheduler's chore."""
    with sides.control_unit():
        rows = Subscription.objects.filter(workspace__told=None, workspace__state__in=_SERVED).values_list("workspace_id", flat=True)[:500]
        Told.objects.bulk_create([Told(workspace_id=pk, look_at=clock.now(), told_at=clock.real_now()) for pk in rows], ignore_conflicts=True)


@jobs.register(WALK)
def walk(pk: int, *, lease: Lease) -> Again | None:
    """Look after all for whom it is time."""
    telling.tell_the_rest()
    while True:
        with sides.control_unit():
            due = Told.objects.select_related("workspace").filter(look_at__lte=clock.now(), workspace__state__in=_SERVED)
            found = [row.workspace for row in due.order_by("look_at")[:AT_ONCE]]
            lease.beat()
        for workspace in found:
            look(workspace)
        if not found:
            return None
        if lease.should_yield():
            return Again()


def look(workspace: Workspace) -> None:
    """Take the step that is due, if one is, and tell the workspace how it stands. Opens units of its own on both sides."""
    with sides.control_unit():
        step = _take(workspace)
    done = step is None or _write(workspace, step)
    telling.tell(workspace)
    with sides.control_unit():
        # What is held back (by our switch, by an old picture of the provider, by a workspace that cannot be entered) is looked at a little later.
        now = clock.now()
        late = Told.objects.filter(workspace=workspace, look_at__lte=now)
        if not done or _held_back(workspace):
            late.update(look_at=now + LATER)


def _held_back(workspace: Workspace) -> bool:
    if settings.CRM_NO_DUNNING:
        return True
    account = BillingAccount.objects.filter(workspace=workspace).first()
    return account is not None and not is_fresh(account, now=clock.now())


def is_fresh(account: BillingAccount, *, now: datetime) -> bool:
    """Whether what we know of a provider's account is young enough to act upon: nobody pays for our outage, nor for theirs. Where it is not, a look is asked for."""
    if account.provider in ("", "manual_invoice") or not account.external_id:
        return True
    if account.synced_at is not None and account.dirty_at is None and now - account.synced_at <= timedelta(hours=settings.CRM_DUNNING_SYNC_HOURS):
        return True
    BillingAccount.objects.filter(pk=account.pk, dirty_at=None).update(dirty_at=clock.real_now())
    jobs.later(syncing.LOOK, account.pk, key=f"{syncing.LOOK}.{account.pk}")
    return False


def _take(workspace: Workspace) -> DunningStep | None:
    """Note the step that is due, or find the one that was cut short. Inside a control unit, under the subscription's lock: a payment comes before it or after it."""
    row = Subscription.objects.select_for_update(of=("self",)).select_related("plan", "workspace").filter(workspace=workspace).first()
    if row is None or _held_back(workspace):
        return None
    facts, taken = telling.facts(row), list(DunningStep.objects.filter(workspace=workspace))
    since = {facts.past_due_since, calendar.began(row) if facts.past_due_since is None else None}
    cut = next((one for one in taken if one.state == StepState.WAITING and one.since in since), None)
    if cut is not None:
        return cut
    due = calendar.due(facts, taken, now=clock.now(), began=calendar.began(row))
    if due is None:
        return None
    DunningStep.objects.bulk_create([DunningStep(workspace=workspace, since=due.since, step=name, state=StepState.PASSED) for name in due.passed], ignore_conflicts=True)
    if due.step == "trial_end" and row.status == "none":
        Subscription.objects.filter(pk=row.pk).update(plan=telling.free_version(), changed_at=clock.now())
    return DunningStep.objects.create(workspace=workspace, since=due.since, step=due.step)


def _write(workspace: Workspace, step: DunningStep) -> bool:
    with sides.control_unit():
        draft = _draft(workspace, step)
    if draft is None:
        return True
    try:
        with unit(workspace.place):
            written = letters.write(draft) if backbone.take_in(f"dunning.{workspace.public_id}.{step.pk}", kind="dunning", body={}) else step.letters
    except (NotFound, Unavailable, DatabaseError, InterfaceError) as error:
        _log.warning("a reminder waits", extra={"workspace": workspace.public_id, "step": step.step, "error": str(error).strip()})
        return False
    with sides.control_unit():
        DunningStep.objects.filter(pk=step.pk).update(state=StepState.WRITTEN, letters=written)
    return True


def _draft(workspace: Workspace, step: DunningStep) -> letters.Draft | None:
    """What the letters are made of; None, and the step is passed over, where it no longer fits: it was paid meanwhile."""
    row = Subscription.objects.select_related("plan", "workspace").get(workspace=workspace)
    facts, taken = telling.facts(row), list(DunningStep.objects.filter(workspace=workspace))
    if step.step not in calendar.TRIAL_STEPS and facts.past_due_since != step.since:
        DunningStep.objects.filter(pk=step.pk).update(state=StepState.PASSED)
        return None
    account = BillingAccount.objects.filter(workspace=workspace).first()
    sold: list[PlanVersion] = services.on_sale() if step.step in calendar.TRIAL_STEPS else []
    return letters.Draft(
        step=step.step, facts=facts, contacts=tuple(account.contacts) if account else (), bill=letters.bill_of(workspace.pk),
        erases_at=calendar.erases_at(step.since, taken), sold=tuple((version.code, version.limits) for version in sold if step.step != "trial_end" or version.code == FREE),
    )  # fmt: skip
