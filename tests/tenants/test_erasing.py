"""Erasing: only what is due, all of it; and a certificate that names nobody. What a kill leaves at each step: tests/faults."""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from psycopg import sql

from crm_core.people.contacts import services as contacts
from crm_platform.db import sides
from crm_platform.kernel import clock
from crm_platform.kernel.errors import NotFound
from crm_platform.kernel.permissions import robot
from tenants import keeper, routing
from tenants.lifecycle import certificates, erasing, leaving
from tenants.lifecycle.models import Certificate, Departure, Entry, OwnHost, Suspension
from tenants.models import Domain, Due, EmailIndex, Nap, Signup, Snapshot, State, Workspace
from tenants.moving import services as moving
from tenants.provisioning import owner
from tenants.returning import services as returning
from tenants.sleeping import services as sleeping
from tenants.sleeping import waking
from tenants.snapshots import services as snapshots
from tests.tenants.lives import OPERATOR, let_go, row_of

ROBOT = robot("test")


def filled(door) -> Path:
    """A workspace with rows and files."""
    with door.unit():
        for name in ("Anna", "Bob", "Cyd"):
            contacts.create_contact(ROBOT, first_name=name)
    folder = Path(settings.MEDIA_ROOT) / door.place.public_id
    (folder / "1" / "attachments").mkdir(parents=True)
    (folder / "1" / "attachments" / "a").write_bytes(b"x" * 1000)
    (folder / "1" / "b").write_bytes(b"x" * 24)
    return folder


def due(door) -> None:
    """Its date has come."""
    let_go(door)
    with sides.control_unit():
        Departure.objects.filter(workspace=door.workspace).update(erases_at=clock.now() - timedelta(seconds=1))


def there(door) -> tuple[bool, bool]:
    with owner.seated(door.place.alias):
        name = door.place.schema
        return bool(owner.run("SELECT 1 FROM pg_namespace WHERE nspname = %s", [name])), bool(owner.run("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]))


def gone(door, folder: Path) -> Certificate:
    """Nothing of it is left but the stub and the certificate."""
    assert there(door) == (False, False)
    assert not folder.exists()
    row = row_of(door)
    assert (row.state, row.slug, row.name) == (State.ERASED, None, "")
    assert row.erased_at is not None
    with sides.control_unit():
        assert not Domain.objects.filter(tenant=row).exists()
        for model in (EmailIndex, Due, Signup, Departure, Suspension, OwnHost):
            assert not model.objects.filter(workspace=row).exists(), model
        for entry in Entry.objects.filter(workspace=row):
            assert (entry.by_name, entry.by_id, entry.reason, entry.body) == ("", None, "", {})
        certificate = Certificate.objects.select_related("workspace").get(workspace=row)
    assert certificate.finished_at is not None
    assert set(certificate.steps) == {name for name, _step in erasing.STEPS}
    return certificate


def test_the_keeper_erases_what_is_due_and_only_that(doors, public) -> None:
    folder = filled(doors)
    let_go(doors)
    keeper.round_once()
    assert row_of(doors).state == State.LEAVING
    assert there(doors) == (True, True)
    with clock.frozen(clock.now() + timedelta(days=31)):
        for _round in range(10):  # five at once, and other tests may have left some
            keeper.round_once()
        certificate = gone(doors, folder)
    erased = certificate.erased
    assert erased["tables"] > 30
    assert erased["rows"] > 20
    assert erased["database_bytes"] > 100_000
    assert (erased["files"], erased["file_bytes"]) == (2, 1024)
    assert routing.find_by_address(doors.place.slug) is None
    assert public.get("/", HTTP_HOST=doors.host).status_code == 404


def test_called_back_at_the_last_moment_it_stays(doors) -> None:
    """The keeper had seen the date; under its lock it looks again."""
    filled(doors)
    due(doors)
    seen = row_of(doors)
    leaving.come_back(doors.place.public_id, by=OPERATOR, operation=uuid.uuid4())
    erasing.erase(seen)
    assert row_of(doors).state == State.ACTIVE
    assert there(doors) == (True, True)
    with sides.control_unit():
        assert not Certificate.objects.filter(workspace=seen).exists()
    # with a new date of its own it is not erased either
    let_go(doors)
    erasing.erase(seen)
    assert row_of(doors).state == State.LEAVING
    assert there(doors) == (True, True)


@pytest.mark.parametrize("lost", ["schema", "role", "both", "files", "all"])
def test_what_is_gone_beforehand_does_not_block_it(doors, lost) -> None:
    folder = filled(doors)
    due(doors)
    name = sql.Identifier(doors.place.schema)
    with owner.seated(doors.place.alias):
        owner.run(sql.SQL("GRANT {} TO CURRENT_USER").format(name))
        if lost in ("schema", "both", "all"):
            owner.run(sql.SQL("DROP SCHEMA {} CASCADE").format(name))
        if lost in ("role", "both", "all"):
            owner.run(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(name))
    if lost in ("files", "all"):
        shutil.rmtree(folder)
    keeper.round_once()
    certificate = gone(doors, folder)
    assert (certificate.erased["tables"] == 0) == (lost in ("schema", "both", "all"))
    assert (certificate.erased["files"] == 0) == (lost in ("files", "all"))


def test_no_copy_outlives_it(doors) -> None:
    """An earlier place, a copy beside it, snapshots: the certificate is not written before they are gone, whether or not a keeper runs."""
    folder = filled(doors)
    moving.proceed(moving.begin(row_of(doors), to=next(alias for alias in settings.CELLS if alias != doors.place.alias)))
    snapshot = snapshots.take(row_of(doors), why="by hand", keep=True)
    returning.proceed(returning.begin(row_of(doors)))
    with sides.control_unit():
        copies = list(Workspace.objects.filter(spare__owner=doors.workspace))
    assert len(copies) == 2
    certificate = erasing.erase_at_once(row_of(doors), by=OPERATOR)
    assert not folder.exists()
    assert certificate.erased["copies"] == 3
    for copy in copies:
        with owner.seated(copy.alias):
            assert not owner.has_workspace(copy.schema_name)
    with sides.control_unit():
        assert not Snapshot.objects.filter(workspace=doors.workspace).exists()
    assert not snapshots._storage().exists(snapshot.file)
    assert ("Copies, too: earlier places and snapshots", "3") in certificates.lines(certificate)


def test_a_sleeper_is_erased_without_being_woken(doors) -> None:
    folder = filled(doors)
    nap = sleeping.proceed(sleeping.begin(row_of(doors)))
    assert row_of(doors).state == State.ASLEEP
    certificate = erasing.erase_at_once(row_of(doors), by=OPERATOR, reason="asked for by letter")
    assert gone(doors, folder).digest == certificate.digest
    assert nap.snapshot is not None
    assert (certificate.erased["tables"], certificate.erased["rows"]) == (len(nap.snapshot.manifest["tables"]), nap.snapshot.rows)
    assert not snapshots._storage().exists(nap.snapshot.file)
    assert waking.wake(nap) is False
    keeper.round_once()
    with sides.control_unit():
        assert not Nap.objects.filter(workspace=doors.workspace, finished_at=None).exists()
    assert there(doors) == (False, False)


def test_one_that_cannot_be_erased_stops_no_other(make_door, monkeypatch) -> None:
    first, second = make_door(), make_door()
    for door in (first, second):
        due(door)
    alive = list(erasing.STEPS)

    def broken(workspace):
        if workspace.pk == first.workspace.pk:
            raise OSError("the disk answers no more")
        dict(alive)["files"](workspace)

    monkeypatch.setattr(erasing, "STEPS", [(name, broken if name == "files" else step) for name, step in alive])
    keeper.round_once()
    assert row_of(first).erased_at is None
    assert row_of(second).erased_at is not None
    monkeypatch.setattr(erasing, "STEPS", alive)
    keeper.round_once()
    assert row_of(first).erased_at is not None


def test_from_the_first_step_on_nobody_enters_not_even_who_believes_in_the_address(doors, monkeypatch) -> None:
    owner_of_it = doors.client()
    assert owner_of_it.get("/contacts").status_code == 200
    due(doors)
    believed = routing.find_by_address(doors.place.slug)
    monkeypatch.setattr(erasing, "STEPS", erasing.STEPS[:2])
    keeper.round_once()
    monkeypatch.setattr(routing, "find_by_address", lambda key: believed)
    assert owner_of_it.get("/contacts").status_code == 503
    assert there(doors) == (True, True)


def test_the_certificate_is_shown_three_ways_and_names_nobody(doors, public) -> None:
    filled(doors)
    slug, public_id = doors.place.slug, doors.place.public_id
    certificate = erasing.erase_at_once(row_of(doors), by=OPERATOR, reason="asked by Olga")
    page = public.get(f"/erasure/{certificate.pk}")
    text = public.get(f"/erasure/{certificate.pk}.txt").content.decode()
    facts = public.get(f"/erasure/{certificate.pk}.json").json()
    for shown in (page.content.decode(), text, json.dumps(facts)):
        assert public_id in shown
        assert facts["sha256"] in shown
        for personal in ("Veldhuis", "Olga", "olga@", slug):
            assert personal not in shown
    assert page.status_code == 200
    assert (facts["asked_by"], facts["backups_kept_days"]) == ("operator", settings.CRM_BACKUP_DAYS)
    assert facts["backups_forget_at"][:10] == f"{clock.now() + timedelta(days=settings.CRM_BACKUP_DAYS):%Y-%m-%d}"
    assert facts["address_sha256"] == hashlib.sha256(f"{public_id}:{slug}".encode()).hexdigest()
    sum_of_rest = json.dumps({key: value for key, value in facts.items() if key != "sha256"}, sort_keys=True, separators=(",", ":"))
    assert hashlib.sha256(sum_of_rest.encode()).hexdigest() == facts["sha256"]
    with pytest.raises(NotFound):
        certificates.get("nobody")
    assert public.get("/erasure/nobody").status_code == 404


def test_the_command_erases_at_once_and_prints_it(doors) -> None:
    from click.testing import CliRunner

    from tenants.commands import delete_workspace
    from tenants.lifecycle.commands import erasure_certificate

    folder = filled(doors)
    done = CliRunner().invoke(delete_workspace, ["--workspace", doors.place.slug, "--yes", "--json"], catch_exceptions=False)
    facts = json.loads(done.output)
    assert facts["erased"] == doors.place.slug
    assert facts["counts"]["files"] == 2
    gone(doors, folder)
    printed = CliRunner().invoke(erasure_certificate, ["--number", facts["certificate"]], catch_exceptions=False)
    assert facts["sha256"] in printed.output
    with sides.control_unit():
        assert Workspace.objects.get(pk=doors.workspace.pk).state == State.ERASED
