"""What a new workspace gets from us: its plan, on both sides."""

from __future__ import annotations

from crm_platform.db import sides
from crm_platform.kernel import clock
from tenants import claiming
from tenants.claiming import WorkspaceClaimed
from tenants.inside import services as inside
from tenants.models import Workspace
from tenants.provisioning import bootstrap

from . import services, telling
from .dunning import calendar
from .dunning.models import Told
from .metering import proof
from .models import Subscription
from .plans import TRIAL, TRIED

bootstrap.seeds(services.seed_plans)


@claiming.inside(10)
@claiming.returned(10)
def write_plan(claimed: WorkspaceClaimed) -> None:
    """The trial of everything, or the plan that was asked for; counters at nought."""
    with sides.control_unit():
        state = services.state_of(claimed.plan, at=claimed.at)
    inside.write_state(claimed.place, f"claim.{claimed.operation}", **state)
    proof.begin()


@claiming.on_control(10)
def subscribe(claimed: WorkspaceClaimed) -> None:
    """The same on the control side."""
    state = services.state_of(claimed.plan, at=claimed.at)
    workspace = Workspace.objects.get(public_id=claimed.place.public_id)
    subscription, _made = Subscription.objects.get_or_create(
        workspace=workspace,
        defaults={
            "plan": services.find(TRIED if claimed.plan == TRIAL else claimed.plan),
            "state": state["billing_state"],
            "trial_ends_at": state["trial_ends_at"],
        },
    )
    known = telling.facts(subscription)
    look_at = calendar.next_look(known, (), now=clock.now(), began=calendar.began(subscription))
    Told.objects.get_or_create(workspace=workspace, defaults={"look_at": look_at, "told_at": clock.real_now()})
