"""A duty of the keeper's for several workspaces: those that cannot be dealt with never stop the others, however many they are."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any
from unittest import mock

import psycopg
import pytest
from django.db import OperationalError

from crm_platform.db import sides
from crm_platform.kernel import clock
from crm_platform.kernel.errors import NotFound
from tenants import calling, keeper
from tenants.lifecycle import erasing
from tenants.lifecycle.models import Departure
from tenants.models import State, Workspace
from tenants.provisioning import owner
from tenants.rollout import run as rollouts
from tenants.rounds import Rounds, is_lost
from tenants.sleeping import waking


@pytest.fixture
def rows(house: None, django_db_blocker: Any) -> Any:
    """Rows of the registry without a schema: eight of one database, and one of another."""
    with django_db_blocker.unblock():
        with sides.control_unit():
            made = [Workspace.objects.create(schema_name=f"w_rounds{number}", alias="cell9" if number < 8 else "cell1", template_version="none", state=State.SPARE) for number in range(9)]
        yield made
        with sides.control_unit():
            Workspace.objects.filter(pk__in=[row.pk for row in made]).delete()


def _waiting(rows: list[Workspace]) -> Any:
    return Workspace.objects.filter(pk__in=[row.pk for row in rows]).order_by("pk")


def _down() -> OperationalError:
    error = OperationalError("connection refused")
    error.__cause__ = psycopg.OperationalError("connection refused")
    return error


def _does(seen: list[str], error: Callable[[], Exception]) -> Callable[[Workspace], None]:
    def do(row: Workspace) -> None:
        seen.append(row.schema_name)
        if row.alias == "cell9":
            raise error()

    return do


@pytest.mark.parametrize("error", [NotFound, _down])
def test_many_that_fail_leave_the_others_their_turn(rows, error: Callable[[], Exception]) -> None:
    duty, seen = Rounds("test", most=4), list[str]()
    assert [duty.go(_waiting(rows), _does(seen, error)) for _round in range(3)].count(1) >= 1
    assert "w_rounds8" in seen


def test_many_that_wait_for_somebody_leave_the_others_their_turn(rows) -> None:
    """None of them fails: a provider that does not answer, say, is asked for them in every round."""
    duty, seen = Rounds("test", most=4), list[str]()

    def do(row: Workspace) -> bool:
        seen.append(row.schema_name)
        return row.alias != "cell9"

    assert sum(duty.go(_waiting(rows), do) for _round in range(3)) == 1
    assert "w_rounds8" in seen


def test_of_a_database_that_is_down_one_a_round_is_tried_and_not_always_the_same(rows) -> None:
    duty = Rounds("test", most=9)
    tried = []
    for _round in range(3):
        seen: list[str] = []
        assert duty.go(_waiting(rows), _does(seen, _down)) == 1
        assert len(seen) == 2
        tried += [name for name in seen if name != "w_rounds8"]
    assert len(set(tried)) == 3


def test_one_broken_workspace_passes_over_nobody(rows) -> None:
    """Its role is gone: the packet that enters it fails, and its database is as well as ever."""
    seen: list[str] = []
    assert Rounds("test", most=9).go(_waiting(rows), _does(seen, lambda: OperationalError("could not enter the workspace: no such role"))) == 1
    assert len(seen) == 9


def test_what_a_mistake_of_ours_raises_is_not_swallowed(rows) -> None:
    with pytest.raises(KeyError):
        Rounds("test", most=9).go(_waiting(rows), _does([], lambda: KeyError("ours")))


def test_a_real_lost_connection_is_known_from_a_refusal(house: None, django_db_blocker: Any) -> None:
    with django_db_blocker.unblock():
        with pytest.raises(psycopg.Error) as refused, owner.direct() as one:
            one.execute("SELECT 1 FROM nowhere_at_all")
        with pytest.raises(psycopg.Error) as lost, owner.direct() as one:
            one.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        with pytest.raises(psycopg.Error) as late, owner.direct() as one:
            one.execute("SET statement_timeout = 1; SELECT pg_sleep(1)")
    assert [is_lost(found.value) for found in (refused, lost, late)] == [False, True, False]


def test_an_erasure_is_due_though_five_others_cannot_be_done(doors, rows, settings) -> None:
    """Their database is not among those that are served: each fails before it begins."""
    with sides.control_unit():
        for row in [*rows[:8], doors.workspace]:
            Workspace.objects.filter(pk=row.pk).update(state=State.LEAVING)
            Departure.objects.create(workspace=row, erases_at=clock.now(), asked_by="operator", asked_at=clock.now())
    try:
        for _round in range(2):
            erasing.erase_due()
        with sides.control_unit():
            assert Workspace.objects.get(pk=doors.workspace.pk).state == State.ERASED
    finally:
        with sides.control_unit():
            Departure.objects.filter(workspace__in=rows).delete()


def test_a_mistake_of_ours_in_one_duty_leaves_the_others_their_turn(house: None, django_db_blocker: Any) -> None:
    """The carrying goes on in a thread: one that ended would be missed by nobody, and nobody moved, woken or kept any more."""
    stop, done = threading.Event(), list[str]()

    def wrong() -> None:
        done.append("wrong")
        if done.count("wrong") > 1:
            stop.set()
        raise KeyError("odd")

    with django_db_blocker.unblock(), mock.patch.object(keeper, "CARRYING", (wrong, lambda: done.append("other"))):
        keeper._carry(stop, every=0.0)
    assert done == ["wrong", "other"] * 2


def test_a_mistake_of_ours_ends_neither_the_waking_nor_the_rollouts(house: None, django_db_blocker: Any) -> None:
    for module, name, work in ((waking, "wake_asked", waking.watch), (rollouts.steps, "open_rollout", functools.partial(rollouts.run, every=0.0))):
        stop, seen = threading.Event(), list[int]()

        def wrong(stop: threading.Event = stop, seen: list[int] = seen) -> None:
            seen.append(1)
            if len(seen) > 1:
                stop.set()
            raise KeyError("odd")

        with django_db_blocker.unblock(), mock.patch.object(calling, "wait"), mock.patch.object(module, name, wrong):
            work(stop)
        assert len(seen) == 2
