"""A workspace moves to another database: nothing lost, nobody refused, and it can go back. What a kill leaves at each step: tests/faults."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from click.testing import CliRunner
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, connections
from django.utils import timezone

from crm_core.groundwork.attachments import services as attachments
from crm_core.groundwork.attachments.models import Attachment
from crm_core.people.contacts import services as contacts
from crm_core.people.contacts.models import Contact
from crm_core.sales.deals import services as deals
from crm_platform.db import sides
from crm_platform.events.models import Event
from crm_platform.kernel import clock, commands, workspace
from crm_platform.kernel.permissions import robot
from tenants import commands as _commands  # noqa: F401 (registers them)
from tenants import keeper
from tenants.carrying import spares, stopping, tables, turns
from tenants.lifecycle import erasing, states
from tenants.lifecycle.models import Entry
from tenants.models import Move, Spare, State, Step, Workspace
from tenants.moving import services as moving
from tenants.provisioning import owner, pool

ROBOT = robot("test")


@pytest.fixture
def at_home(make_door) -> Any:
    """A workspace in the first database, with a few rows."""
    pool.fill(to=1, cell=owner.FIRST)
    with mock.patch.object(pool, "occupancy", return_value={owner.FIRST: 0}):
        door = make_door()
    with door.unit():
        for number in range(5):
            contacts.create_contact(ROBOT, first_name=f"Zoë {number}", emails=[{"value": f"z{number}@example.com"}])
        deals.create_deal(ROBOT, name="Kitchen")
    return door


def _now(door: Any) -> Workspace:
    with sides.control_unit():
        return Workspace.objects.get(pk=door.workspace.pk)


def _move(door: Any, to: str = "cell2") -> Move:
    return moving.proceed(moving.begin(_now(door), to=to))


def _names(place: Any) -> list[str]:
    with sides.unit(place):
        return sorted(Contact.objects.values_list("first_name", flat=True))


def _amounts(row: Workspace) -> dict[str, tables.Sum]:
    with owner.direct(row.alias) as one:
        return tables.sums(one, row.schema_name, tables.tables(one, row.schema_name))


def test_a_moved_workspace_is_equal_and_serves_from_the_other_database(at_home) -> None:
    client, before = at_home.client(), _amounts(_now(at_home))
    assert client.get("/board").status_code == 200
    middle = _amounts(_now(at_home))
    move = _move(at_home)
    row = _now(at_home)
    assert (row.alias, row.public_id, row.generation, move.step) == ("cell2", at_home.place.public_id, 1, Step.DONE)
    assert _amounts(row) == middle
    assert middle["contact"] == before["contact"]
    assert (move.rows > 50, move.stood_still_ms is not None) == (True, True)
    assert client.get("/board").status_code == 200  # the session lives on, and the believed address is corrected
    with sides.unit(row.place), connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        assert cursor.fetchone() == ("kartoteka2",)


def test_it_goes_back_with_what_was_written_since_and_the_old_place_is_kept_until_its_day(at_home) -> None:
    _move(at_home)
    with sides.unit(_now(at_home).place):
        contacts.create_contact(ROBOT, first_name="Later")
    back = moving.proceed(moving.begin_back(_now(at_home)))
    assert (back.to_alias, _now(at_home).alias) == (owner.FIRST, owner.FIRST)
    assert "Later" in _names(_now(at_home).place)
    with sides.control_unit():
        old = list(Workspace.objects.filter(spare__owner=at_home.workspace, spare__use="old"))
    assert len(old) == 2
    keeper.round_once()
    assert all(spares.held(row) for row in old)
    with sides.control_unit():
        Spare.objects.filter(schema__in=old).update(drop_at=timezone.now())
    keeper.round_once()
    with sides.control_unit():
        assert not Spare.objects.filter(owner=at_home.workspace).exists()
    with pytest.raises(moving.NoWayBack):
        moving.begin_back(_now(at_home))


def test_what_changes_during_the_copy_is_carried_after(at_home) -> None:
    with at_home.unit():
        one = Contact.objects.get(first_name="Zoë 0")
    real = moving._note

    def meanwhile(move: Move, step: Step, **values: Any) -> None:
        real(move, step, **values)
        if step == Step.COPIED and not move.carried_after:
            with sides.unit(at_home.place):
                Contact.objects.filter(pk=one.pk).update(first_name="Changed")
                contacts.create_contact(ROBOT, first_name="Added")
                deals.create_deal(ROBOT, name="Bathroom")

    with mock.patch.object(moving, "_note", meanwhile):
        move = _move(at_home)
    assert move.carried_after >= 3
    names = _names(_now(at_home).place)
    assert {"Changed", "Added"} <= set(names)
    assert "Zoë 0" not in names


def test_deleted_rows_do_not_come_along_even_if_others_took_their_place(at_home) -> None:
    source = at_home.place.schema
    real = moving._note

    def meanwhile(move: Move, step: Step, **values: Any) -> None:
        real(move, step, **values)
        if step == Step.COPIED and not move.carried_after:
            with owner.direct() as one:
                one.execute(f'DELETE FROM "{source}".event')
                one.execute(f"DELETE FROM \"{source}\".contact WHERE first_name = 'Zoë 1'")

    with mock.patch.object(moving, "_note", meanwhile):
        _move(at_home)
    amounts = _amounts(_now(at_home))
    assert amounts["event"].rows == 0


def test_what_cannot_be_begun_is_refused_with_a_sentence(at_home) -> None:
    row = _now(at_home)
    with pytest.raises(moving.Unknown, match="cell9"):
        moving.begin(row, to="cell9")
    with pytest.raises(moving.Here):
        moving.begin(row, to=owner.FIRST)
    with pytest.raises(moving.NoWayBack):
        moving.begin_back(row)
    with sides.control_unit():
        Workspace.objects.filter(pk=row.pk).update(template_version="older")
    with pytest.raises(moving.Behind, match="Roll out first"):
        moving.begin(row, to="cell2")
    with sides.control_unit():
        assert not Move.objects.filter(workspace=row).exists()


def test_the_journal_and_the_audit_say_that_it_has_moved(at_home) -> None:
    client = at_home.client()
    _move(at_home)
    with sides.control_unit():
        [entry] = Entry.objects.filter(workspace=at_home.workspace, kind="moved")
    assert (entry.by_kind, entry.body["event"]) == ("operator", {"before": {"name": owner.FIRST}, "after": {"name": "cell2"}})
    with clock.frozen(clock.now() + timedelta(minutes=1)):
        keeper.round_once()
    with sides.unit(_now(at_home).place):
        assert Event.objects.filter(name="workspace.moved").count() == 1
    assert "moved the workspace to another database" in client.get("/settings/journal").content.decode()


def test_two_operators_at_once(at_home) -> None:
    row = _now(at_home)
    move = moving.begin(row, to="cell2")
    with pytest.raises(moving.UnderWay, match="One move at a time"):
        moving.begin(row, to="cell2")
    with turns.turn(row.pk) as mine:
        assert mine
        done = CliRunner().invoke(commands.group, ["move-workspace", "--workspace", str(row.slug), "--to", "cell2", "--json"], standalone_mode=False)
        assert isinstance(done.exception, turns.Busy)
        assert moving.resume_all() == 0
    assert moving.proceed(move).step == Step.DONE


def test_the_way_back_too_goes_on_where_it_is_repeated_after_a_kill(at_home) -> None:
    _move(at_home)
    moving.begin_back(_now(at_home))  # and its command was killed
    told = CliRunner().invoke(commands.group, ["move-workspace", "--workspace", str(at_home.workspace.slug), "--back", "--json"], standalone_mode=False)
    assert (told.exception, _now(at_home).alias) == (None, owner.FIRST)


def test_a_writer_without_a_pause_puts_the_move_off_and_the_workspace_stays(at_home) -> None:
    with owner.direct() as writer:
        writer.execute("BEGIN")
        writer.execute(f"UPDATE \"{at_home.place.schema}\".contact SET first_name = 'Held'")
        with mock.patch.object(stopping, "TRIES", 1), mock.patch.object(stopping, "PATIENCE", 100), pytest.raises(stopping.NeverStill):
            moving.proceed(moving.begin(_now(at_home), to="cell2"))
        writer.execute("COMMIT")
    assert _now(at_home).alias == owner.FIRST
    keeper.round_once()
    assert _now(at_home).alias == "cell2"
    assert set(_names(_now(at_home).place)) == {"Held"}


def test_a_workspace_that_leaves_is_not_moved_and_an_erased_one_leaves_nothing_in_either_database(at_home) -> None:
    _move(at_home)
    row = _now(at_home)
    erasing.erase_at_once(row, by=states.OPERATOR)
    keeper.round_once()
    with sides.control_unit():
        assert Workspace.objects.get(pk=row.pk).state == State.ERASED
        assert not Spare.objects.filter(owner=row).exists()
    for cell, schema in (("cell2", row.schema_name), (owner.FIRST, at_home.place.schema)):
        with owner.seated(cell):
            assert not owner.has_workspace(schema)


class Load:
    """Writers and readers at the door, who count what they were answered."""

    def __init__(self, door: Any) -> None:
        self.door, self.stop = door, threading.Event()
        self.acknowledged: list[str] = []
        self.answers: list[int] = []
        self.threads = [threading.Thread(target=work, args=(number,)) for number, work in enumerate([self._write, self._write, self._read, self._read])]

    def __enter__(self) -> Load:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_args: object) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def _write(self, number: int) -> None:
        client, count = self.door.client(), 0
        while not self.stop.is_set():
            count += 1
            name = f"Load {number}-{count}"
            answer = client.post("/contacts/new", {"first_name": name})
            self.answers.append(answer.status_code)
            if answer.status_code < 400:
                self.acknowledged.append(name)
        connections.close_all()

    def _read(self, _number: int) -> None:
        client = self.door.client()
        while not self.stop.is_set():
            self.answers.append(client.get("/board").status_code)
        connections.close_all()


def test_under_load_no_request_fails_and_every_acknowledged_row_is_there(at_home) -> None:
    with Load(at_home) as load:
        time.sleep(0.7)
        move = _move(at_home)
        time.sleep(0.7)
        _move(at_home, to=owner.FIRST)
        time.sleep(0.7)
    assert set(load.answers) <= {200, 302, 303}, sorted(set(load.answers))
    assert len(load.acknowledged) > 10
    assert set(load.acknowledged) <= set(_names(_now(at_home).place))
    assert move.stood_still_ms is not None
    assert move.stood_still_ms < 5000


def test_a_job_goes_on_where_its_workspace_moved_to(at_home) -> None:
    from crm_platform.jobs import serving
    from crm_platform.jobs import turns as turns_of_jobs
    from crm_platform.jobs.models import Job
    from crm_platform.kernel import jobs

    ran: list[str] = []

    def work(target: int, *, lease: Any) -> None:
        place = workspace.here()
        ran.append(place.alias)
        if len(ran) == 1:
            _move(at_home)
        with sides.unit(place):
            contacts.create_contact(ROBOT, first_name="By the job")

    with at_home.unit():
        pk = jobs.later("test.moving", 1)
    with mock.patch.dict(jobs._registry, {"test.moving": work}):
        for _turn in range(4):
            turns_of_jobs.queue().delete(turns_of_jobs.NOW, turns_of_jobs.REST)
            turns_of_jobs.ask(at_home.place.public_id, 1)
            serving.serve_turn()
    assert ran == [owner.FIRST, "cell2"]
    with sides.unit(_now(at_home).place):
        job = Job.objects.get(pk=pk)
        assert (job.state, job.error) == ("done", "")
    assert _names(_now(at_home).place).count("By the job") == 1


def test_a_moment_that_takes_too_long_lets_the_writers_go_on_and_comes_again(at_home) -> None:
    with mock.patch.object(moving, "MOST_STILL", -1.0):
        move = _move(at_home)
    assert (move.step, _now(at_home).alias) == (Step.DONE, "cell2")


def test_a_file_that_was_on_its_way_arrives_once_where_the_workspace_lives_now(at_home) -> None:
    client = at_home.client()
    with at_home.unit():
        pk = Contact.objects.order_by("pk")[0].pk
    real, seen = attachments.add, []

    def add(actor: Any, **given: Any) -> Any:
        seen.append(workspace.here().alias)
        if len(seen) == 1:
            given["file"].read()
            _move(at_home)
        return real(actor, **given)

    client.get("/board")  # seen a moment ago: the request below writes nothing before its file
    with mock.patch.object(attachments, "add", add), mock.patch.object(stopping, "TRIES", 3):
        answer = client.post(f"/files/contact/{pk}", {"file": SimpleUploadedFile("plan.txt", b"the plan")})
    assert answer.status_code < 400, answer.content
    assert seen == [owner.FIRST, "cell2"]
    with sides.unit(_now(at_home).place):
        [row] = Attachment.objects.all()
        assert (row.name, row.size) == ("plan.txt", 8)


def test_an_error_of_our_own_is_served_as_one(at_home) -> None:
    """A missing table where the workspace lives is no move: tried once more, then said."""
    client = at_home.client()
    with owner.direct() as one:
        one.execute(f'ALTER TABLE "{at_home.place.schema}".deal RENAME TO deal_gone')
    began = time.monotonic()
    assert client.get("/deals").status_code == 500
    assert time.monotonic() - began < 5


def test_a_rollout_that_reaches_it_meanwhile_ends_the_move_and_the_workspace_stays(at_home) -> None:
    real = moving._note

    def meanwhile(move: Move, step: Step, **values: Any) -> None:
        real(move, step, **values)
        if step == Step.COPIED:
            with owner.direct() as one:
                one.execute(f"INSERT INTO \"{at_home.place.schema}\".django_migrations (app, name, applied) VALUES ('contacts', '0099_an_index', now())")

    with mock.patch.object(moving, "_note", meanwhile), pytest.raises(moving.Behind):
        _move(at_home)
    assert _now(at_home).place == at_home.place
    with at_home.unit():
        contacts.create_contact(ROBOT, first_name="Still writable")
    with sides.control_unit():
        assert Move.objects.get(workspace=at_home.workspace).step == Step.GIVEN_UP
