"""Dormant workspaces: never without their schema or a proven snapshot; awake within seconds, passwords, sessions and jobs intact."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from click.testing import CliRunner
from django.conf import settings
from django.core.files.storage import FileSystemStorage
from django.db import OperationalError, connections
from django.utils.module_loading import autodiscover_modules

from crm_core.people.contacts import services as contacts
from crm_core.people.contacts.models import Contact
from crm_platform.db import sides
from crm_platform.jobs import serving, turns
from crm_platform.jobs.models import Job
from crm_platform.kernel import clock, commands, jobs, sealing, workspace
from crm_platform.kernel.permissions import robot
from crm_platform.letters.models import Letter
from tenants import calling, finding, keeper, routing, scheduler
from tenants.carrying import spares
from tenants.models import Due, Looked, Nap, NapStep, Snapshot, Spare, State, Workspace
from tenants.provisioning import owner
from tenants.sleeping import asking, services, waking
from tenants.snapshots import services as snapshots
from tests.conftest import PASSWORD

ROBOT = robot("test")


class Killed(BaseException):
    """The process is gone at this point."""


@pytest.fixture(autouse=True)
def kept_in(tmp_path: Path) -> Iterator[Path]:
    """A folder of this test's own for the files."""
    with mock.patch.object(snapshots, "_storage", return_value=FileSystemStorage(location=tmp_path)):
        yield tmp_path


@pytest.fixture
def firm(doors) -> Any:
    with doors.unit():
        contacts.create_contact(ROBOT, first_name="Zoë")
    return doors


@pytest.fixture
def keeper_at_work(firm, django_db_blocker: Any) -> Iterator[None]:
    """The keeper's waker, in a thread."""
    stop = threading.Event()

    def work() -> None:
        with django_db_blocker.unblock():
            waking.watch(stop)
        connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    stop.set()
    calling.call(calling.WAKE)
    thread.join()


def _now(door: Any) -> Workspace:
    with sides.control_unit():
        return Workspace.objects.get(pk=door.workspace.pk)


def _sleep(door: Any) -> Nap:
    nap = services.proceed(services.begin(_now(door)))
    routing.forget()
    return nap


def _asked(door: Any) -> bool:
    with sides.control_unit():
        return Nap.objects.filter(workspace=door.workspace, finished_at=None, wake_asked_at__isnull=False).exists()


def _has_schema(door: Any, schema: str) -> bool:
    with owner.seated(door.place.alias):
        return owner.has_workspace(schema)


def _names(door: Any) -> list[str]:
    with sides.unit(_now(door).place):
        return list(Contact.objects.values_list("first_name", flat=True))


def test_a_visit_wakes_it_and_the_session_and_the_password_live_on(firm, keeper_at_work) -> None:
    client = firm.client()
    assert client.get("/contacts").status_code == 200
    nap = _sleep(firm)
    assert (_now(firm).state, nap.step, _has_schema(firm, firm.place.schema)) == (State.ASLEEP, NapStep.ASLEEP, False)
    assert (client.get("/ringing", HTTP_HX_REQUEST="true").status_code, _asked(firm)) == (204, False)  # a page somebody forgot asks by itself: nobody comes
    began, page = time.monotonic(), client.get("/contacts")
    assert (page.status_code, page["Refresh"]) == (503, "2")
    assert "asleep" in page.content.decode()
    while (page := client.get("/contacts")).status_code == 503 and time.monotonic() - began < 20:
        time.sleep(0.1)
    assert page.status_code == 200
    assert "Zoë" in page.content.decode()
    row = _now(firm)
    assert (row.state, row.public_id, row.generation) == (State.ACTIVE, firm.place.public_id, 1)
    stranger = firm.client(email=None)
    assert stranger.post("/account/login/", {"login": "olga@veldhuis.example", "password": PASSWORD}).status_code == 302
    keeper.round_once()
    with sides.control_unit():
        assert not Spare.objects.filter(owner=firm.workspace).exists()


def test_a_form_waits_and_is_done_and_two_at_once_wake_once(firm, keeper_at_work, django_db_blocker: Any) -> None:
    one, two = firm.client(), firm.client()
    _sleep(firm)
    answers: list[int] = []

    def send(client: Any, name: str) -> None:
        with django_db_blocker.unblock():
            answers.append(client.post("/contacts/new", {"first_name": name}).status_code)
        connections.close_all()

    threads = [threading.Thread(target=send, args=(client, name)) for client, name in ((one, "Ann"), (two, "Ben"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(status in (302, 303) for status in answers), answers
    assert sorted(_names(firm)) == ["Ann", "Ben", "Zoë"]
    with sides.control_unit():
        assert Nap.objects.filter(workspace=firm.workspace, step=NapStep.AWAKE).count() == 1


def test_without_a_keeper_a_program_is_told_to_come_again(firm) -> None:
    client = firm.client()
    _sleep(firm)
    with mock.patch.object(asking, "PATIENCE", 0.2):
        answer = client.post("/contacts/new", {"first_name": "Ann"}, HTTP_ACCEPT="application/json")
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (503, "asleep", "2")


def test_a_timer_wakes_it_and_what_the_house_does_by_night_does_not(firm) -> None:
    rings = clock.real_now() + timedelta(hours=3)
    with firm.unit():
        Job.objects.all().delete()
        jobs.later("metering.prove", 0, at=clock.real_now() + timedelta(hours=1), key="metering.prove")
    _sleep(firm)
    with sides.control_unit():
        assert not Due.objects.filter(workspace=firm.workspace).exists()
        nap = Nap.objects.get(workspace=firm.workspace)
    waking.wake(nap)
    with sides.unit(_now(firm).place):
        jobs.later("imports.run", 1, at=rings)
    _sleep(firm)
    with sides.control_unit():
        assert Due.objects.get(workspace=firm.workspace).at == rings
        Due.objects.filter(workspace=firm.workspace).update(at=clock.real_now())
    scheduler.ring()
    with mock.patch.object(asking, "PATIENCE", 0.1):
        turns.queue().delete(turns.NOW, turns.REST)
        turns.ask(firm.place.public_id, 1)
        serving.serve_turn()
    assert _asked(firm)
    assert waking.wake_asked() == 1
    assert _now(firm).state == State.ACTIVE


def test_who_comes_by_public_id_wakes_it_too(firm, keeper_at_work) -> None:
    _sleep(firm)
    with workspace.unit(firm.place.public_id):
        assert Contact.objects.count() == 1


SLEEPS = ("snapshot.begun", "snapshot.written", "sleep.taken", "sleep.spare", "sleep.loaded", "sleep.proved", "sleep.closing", "sleep.fenced", "sleep.marked", "sleep.dropped", "sleep.asleep")


@pytest.mark.parametrize("point", SLEEPS)
def test_killed_on_the_way_to_sleep_at(point: str, firm) -> None:
    def die(name: str) -> None:
        if name == point:
            raise Killed

    nap = services.begin(_now(firm))
    with mock.patch.object(services, "reached", die), mock.patch.object(snapshots, "reached", die), pytest.raises(Killed):
        services.proceed(nap)
    with sides.control_unit():
        proven = Snapshot.objects.filter(workspace=firm.workspace, proved_at__isnull=False).exists()
    assert proven or _has_schema(firm, firm.place.schema)
    keeper.round_once()
    assert _now(firm).state == State.ASLEEP
    with sides.control_unit():
        nap.refresh_from_db()
    assert (nap.step, _has_schema(firm, firm.place.schema)) == (NapStep.ASLEEP, False)
    assert waking.wake(nap)
    assert _names(firm) == ["Zoë"]


@pytest.mark.parametrize("point", ["wake.spare", "wake.loaded", "wake.exchanged"])
def test_killed_while_waking_at(point: str, firm) -> None:
    def die(name: str) -> None:
        if name == point:
            raise Killed

    nap = _sleep(firm)
    asking.ask(firm.place.public_id)
    with mock.patch.object(waking, "reached", die), pytest.raises(Killed):
        waking.wake(nap)
    keeper.round_once()
    assert _now(firm).state == State.ACTIVE
    assert _names(firm) == ["Zoë"]
    with sides.control_unit():
        assert not Nap.objects.filter(workspace=firm.workspace, finished_at=None).exists()
        Spare.objects.filter(owner=firm.workspace).update(made_at=clock.real_now() - timedelta(hours=1))
    keeper.round_once()
    with sides.control_unit():
        assert not Spare.objects.filter(owner=firm.workspace).exists()


def test_one_that_comes_before_the_schema_is_dropped_finds_it_as_it_was(firm) -> None:
    def die(name: str) -> None:
        if name == "sleep.marked":
            raise Killed

    nap = services.begin(_now(firm))
    with mock.patch.object(services, "reached", die), pytest.raises(Killed):
        services.proceed(nap)
    assert waking.wake(nap)
    assert _now(firm).place == firm.place
    assert _names(firm) == ["Zoë"]


def test_whoever_writes_meanwhile_keeps_it_awake(firm) -> None:
    def write(name: str) -> None:
        if name == "sleep.proved":
            with firm.unit():
                contacts.create_contact(ROBOT, first_name="Ann")

    nap = services.begin(_now(firm))
    with mock.patch.object(services, "reached", write), pytest.raises(services.AtWork):
        services.proceed(nap)
    assert _now(firm).state == State.ACTIVE
    assert sorted(_names(firm)) == ["Ann", "Zoë"]


def test_a_snapshot_that_does_not_come_back_takes_nothing_away(firm, kept_in: Path) -> None:
    def damage(name: str) -> None:
        if name == "sleep.taken":
            [file] = [path for path in kept_in.rglob("*") if path.is_file()]
            file.write_bytes(file.read_bytes()[:-30])

    nap = services.begin(_now(firm))
    with mock.patch.object(services, "reached", damage), pytest.raises(sealing.Broken):
        services.proceed(nap)
    assert (_now(firm).state, _names(firm)) == (State.ACTIVE, ["Zoë"])


def test_the_free_and_idle_fall_asleep_by_themselves_and_nobody_else(firm, make_door, settings) -> None:
    settings.CRM_SLEEP_DAYS = 30
    free, old = make_door(plan="free"), clock.real_now() - timedelta(days=40)
    services._not_now.clear()
    with sides.control_unit():
        Workspace.objects.exclude(pk__in=(free.workspace.pk, firm.workspace.pk)).filter(state=State.ACTIVE).update(claimed_at=clock.real_now())
        Workspace.objects.filter(pk__in=(free.workspace.pk, firm.workspace.pk)).update(claimed_at=old)
        for door in (free, firm):
            Looked.objects.update_or_create(workspace=door.workspace, defaults={"changed_at": old, "at": clock.real_now()})
    for _round in range(3):
        services.one_more()
    assert (_now(free).state, _now(firm).state) == (State.ASLEEP, State.ACTIVE)
    settings.CRM_SLEEP_DAYS = 0
    assert not services.one_more()


def test_a_sleeper_is_not_moved_and_not_put_to_sleep_twice(firm) -> None:
    from tenants.moving import services as moving

    nap = _sleep(firm)
    with pytest.raises(spares.NotServed):
        moving.begin(_now(firm), to="cell2")
    assert services.begin(_now(firm)).pk == nap.pk


COMMANDS: dict[str, list[str]] = {
    "create-token": ["--email", "olga@veldhuis.example"],
    "create-integration": ["--email", "olga@veldhuis.example"],
    "archive-workspace": ["--out", "{folder}/all.zip"],
    "set-plan": ["--plan", "start"],
    "restore-beside": [],
    "rename-workspace": ["--to", "{slug}-two"],
    "leave-workspace": ["--days", "7"],
    "move-workspace": ["--to", "{other}"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_that_works_inside_wakes_it_first(firm, tmp_path: Path, name: str) -> None:
    _sleep(firm)
    other = next(alias for alias in settings.CELLS if alias != _now(firm).alias)
    given = [word.format(folder=tmp_path, slug=firm.place.slug, other=other) for word in COMMANDS[name]]
    autodiscover_modules("commands")
    done = CliRunner().invoke(commands.group, [name, "--workspace", firm.place.slug, *given], standalone_mode=False)
    assert done.exception is None, done.exception
    assert _now(firm).state == (State.LEAVING if name == "leave-workspace" else State.ACTIVE)
    assert _names(firm) == ["Zoë"]


def test_a_command_without_the_owners_login_asks_the_keeper(firm, keeper_at_work) -> None:
    _sleep(firm)
    with mock.patch.object(finding, "owner", mock.Mock(held=lambda: False)):
        assert finding.awake(firm.place.slug).state == State.ACTIVE


def test_waking_one_that_is_awake_says_so(firm) -> None:
    autodiscover_modules("commands")
    said = CliRunner().invoke(commands.group, ["wake-workspace", "--workspace", firm.place.slug], standalone_mode=False)
    assert said.exception is None, said.exception
    assert said.output == f"{firm.place.slug} is awake already.\n"
    _sleep(firm)
    said = CliRunner().invoke(commands.group, ["wake-workspace", "--workspace", firm.place.slug], standalone_mode=False)
    assert "is awake after" in said.output


def _lose(kept_in: Path) -> tuple[Path, bytes]:
    """The file of the one snapshot goes; how to put it back."""
    [file] = [path for path in kept_in.rglob("*") if path.is_file()]
    content = file.read_bytes()
    file.unlink()
    return file, content


@pytest.fixture
def alarms(settings: Any) -> Iterator[Any]:
    """How many letters the operator got about a workspace."""
    settings.CRM_OPERATOR_EMAILS = ["ops@house.example"]
    waking._put_off.clear()

    def count(door: Any) -> int:
        with sides.control_unit():
            return Letter.objects.filter(to="ops@house.example", subject=f"{door.place.slug} cannot be woken").count()

    yield count
    waking._put_off.clear()


def _listed(door: Any) -> dict[str, Any]:
    autodiscover_modules("commands")
    said = CliRunner().invoke(commands.group, ["list-workspaces", "--json"], standalone_mode=False)
    [found] = [row for row in json.loads(said.output) if row["slug"] == door.place.slug]
    return dict(found)


@pytest.mark.parametrize("how", ["gone", "cut short"])
def test_one_whose_snapshot_is_lost_says_so_and_the_operator_is_told_once(firm, kept_in: Path, alarms, how: str) -> None:
    client = firm.client()
    _sleep(firm)
    assert _listed(firm)["trouble"] == ""
    file, content = _lose(kept_in)
    if how == "cut short":
        file.write_bytes(content[:-30])
    assert client.get("/contacts")["Refresh"] == "2"
    for _round in range(3):
        waking._put_off.clear()
        assert waking.wake_asked() == 0
        with mock.patch.object(waking, "wake", side_effect=AssertionError("tried again at once")):
            keeper.round_once()
    page = client.get("/contacts", HTTP_ACCEPT_LANGUAGE="ru")
    assert (page.status_code, page.has_header("Refresh"), page["Retry-After"]) == (503, False, "600")
    assert "само оно не проснётся" in page.content.decode()
    answer = client.post("/contacts/new", {"first_name": "Ann"}, HTTP_ACCEPT="application/json")
    assert (answer.status_code, answer.json()["code"]) == (503, "cannot_wake")
    assert alarms(firm) == 1
    assert _listed(firm)["trouble"]
    said = CliRunner().invoke(commands.group, ["wake-workspace", "--workspace", firm.place.slug], standalone_mode=False)
    assert isinstance(said.exception, snapshots.UNUSABLE)
    with sides.control_unit():
        assert not Spare.objects.filter(owner=firm.workspace).exists()
    file.write_bytes(content)
    said = CliRunner().invoke(commands.group, ["wake-workspace", "--workspace", firm.place.slug], standalone_mode=False)
    assert "is awake after" in said.output
    assert (_names(firm), _listed(firm)["trouble"], alarms(firm)) == (["Zoë"], "", 1)
    assert client.get("/contacts").status_code == 200


def test_a_database_that_is_down_is_no_lost_snapshot(firm, alarms) -> None:
    client = firm.client()
    _sleep(firm)
    client.get("/contacts")
    with mock.patch.object(waking.spares, "make", side_effect=OperationalError("down")):
        assert waking.wake_asked() == 0
    assert (client.get("/contacts")["Refresh"], alarms(firm), _listed(firm)["trouble"]) == ("2", 0, "")
