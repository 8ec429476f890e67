"""What the tests of states share: a workspace that has bought something, and moments of its bills."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from billing import telling
from billing.dunning import walking
from billing.dunning.models import DunningStep
from billing.models import BillingAccount, PlanVersion, Subscription
from crm_platform.db import sides
from crm_platform.kernel import clock
from crm_platform.letters.models import Letter
from tests.conftest import Door

OWNER = "olga@veldhuis.example"
# Business time of these stories: some time after the workspaces were made, so that nothing of the trial is due.
DAY0 = clock.real_now().replace(microsecond=0) + timedelta(days=40)


def at(days: float = 0, *, since: datetime = DAY0) -> Any:
    """Business time held on a day of the story."""
    return clock.frozen(since + timedelta(days=days))


def put(door: Door, **facts: Any) -> None:
    """Write facts on the control side, as whoever hears of a payment does, and tell the workspace."""
    with sides.control_unit():
        plan = facts.pop("plan", None)
        if plan is not None:
            facts["plan"] = PlanVersion.objects.filter(code=plan).latest("version")
        Subscription.objects.filter(workspace=door.workspace).update(**facts)
    telling.tell(door.workspace)


def buys(door: Door, plan: str = "team", *, seats: int = 0, contacts: tuple[str, ...] = ("bills@veldhuis.example",)) -> BillingAccount:
    """The workspace has a plan; its bills go to `contacts`."""
    with sides.control_unit():
        account, _made = BillingAccount.objects.update_or_create(workspace=door.workspace, defaults={"contacts": [{"email": one, "language": "en"} for one in contacts]})
    put(door, plan=plan, status="active", trial_ends_at=None, seats=seats)
    return account


def walks(door: Door) -> list[str]:
    """The workers look, now; gives the subjects of the letters this brought."""
    with door.unit():
        last = Letter.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    walking.look(door.workspace)
    with door.unit():
        return list(Letter.objects.filter(pk__gt=last).order_by("pk").values_list("subject", flat=True))


def letters_to(door: Door) -> list[str]:
    """To whom the letters about bills and trials went, in their order."""
    with door.unit():
        return list(Letter.objects.filter(to__in=["bills@veldhuis.example", OWNER]).order_by("pk").values_list("to", flat=True))


def steps(door: Door) -> dict[str, str]:
    """Step → what became of it."""
    with sides.control_unit():
        return dict(DunningStep.objects.filter(workspace=door.workspace).values_list("step", "state"))
