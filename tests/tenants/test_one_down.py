"""One database of workspaces is down: its workspaces get a sentence, all others go on, and so do keeper, scheduler and workers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from django.conf import settings
from django.db import connections
from psycopg import sql

from crm_platform.db import sides
from crm_platform.jobs import broker, serving
from crm_platform.kernel import clock
from tenants import keeper, sweeping
from tenants.lifecycle.models import Departure
from tenants.models import State, Workspace
from tenants.moving import services as moving
from tenants.provisioning import outage, owner, pool
from tests.beside import beside
from tests.conftest import new_workspace


def _allow(name: str, *, yes: bool) -> None:
    with beside("cell2") as one:
        one.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}").format(sql.Identifier(name), sql.SQL("true" if yes else "false")))
        if not yes:
            one.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])


@pytest.fixture
def two_homes(make_door) -> tuple[Any, Any]:
    """One workspace in each database; the second is down from `down()` on, until the end of the test."""
    made = []
    for cell in (owner.FIRST, "cell2"):
        pool.fill(to=1, cell=cell)
        with mock.patch.object(pool, "occupancy", return_value={cell: 0}):
            made.append(make_door())
    return made[0], made[1]


@pytest.fixture
def down(two_homes) -> Iterator[None]:
    name = settings.DATABASES["cell2"]["NAME"]
    _allow(name, yes=False)
    yield
    _allow(name, yes=True)
    outage.forget()
    for alias in ("cell2", "owner_cell2"):
        connections[alias].close()


def test_its_workspaces_get_a_sentence_and_the_others_serve(two_homes, request) -> None:
    here, there = two_homes
    ours, theirs = here.client(), there.client()
    request.getfixturevalue("down")
    assert ours.get("/board").status_code == 200
    answer = theirs.get("/board")
    assert (answer.status_code, answer["Retry-After"]) == (503, "10")
    health = ours.get("/healthz").json()
    assert health["checks"]["workspaces"] == "unreachable: cell2"
    assert ours.get("/healthz/ready").status_code == 200


def test_keeper_scheduler_and_workers_go_on_for_the_others(two_homes, down) -> None:
    here, there = two_homes
    with sides.control_unit():
        for row in (there.workspace, here.workspace):
            Workspace.objects.filter(pk=row.pk).update(state=State.LEAVING)
            Departure.objects.create(workspace=row, erases_at=clock.now(), asked_by="operator", asked_at=clock.now())
        Workspace.objects.filter(state=State.POOL).delete()
    keeper.round_once()
    with sides.control_unit():
        states = dict(Workspace.objects.filter(pk__in=(here.workspace.pk, there.workspace.pk)).values_list("pk", "state"))
        ready = set(Workspace.objects.filter(state=State.POOL).exclude(template_version="in the making").values_list("alias", flat=True))
    assert states == {here.workspace.pk: State.ERASED, there.workspace.pk: State.LEAVING}
    assert ready == {owner.FIRST}
    sweeping.Sweeper().round(threading.Event())
    broker.wake(there.place.public_id, 1)
    for _turn in range(20):
        serving.serve_turn()


def test_whoever_signs_up_meanwhile_lives_in_another(two_homes, down) -> None:
    pool.fill(to=1, cell=owner.FIRST)
    with sides.control_unit():  # its ready ones stand in the registry as before
        template_version = Workspace.objects.filter(state=State.POOL, alias=owner.FIRST).values_list("template_version", flat=True)[0]
        ready = Workspace.objects.create(schema_name="w_unreachable1", alias="cell2", template_version=template_version)
    with mock.patch.object(pool, "occupancy", return_value={"cell2": 0, owner.FIRST: 1}):
        made = new_workspace()
        pool.fill(to=1, cell=owner.FIRST)
        again = new_workspace()
    with sides.control_unit():
        given_back = Workspace.objects.get(pk=ready.pk)
        Workspace.objects.filter(pk=ready.pk).delete()
    assert (made.alias, made.state, again.alias) == (owner.FIRST, State.ACTIVE, owner.FIRST)
    assert (given_back.state, given_back.slug) == (State.CLAIMING, None)
    for one in (made, again):
        pool.discard(one)


def test_a_move_out_of_or_into_it_waits(two_homes, down) -> None:
    here, there = two_homes
    for row, to in ((here.workspace, "cell2"), (there.workspace, owner.FIRST)):
        move = moving.begin(row, to=to)
        assert moving.resume_all() == 0
        with sides.control_unit():
            move.refresh_from_db()
        assert (move.finished_at, move.attempts) == (None, 1)
        with sides.control_unit():
            move.delete()
