"""A workspace is told what was bought: whoever dies between the two sides, the next look tells it, and its journal says it once."""

from __future__ import annotations

from datetime import timedelta
from unittest import mock

from billing import telling
from billing.dunning.models import Told
from billing.models import PlanVersion, Subscription
from crm_platform.db import sides
from crm_platform.events.models import Event
from tenants.inside import services as inside

from . import firms
from .firms import Facts

POINTS = ("tell.decided", "tell.writing", "tell.written")


def prepare(point: str) -> Facts:
    """A firm has bought Team with seven seats; nobody has told it yet."""
    row = firms.made(furnished=False)
    with sides.control_unit():
        plan = PlanVersion.objects.filter(code="team").latest("version")
        Subscription.objects.filter(workspace=row).update(plan=plan, seats=7, status="active", trial_ends_at=None)
    return firms.facts(row, point=point)


def work(given: Facts) -> None:
    """It is told."""
    telling.tell(firms.now(given))


def after(given: Facts) -> None:
    """The next look tells what was decided, however far it came; a second one changes nothing."""
    row = firms.now(given)
    with mock.patch.object(telling, "PATIENCE", timedelta()):
        for _time in range(2):
            telling.tell_the_rest()
    with sides.control_unit():
        told = Told.objects.get(workspace=row)
        assert told.told_at is not None
        assert Subscription.objects.get(workspace=row).state == "active"
    with sides.unit(row.place):
        state = inside.state()
        assert (state.plan, state.limits["users"], state.billing_version) == ("team", 7, told.version), state
        said = [event.after["plan"] for event in Event.objects.filter(name="plan.changed")]
    assert said.count("team") == 1, said
