"""Free test workspaces by one call: filled, marked, few, without bills, and gone by themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.core.files.storage import FileSystemStorage
from django.test import Client

from billing.providers.protocol import Interval, Target
from billing.subscribing.checkout import begin_checkout
from crm_platform.db import sides
from crm_platform.kernel import clock
from crm_platform.kernel.permissions import robot
from tenants.models import State, Workspace
from tenants.sandboxes import services
from tenants.sandboxes.models import Sandbox
from tenants.sleeping import services as sleeping
from tenants.sleeping import waking
from tenants.snapshots import services as snapshots
from tests.doors.conftest import Program, program_of
from tests.factories.cast import person
from tests.recycling import Recycler


@pytest.fixture(autouse=True)
def tidy(recycler: Recycler, doors: Any) -> Iterator[None]:
    """What was made is emptied for the next test."""
    yield
    with sides.control_unit():
        made = [row.workspace for row in Sandbox.objects.select_related("workspace") if row.workspace is not None]
        Sandbox.objects.all().delete()
    for workspace in made:
        workspace.refresh_from_db()
        if workspace.state == State.ACTIVE:
            recycler.take(workspace)


def _elsewhere(told: dict[str, Any]) -> Program:
    return Program(Client(HTTP_HOST=f"{told['subdomain']}.localhost", raise_request_exception=False), told["token"])


def test_one_call_gives_a_filled_workspace_and_a_token_that_opens_it(api: Program, doors) -> None:
    answer = api.post("test_workspaces", {"name": "CI"}, Idempotency_Key="one")
    told = answer.json()
    assert (answer.status_code, told["is_test"], told["name"]) == (201, True, "Test: CI")
    assert told["ends_at"] == pytest.approx((clock.now() + services.LIFE).timestamp(), abs=120)
    other = _elsewhere(told)
    assert len(other.get("leads?limit=250").json()["_embedded"]["leads"]) > 10
    assert len(other.get("contacts?limit=250").json()["_embedded"]["contacts"]) > 5
    assert other.post("leads", [{"name": "Mine"}]).status_code == 200
    again = api.post("test_workspaces", {"name": "CI"}, Idempotency_Key="one")
    assert again.json() == told
    with sides.control_unit():
        assert Sandbox.objects.filter(asked_in=doors.workspace).count() == 1
    assert other.post("test_workspaces", {}).json()["code"] == "test_of_a_test"


def test_few_of_a_person_and_few_in_a_day(api: Program, doors: Any) -> None:
    for _number in range(services.MOST):
        assert api.post("test_workspaces", {}).status_code == 201
    assert (refused := api.post("test_workspaces", {})).status_code == 409
    assert refused.json()["code"] == "too_many_test_workspaces"
    with sides.control_unit():
        Sandbox.objects.update(ended_at=clock.now())
        home = Sandbox.objects.values_list("asked_in", "asked_by").first()
        for _number in range(services.MOST_A_DAY - services.MOST):
            Sandbox.objects.create(asked_in_id=home[0], asked_by=home[1], ends_at=clock.now(), ended_at=clock.now())
    slow = api.post("test_workspaces", {})
    assert (slow.status_code, int(slow.headers["Retry-After"]) > 80_000) == (429, True)


def test_only_administrators_get_one(doors: Any) -> None:
    with doors.unit():
        person("seller", name="Sam")
    assert program_of(doors, "sam@veldhuis.example").post("test_workspaces", {}).status_code == 403
    with sides.control_unit():
        assert not Sandbox.objects.exists()


def test_it_buys_nothing_and_goes_when_its_time_is_over(api: Program, make_door: Callable[..., Any]) -> None:
    told = api.post("test_workspaces", {}).json()
    with sides.control_unit():
        made = Workspace.objects.get(slug=told["subdomain"])
    with pytest.raises(services.OnlyATest):
        begin_checkout(made.place, Target("team", 1, 1, Interval.MONTH, "EUR"), provider="manual_invoice", actor=robot("test"), success_url="/", cancel_url="/")
    services.end_due()
    with sides.control_unit():
        made.refresh_from_db()
        assert made.state == State.ACTIVE
        Sandbox.objects.update(ends_at=clock.now() - timedelta(seconds=1))
    services.end_due()
    services.end_due()
    with sides.control_unit():
        made.refresh_from_db()
        assert (made.state, made.departure.erases_at > clock.now() + timedelta(days=6)) == (State.LEAVING, True)


def test_one_that_sleeps_when_its_time_is_over_goes_too(api: Program, tmp_path: Path) -> None:
    told = api.post("test_workspaces", {}).json()
    with sides.control_unit():
        made = Workspace.objects.get(slug=told["subdomain"])
    with mock.patch.object(snapshots, "_storage", return_value=FileSystemStorage(location=tmp_path)):
        sleeping.proceed(sleeping.begin(made))
        with sides.control_unit():
            Sandbox.objects.filter(workspace=made).update(ends_at=clock.now() - timedelta(seconds=1))
        services.end_due()
        waking.wake_asked()
        services.end_due()
        with sides.control_unit():
            made.refresh_from_db()
            assert (made.state, Sandbox.objects.get(workspace=made).ended_at is not None) == (State.LEAVING, True)
