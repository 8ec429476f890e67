"""The workspace is told what it has: once, in order, and whoever dies in between is caught up with."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing import services, telling
from billing.dunning.models import Told
from billing.metering.answering import NotInPlan
from billing.models import AddOnVersion, Override, Subscription
from crm_platform.db import sides
from crm_platform.events.models import Event
from crm_platform.kernel import clock, gates
from crm_platform.kernel.errors import Unavailable
from crm_platform.kernel.permissions import robot
from tenants.inside import services as inside
from tenants.inside.models import WorkspaceState
from tenants.lifecycle.billing_state import Facts

from .kit import at, buys, put


def told(door) -> Told:
    with sides.control_unit():
        return Told.objects.get(workspace=door.workspace)


def test_it_is_told_once_and_again_only_when_something_changed(doors) -> None:
    buys(doors)
    first = told(doors)
    assert telling.tell(doors.workspace)
    assert told(doors).version == first.version
    put(doors, plan="start")
    assert told(doors).version == first.version + 1
    with doors.unit():
        assert (inside.state().plan, inside.state().billing_version) == ("start", first.version + 1)
        assert [event.after["plan"] for event in Event.objects.filter(name="plan.changed").order_by("pk")] == ["team", "start"]


def test_an_older_message_changes_nothing(doors) -> None:
    buys(doors)
    with doors.unit():
        version = inside.state().billing_version
        assert inside.write_billing(version=version, plan="free") is None
        assert inside.write_billing(version=version - 1, plan="free") is None
    with doors.unit():
        assert WorkspaceState.objects.get().plan == "team"


def test_who_could_not_be_entered_is_told_later(doors, monkeypatch) -> None:
    def shut(_place):
        raise Unavailable

    with monkeypatch.context() as patched:
        patched.setattr(telling, "unit", shut)
        buys(doors)
        assert told(doors).told_at is None
    with doors.unit():
        assert inside.state().plan == "business"
    telling.tell_the_rest()
    assert told(doors).told_at is None  # its own process may still be at it
    with sides.control_unit():
        Told.objects.filter(workspace=doors.workspace).update(decided_at=clock.real_now() - timedelta(minutes=1))
    assert telling.tell_the_rest() == 1
    with doors.unit():
        assert inside.state().plan == "team"


def test_limits_are_those_of_the_version_with_what_is_bought_and_granted_above(doors) -> None:
    buys(doors, seats=7)
    with sides.control_unit():
        for code in ("contacts_10k", "mailings"):
            assert AddOnVersion.objects.filter(code=code).exists()
        Override.objects.create(workspace=doors.workspace, metric="pipelines", value=77, reason="promised", author="op", until=clock.now() + timedelta(days=100))
    put(doors, add_ons={"contacts_10k:1": 2}, plan="start")
    with doors.unit():
        assert (gates.usage("users").limit, gates.usage("users").ceiling) == (7, 7)
        assert (gates.usage("contacts").limit, gates.usage("pipelines").limit) == (45_000, 77)
        assert not gates.allows("mailings")
        with pytest.raises(NotInPlan):
            gates.require("mailings", adding=0)
    put(doors, add_ons={"mailings:1": 1})
    with doors.unit():
        assert gates.allows("mailings")
        gates.require("mailings", adding=0)
    with clock.frozen(clock.now() + timedelta(days=101)):
        telling.tell(doors.workspace)
        with doors.unit():
            assert gates.usage("pipelines").limit == 10


def test_seats_are_not_limited_by_name_where_all_come_or_so_many_at_once(doors) -> None:
    buys(doors, "crew", seats=3)
    with doors.unit():
        assert gates.usage("users").limit is None
        assert inside.state().seats == {"kind": "concurrent", "bought": 3, "occasional": None}


def test_a_plan_by_the_operator_takes_effect_at_once_and_is_journalled_once(doors) -> None:
    for _twice in range(2):
        services.change_plan(doors.place, "start", actor=robot("command line"))
    with doors.unit():
        assert gates.usage("contacts").limit == 25_000
        assert Event.objects.filter(name="plan.changed").count() == 1
    with sides.control_unit():
        assert Subscription.objects.get(workspace=doors.workspace).trial_ends_at is None


def test_a_row_of_the_release_before_is_understood(doors) -> None:
    now = clock.now()
    with doors.unit():
        WorkspaceState.objects.update(billing={}, billing_state="trialing", trial_ends_at=now + timedelta(days=3))
    with doors.unit():
        assert gates.usage("contacts").limit == 500_000
    with clock.frozen(now + timedelta(days=4)), doors.unit():
        assert gates.usage("contacts").limit == 5_000


def test_facts_say_which_limits_hold_without_anybody_being_told(doors) -> None:
    buys(doors)
    with at(0):
        put(doors, cancel_at=clock.now() + timedelta(days=10))
    with at(9), doors.unit():
        assert gates.usage("contacts").limit == 100_000
    with at(10), doors.unit():
        assert gates.usage("contacts").limit == 5_000
    with doors.unit():
        assert Facts.read(inside.state().billing).ends_at is not None
