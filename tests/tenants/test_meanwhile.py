"""An act upon a workspace was cut short, and before it is taken up again another one is done: the first does not undo the second, nor wait for ever."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.core.files.storage import FileSystemStorage

from crm_core.people.contacts import services as contacts
from crm_core.people.contacts.models import Contact
from crm_platform.db import sides
from crm_platform.kernel.permissions import robot
from tenants import routing
from tenants.carrying import turns
from tenants.models import Beside, BesideStep, Move, Nap, NapStep, Snapshot, Spare, State, Step, Use, Workspace
from tenants.moving import services as moving
from tenants.provisioning import owner, pool
from tenants.returning import services as returning
from tenants.sleeping import services as sleeping
from tenants.snapshots import services as snapshots

ROBOT = robot("test")


class Killed(BaseException):
    """The process is gone at this point."""


@pytest.fixture
def firm(make_door, tmp_path: Path) -> Iterator[Any]:
    """A workspace in the first database with a snapshot of yesterday, when Ann was its only contact; Ben came since."""
    pool.fill(to=1, cell=owner.FIRST)
    with mock.patch.object(pool, "occupancy", return_value={owner.FIRST: 0}):
        door = make_door()
    with mock.patch.object(snapshots, "_storage", return_value=FileSystemStorage(location=tmp_path)):
        with door.unit():
            contacts.create_contact(ROBOT, first_name="Ann")
        snapshots.take(_now(door), why="nightly")
        with door.unit():
            contacts.create_contact(ROBOT, first_name="Ben")
        yield door


def _now(door: Any) -> Workspace:
    with sides.control_unit():
        return Workspace.objects.get(pk=door.workspace.pk)


def _names(door: Any) -> list[str]:
    with sides.unit(_now(door).place):
        return sorted(Contact.objects.values_list("first_name", flat=True))


def _killed(module: Any, point: str, act: Any) -> None:
    def die(name: str) -> None:
        if name == point:
            raise Killed

    with mock.patch.object(module, "reached", die), pytest.raises(Killed):
        act()


def _beside(door: Any) -> Beside:
    return returning.proceed(returning.begin(_now(door)))


@pytest.mark.parametrize("point", ["move.made", "move.rows", "move.copied"])
def test_a_move_that_was_cut_short_does_not_undo_a_return_to_yesterday(point: str, firm) -> None:
    _killed(moving, point, lambda: moving.proceed(moving.begin(_now(firm), to="cell2")))
    returning.return_all(_beside(firm))
    routing.forget()
    place = _now(firm).place
    moving.resume_all()
    assert (_now(firm).place, _names(firm)) == (place, ["Ann"])
    with sides.control_unit():
        move = Move.objects.get(workspace=firm.workspace)
    assert move.step == Step.GIVEN_UP
    assert moving.proceed(moving.begin(_now(firm), to="cell2")).step == Step.DONE  # it can be moved from where it is now
    assert _names(firm) == ["Ann"]


def test_a_return_that_was_cut_short_before_anything_happened_is_given_up_where_the_workspace_moved(firm) -> None:
    beside = _beside(firm)
    _killed(returning, "beside.returning", lambda: returning.return_all(beside))
    moving.proceed(moving.begin(_now(firm), to="cell2"))
    returning.resume_all()
    assert (_now(firm).alias, _names(firm)) == ("cell2", ["Ann", "Ben"])
    with sides.control_unit():
        assert Beside.objects.get(pk=beside.pk).step == BesideStep.READY
        assert Spare.objects.get(schema=beside.spare).use == Use.BESIDE
    with pytest.raises(returning.MovedAway):
        returning.return_all(beside)


@pytest.mark.parametrize("point", ["sleep.taken", "sleep.proved", "sleep.closing"])
@pytest.mark.parametrize("act", ["moved", "returned"])
def test_a_sleep_that_was_cut_short_does_not_close_the_place_that_was_left(act: str, point: str, firm) -> None:
    """What was written since in the place it has now stands in no snapshot."""
    if act == "returned":
        beside = _beside(firm)
    _killed(sleeping, point, lambda: sleeping.proceed(sleeping.begin(_now(firm))))
    if act == "moved":
        moving.proceed(moving.begin(_now(firm), to="cell2"))
    else:
        returning.return_all(beside)
    routing.forget()
    with sides.unit(_now(firm).place):
        contacts.create_contact(ROBOT, first_name="Cem")
    before = _names(firm)
    sleeping.resume_all()
    assert (_now(firm).state, _names(firm)) == (State.ACTIVE, before)
    with sides.control_unit():
        nap = Nap.objects.get(workspace=firm.workspace)
        assert (nap.step, Snapshot.objects.filter(workspace=firm.workspace, keep=True).exists()) == (NapStep.GIVEN_UP, False)
    assert sleeping.proceed(sleeping.begin(_now(firm))).step == NapStep.ASLEEP  # from where it is now


def test_moves_that_others_are_at_take_no_other_s_turn(firm) -> None:
    with sides.control_unit():
        busy = [Workspace.objects.create(schema_name=f"w_busy{number}", alias="cell1", template_version="none", state="erased") for number in range(3)]
        for row in busy:
            Move.objects.create(workspace=row, from_alias="cell1", from_schema=row.schema_name, to_alias="cell2")
    _killed(moving, "move.rows", lambda: moving.proceed(moving.begin(_now(firm), to="cell2")))
    real = turns.turn
    held = {row.pk for row in busy}

    def turn(number: int) -> Any:
        return contextlib.nullcontext(False) if number in held else real(number)

    try:
        with mock.patch.object(turns, "turn", turn):
            for _round in range(3):
                moving.resume_all()
        assert _now(firm).alias == "cell2"
    finally:
        with sides.control_unit():
            Workspace.objects.filter(pk__in=held).delete()
