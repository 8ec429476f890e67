"""What a rollout meets that no rehearsal shows: steps in Python that trip, work that outlasts its lease, workspaces that come late."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from unittest import mock

from django.db import connections

from crm_core.people.contacts import services as contacts
from crm_platform.db import sides
from crm_platform.kernel import clock
from crm_platform.kernel.permissions import robot
from tenants.models import Rollout, RolloutStep, State, Workspace
from tenants.provisioning import owner
from tenants.rollout import measuring, rehearsal, run, steps
from tenants.rollout.models import Ring, RolloutState

from .test_rollout import COLUMN, _has_column, _in_the_way, _states, firms

__all__ = ["firms"]
# A backfill that one firm's data is too odd for.
TRIPS = """
    migrations.RunPython(lambda apps, editor: {}["odd"] if apps.get_model("contacts", "Contact").objects.exists() else None, migrations.RunPython.noop),
"""


def _set(door: Any, **values: Any) -> None:
    with sides.control_unit():
        Workspace.objects.filter(pk=door.workspace.pk).update(**values)


def test_a_step_in_python_that_trips_fails_alone_and_is_seen(firms) -> None:
    doors = firms(4)
    with doors[1].unit():
        contacts.create_contact(robot("test"), first_name="Zoë")
    with rehearsal.release("contacts", "0098_odd", TRIPS):
        assert run.work(steps.start(by="test")).state == RolloutState.DONE
        assert sorted(_states().values()) == ["done", "done", "done", "failed"]
        with sides.control_unit():
            facts = steps.status()["rollout"]
    assert (facts["failing"], list(facts["errors"])) == ([doors[1].workspace.slug], ["KeyError"])


def test_a_failure_of_our_own_that_comes_while_another_hand_looks_opens_no_ring(firms, settings) -> None:
    doors = firms(2)
    settings.CRM_OWN_WORKSPACES = [doors[1].workspace.slug]
    with rehearsal.release("contacts", "0098_shoe_size", COLUMN):
        made = steps.start(by="test")
        [taken] = steps.claim(made, most=5)
        look = steps._forget_gone

        def fail() -> None:
            steps.failed(taken, error="in the way", transient=False)
            connections.close_all()

        def meanwhile(rollout: Rollout) -> Any:
            with ThreadPoolExecutor(1) as other:
                other.submit(fail).result()
            return look(rollout)

        with mock.patch.object(steps, "_forget_gone", meanwhile):
            judged = steps.go_on(made.pk)
    assert (judged.state, judged.ring) == (RolloutState.HALTED, Ring.OWN)


def test_a_workspace_that_somebody_is_at_is_left_alone_though_the_lease_is_over(firms) -> None:
    """A step in Python may take longer than the lease of a whole batch: twice at once it would write everything twice."""
    [door] = firms(1)
    with rehearsal.release("contacts", "0098_shoe_size", COLUMN):
        made = steps.start(by="test")
        made.ring = Ring.ALL
        [taken] = steps.claim(made, most=5)
        with run._Owners() as owners:
            with owner.direct(door.place.alias) as other, owner.tried(other, "workspace", taken.workspace_id) as mine:
                assert mine
                assert run._bring(taken, owners) is None
                assert not _has_column(door)
            with sides.control_unit():
                step = RolloutStep.objects.get()
            assert (step.state, step.error) == ("waiting", "")
            assert run._bring(taken, owners) is not None
            assert _has_column(door)
        with sides.control_unit():
            RolloutStep.objects.update(leased_until=clock.real_now() - timedelta(seconds=1))
        assert run.work(made).state == RolloutState.DONE


def test_whoever_is_behind_after_a_rollout_is_brought_by_one_more_and_those_that_failed_wait(firms) -> None:
    late, broken, done = firms(3)
    _in_the_way(broken)
    _set(late, state=State.SPARE)  # one that has no step: claimed by the release before, or asleep with its schema still there
    with rehearsal.release("contacts", "0098_shoe_size", COLUMN):
        assert steps.start_for_latecomers() is None  # the first rollout to a release is an operator's, or the start's
        assert run.work(steps.start(by="test")).state == RolloutState.DONE
        assert steps.start_for_latecomers() is None  # what has failed is not tried for ever
        _set(late, state=State.ACTIVE)
        found = steps.start_for_latecomers()
        assert found is not None
        assert steps.start_for_latecomers() is None  # one is open
        assert run.work(found).state == RolloutState.DONE
        assert _has_column(late)
        assert steps.start_for_latecomers() is None
        with sides.control_unit():
            assert list(Rollout.objects.order_by("pk").values_list("started_by", flat=True)) == ["test", "keeper"]
            assert not steps.behind().exclude(pk=broken.workspace.pk).exists()
    assert done


def test_whether_anything_is_to_migrate_is_one_statement(firms) -> None:
    firms(3)
    assert measuring._behind_in_statements() == (0, 1)
    with rehearsal.release("contacts", "0098_shoe_size", COLUMN):
        assert measuring._behind_in_statements() == (3, 1)


def test_the_release_before_starts_nothing_while_a_newer_one_is_here(firms) -> None:
    firms(1)
    with rehearsal.release("contacts", "0098_shoe_size", COLUMN):
        run.work(steps.start(by="test"))
    with sides.control_unit():  # a keeper of the release before still runs; it has had a rollout of its own
        Rollout.objects.update(version="an earlier one")
        assert steps.behind().exists()
    assert steps.start_for_latecomers() is None


def test_an_operator_who_has_seen_our_own_fail_may_go_on_without_it(firms, settings) -> None:
    doors = firms(3)
    settings.CRM_OWN_WORKSPACES = [doors[1].workspace.slug]
    _in_the_way(doors[1])
    with rehearsal.release("contacts", "0098_shoe_size", COLUMN):
        assert run.work(steps.start(by="test")).state == RolloutState.HALTED
        assert run.work(steps.resume()).state == RolloutState.DONE
        assert (_has_column(doors[0]), _has_column(doors[2])) == (True, True)


def test_those_that_failed_do_not_halt_the_bringing_of_a_latecomer(firms) -> None:
    *broken, late = firms(4)
    for door in broken:
        _in_the_way(door)
    _set(late, state=State.SPARE)
    with rehearsal.release("contacts", "0098_shoe_size", COLUMN):
        assert run.work(steps.start(by="test")).state == RolloutState.HALTED
        assert run.work(steps.resume()).state == RolloutState.DONE
        _set(late, state=State.ACTIVE)
        found = steps.start_for_latecomers()
        assert found is not None
        assert run.work(found).state == RolloutState.DONE
        assert _has_column(late)
        with sides.control_unit():
            facts = steps.status()["rollout"]
        assert sorted(facts["failing"]) == sorted(door.workspace.slug for door in broken)  # they are not forgotten by what came after
        for door in broken:
            with owner.seated(door.place.alias):
                owner.run(f'ALTER TABLE "{door.place.schema}".contact DROP COLUMN shoe_size')
        again, number = steps.retry()
        assert (number, run.work(again).state) == (3, RolloutState.DONE)
        assert all(_has_column(door) for door in broken)
