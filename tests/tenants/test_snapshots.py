"""Internal snapshots: complete, sealed, proved; whatever is wrong with a file is noticed before a row of it is used."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.core.files.storage import FileSystemStorage, storages

from crm_core.people.contacts import services as contacts
from crm_platform.db import sides
from crm_platform.kernel import clock, sealing, secrets_box
from crm_platform.kernel.permissions import robot
from tenants import keeper
from tenants.carrying import spares, tables, turns
from tenants.lifecycle import erasing, states
from tenants.models import Looked, Nap, NapStep, Snapshot, Spare, State, Workspace
from tenants.provisioning import owner, template
from tenants.rollout import rehearsal, replay
from tenants.sleeping import services as sleeping
from tenants.snapshots import nightly, services, stream

ROBOT = robot("test")


class Killed(BaseException):
    """The process is gone at this point."""


@pytest.fixture(autouse=True)
def kept_in(tmp_path: Path) -> Iterator[Path]:
    """A folder of this test's own for the files."""
    with mock.patch.object(services, "_storage", return_value=FileSystemStorage(location=tmp_path)):
        yield tmp_path


@pytest.fixture
def firm(doors) -> Any:
    with doors.unit():
        for number in range(4):
            contacts.create_contact(ROBOT, first_name=f"Zoë {number}", emails=[{"value": f"z{number}@example.com"}])
    return doors


def _now(door: Any) -> Workspace:
    with sides.control_unit():
        return Workspace.objects.get(pk=door.workspace.pk)


def _sealed(data: bytes) -> bytes:
    return b"".join(sealing.seal([data], about="test"))


def _chunks(sealed: bytes) -> tuple[bytes, list[bytes]]:
    head, rest, found = sealed[:40], sealed[40:], []
    while rest:
        size = int.from_bytes(rest[:4], "big") + 4
        found.append(rest[:size])
        rest = rest[size:]
    return head, found


@pytest.mark.parametrize("size", [0, 1, sealing.CHUNK - 1, sealing.CHUNK, sealing.CHUNK + 1, 3 * sealing.CHUNK + 5])
def test_what_is_sealed_opens_again(size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    assert b"".join(sealing.unseal(io.BytesIO(_sealed(data[:size])), about="test")) == data[:size]


@pytest.mark.parametrize("wrong", ["cut", "cut mid-chunk", "swapped", "doubled", "bit", "of another stream", "about", "key", "more"])
def test_what_is_not_as_it_was_sealed_is_noticed(wrong: str) -> None:
    head, chunks = _chunks(_sealed(b"x" * (3 * sealing.CHUNK)))
    other = _chunks(_sealed(b"y" * (3 * sealing.CHUNK)))[1]
    one, two, last = chunks
    wronged = {
        "cut": [one, two], "cut mid-chunk": [one, two, last[:-9]], "swapped": [two, one, last], "doubled": [one, one, two, last],
        "bit": [one, two[:99] + bytes([two[99] ^ 1]) + two[100:], last], "of another stream": [one, other[1], last], "more": [one, two, last, last],
    }.get(wrong, chunks)  # fmt: skip
    about, keys = "another" if wrong == "about" else "test", (b"k" * 32,) if wrong == "key" else secrets_box.all_keys()
    with mock.patch.object(secrets_box, "all_keys", return_value=keys), pytest.raises(sealing.Broken):
        list(sealing.unseal(io.BytesIO(head + b"".join(wronged)), about=about))


def test_an_older_key_still_opens() -> None:
    sealed, old = _sealed(b"secret"), secrets_box.all_keys()
    with mock.patch.object(secrets_box, "all_keys", return_value=(b"n" * 32, *old)):
        assert b"".join(sealing.unseal(io.BytesIO(sealed), about="test")) == b"secret"


def test_a_snapshot_restored_is_equal_and_shows_nothing_in_clear(firm, kept_in: Path) -> None:
    row = services.take(_now(firm), why="by hand")
    [file] = [path for path in kept_in.rglob("*") if path.is_file()]
    assert b"example.com" not in file.read_bytes()
    assert row.proved_at
    assert row.manifest["sums"]["contact"][0] == 4
    spare = spares.make(_now(firm), cell="cell2")
    services.load(row, spare)
    with owner.direct("cell2") as there, owner.direct(firm.place.alias) as here:
        theirs = tables.sums(there, spare.schema_name, tables.tables(there, spare.schema_name))
        assert theirs == tables.sums(here, firm.place.schema, tables.tables(here, firm.place.schema))
    spares.drop(spare)


def test_a_damaged_or_foreign_file_is_refused_and_the_schema_is_as_it_was(firm, make_door, kept_in: Path) -> None:
    row = services.take(_now(firm), why="by hand")
    foreign = services.take(make_door().workspace, why="by hand")
    spare = spares.make(_now(firm), cell=owner.FIRST)
    path = kept_in / row.file
    whole = path.read_bytes()
    for damaged in (whole[:-20], whole[:5000] + b"\0" + whole[5001:], (kept_in / foreign.file).read_bytes(), b"", whole + b"x"):
        path.write_bytes(damaged)
        with pytest.raises(sealing.Broken):
            services.load(row, spare)
    path.unlink()
    with pytest.raises(sealing.Broken):
        services.load(row, spare)
    with owner.direct() as one:
        assert tables.sums(one, spare.schema_name, [t for t in tables.tables(one, spare.schema_name) if t.name == "contact"])["contact"].rows == 0
    spares.drop(spare)


def test_rows_that_are_not_those_of_the_manifest_are_refused(firm) -> None:
    row = services.take(_now(firm), why="by hand")
    row.manifest["sums"]["contact"][1] = "1"
    spare = spares.make(_now(firm), cell=owner.FIRST)
    with pytest.raises(services.NotRestored, match="contact"):
        services.load(row, spare)
    row.manifest["tables"][0]["columns"]["extra"] = "bigint"
    with pytest.raises(services.OtherShape):
        services.load(row, spare)
    spares.drop(spare)


def test_one_taken_while_a_rollout_is_not_noted_yet_says_what_the_schema_is_of(firm) -> None:
    """The registry is told of a batch of workspaces after all of them: a snapshot of that moment must come back, too."""
    column = '    migrations.AddField("contact", "shoe_size", models.IntegerField(null=True)),'
    with rehearsal.release("contacts", "0098_shoe_size", column) as version:
        script, before = template.current(), _now(firm).template_version
        with owner.direct(firm.place.alias) as direct:
            replay.bring(direct, cell=firm.place.alias, schema=firm.place.schema, keep_indexes=lambda left: None)
        row = services.take(_now(firm), why="nightly")
        assert (row.version, row.manifest["version"], _now(firm).template_version) == (version, version, before)
        assert "contacts.0098_shoe_size" in row.manifest["migrations"]
        spare = spares.make(_now(firm), cell=owner.FIRST, script=script)
        services.load(row, spare)
        spares.drop(spare)


def test_nobody_falls_asleep_in_a_snapshot_that_says_another_shape_than_it_has(firm) -> None:
    """It is proved in the shape in which it would be woken, not in today's."""
    with rehearsal.release("contacts", "0098_shoe_size", '    migrations.AddField("contact", "shoe_size", models.IntegerField(null=True)),'):
        other = template.current()
    nap = sleeping.begin(_now(firm))
    sleeping._take(nap)
    with sides.control_unit():
        Snapshot.objects.filter(pk=nap.snapshot_id).update(version=other.version)
    with pytest.raises(services.OtherShape):
        sleeping.proceed(nap)
    with sides.control_unit():
        assert Nap.objects.get(pk=nap.pk).step == NapStep.GIVEN_UP
    assert (_now(firm).state, firm.client().get("/board").status_code) == (State.ACTIVE, 200)


@pytest.mark.parametrize("point", ["snapshot.begun", "snapshot.written", "snapshot.finished"])
def test_killed_at(point: str, firm, kept_in: Path) -> None:
    def die(name: str) -> None:
        if name == point:
            raise Killed

    with mock.patch.object(services, "reached", die), pytest.raises(Killed):
        services.take(_now(firm), why="by hand")
    with sides.control_unit():
        row = Snapshot.objects.get(workspace=firm.workspace)
        finished = row.finished_at is not None
        Snapshot.objects.filter(pk=row.pk).update(began_at=clock.real_now() - timedelta(days=1))
    assert finished == (point == "snapshot.finished")
    services.let_go()
    with sides.control_unit():
        assert Snapshot.objects.filter(pk=row.pk).exists() == finished
    assert bool([path for path in kept_in.rglob("*") if path.is_file()]) == finished


def test_every_night_those_that_changed_and_only_they(firm) -> None:
    with sides.control_unit():
        Looked.objects.all().delete()
        Workspace.objects.filter(pk=firm.workspace.pk).update(claimed_at=clock.real_now() - timedelta(days=3))
        Workspace.objects.exclude(pk=firm.workspace.pk).filter(state=State.ACTIVE).update(claimed_at=None)  # claimed now, as many ready ones would be made first

    def taken() -> int:
        with sides.control_unit():
            Looked.objects.update(at=clock.real_now() - timedelta(days=2))
        nightly.forget()
        with owner.direct(firm.place.alias) as one:
            one.execute("SELECT pg_stat_force_next_flush()")
        keeper.round_once()
        assert not nightly.one_more()
        with sides.control_unit():
            return Snapshot.objects.filter(workspace=firm.workspace, why="nightly").count()

    with mock.patch.object(nightly, "_written", side_effect=[7, 7, 8]):
        assert [taken(), taken(), taken()] == [1, 1, 2]


def test_they_go_after_their_days_and_with_their_workspace(firm) -> None:
    first = services.take(_now(firm), why="nightly")
    kept = services.take(_now(firm), why="by hand", keep=True)
    last = services.take(_now(firm), why="nightly")
    with sides.control_unit():
        Snapshot.objects.filter(pk__in=(first.pk, kept.pk)).update(taken_at=clock.real_now() - timedelta(days=31))
    keeper.round_once()
    with sides.control_unit():
        assert set(Snapshot.objects.filter(workspace=firm.workspace).values_list("pk", flat=True)) == {kept.pk, last.pk}
    erasing.erase_at_once(_now(firm), by=states.OPERATOR)
    keeper.round_once()
    with sides.control_unit():
        assert not Snapshot.objects.filter(workspace=firm.workspace).exists()
        assert not Spare.objects.filter(owner=firm.workspace).exists()


def test_one_whose_file_cannot_be_deleted_stops_no_other(firm, make_door) -> None:
    stuck = [services.take(_now(firm), why="nightly") for _number in range(21)]
    other = services.take(_now(make_door()), why="nightly")
    storage = services._storage()
    real, names = storage.delete, {row.file for row in stuck}

    def delete(name: str) -> None:
        if name in names:
            raise PermissionError(name)
        real(name)

    with sides.control_unit():
        Snapshot.objects.filter(pk__in=[row.pk for row in (*stuck, other)]).update(taken_at=clock.real_now() - timedelta(days=31))
    with mock.patch.object(storage, "delete", delete):
        for _round in range(2):
            services.let_go()
    with sides.control_unit():
        assert not Snapshot.objects.filter(pk=other.pk).exists()
        assert Snapshot.objects.filter(workspace=firm.workspace).count() == 21
    for _round in range(2):
        services.let_go()
    with sides.control_unit():
        assert not Snapshot.objects.filter(workspace=firm.workspace).exists()


@pytest.mark.parametrize("point", ["sleep.proved", "snapshot.finished"])
def test_what_was_taken_for_a_sleep_that_did_not_come_goes_after_its_days(point: str, firm) -> None:
    """`sleep.proved`: somebody wrote meanwhile, and it was given up; `snapshot.finished`: killed, and taken once more."""

    def reached(name: str) -> None:
        if name == point and point == "snapshot.finished":
            raise Killed
        if name == point:
            with firm.unit():
                contacts.create_contact(ROBOT, first_name="Ann")

    nap = sleeping.begin(_now(firm))
    where = services if point == "snapshot.finished" else sleeping
    with mock.patch.object(where, "reached", reached), pytest.raises((Killed, sleeping.AtWork)):
        sleeping.proceed(nap)
    if point == "snapshot.finished":
        assert sleeping.proceed(nap).step == NapStep.ASLEEP
    with sides.control_unit():
        Snapshot.objects.filter(workspace=firm.workspace).update(taken_at=clock.real_now() - timedelta(days=31))
        nap.refresh_from_db()
    services.let_go()
    with sides.control_unit():
        left = set(Snapshot.objects.filter(workspace=firm.workspace).values_list("pk", flat=True))
    assert left == ({nap.snapshot_id} if point == "snapshot.finished" else set())


def test_one_that_somebody_carries_holds_up_no_other_s_night(firm, make_door) -> None:
    """It may be carried to another database for hours."""
    other = make_door()
    mine = (firm.workspace.pk, other.workspace.pk)
    with sides.control_unit():
        Looked.objects.filter(workspace__in=mine).delete()
        Workspace.objects.filter(pk__in=mine).update(claimed_at=clock.real_now() - timedelta(days=3))
        Workspace.objects.exclude(pk__in=mine).filter(state=State.ACTIVE).update(claimed_at=None)
    nightly.forget()
    with turns.turn(firm.workspace.pk) as held:
        assert held
        for _round in range(3):
            nightly.one_more()
        with sides.control_unit():
            assert set(Looked.objects.filter(workspace__in=mine).values_list("workspace", flat=True)) == {other.workspace.pk}
    nightly.forget()
    nightly.one_more()
    with sides.control_unit():
        assert Looked.objects.filter(workspace__in=mine).count() == 2


def test_the_storage_is_named_in_the_settings() -> None:
    assert "snapshots" in storages.backends


def _read(whole: bytes) -> None:
    reader = stream.Reader([whole])
    list(reader.table("a"))
    reader.tail()


def test_the_stream_ends_where_it_says() -> None:
    whole = b"".join(stream.written({"tables": []}, [("a", [b"1", b"", b"22"])], lambda hashes: {"hashes": hashes}))
    reader = stream.Reader([whole])
    assert b"".join(reader.table("a")) == b"122"
    assert reader.tail()["hashes"]
    for cut in (9, 20, len(whole) - 1):
        with pytest.raises(sealing.Broken):
            _read(whole[:cut])
