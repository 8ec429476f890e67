"""Files, archives and snapshots in a bucket of objects, under the names they have in a folder; nobody reaches another's."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage, storages
from django.core.files.uploadedfile import SimpleUploadedFile

from crm_core.groundwork.attachments.models import Attachment
from crm_core.groundwork.imports import services as imports
from crm_core.groundwork.imports.models import ImportRun, Stage
from crm_core.people.contacts import services as contacts
from crm_core.people.contacts.models import Contact
from crm_platform.config import env
from crm_platform.db import sides
from crm_platform.jobs.serving import serve_side
from crm_platform.kernel import files, workspace
from crm_platform.kernel.errors import CrmError
from crm_platform.kernel.files import Away, NotOurs
from tenants.archives import making, proving, restoring, services
from tenants.archives.models import ArchiveRun
from tenants.isolation import proving as isolation
from tenants.lifecycle import erasing, states
from tenants.models import FreshArchive, Nap, Snapshot, State, Workspace
from tenants.sleeping import services as sleeping
from tenants.sleeping import waking
from tenants.snapshots import services as snapshots
from tests import s3

from . import archive_kit as kit


@pytest.fixture(autouse=True)
def bucket(settings: Any, tmp_path: Path) -> Iterator[s3.Server]:
    """Everything in a bucket; the folder on this machine is empty at first."""
    with s3.running() as server:
        settings.AWS_STORAGE_BUCKET_NAME, settings.AWS_S3_ENDPOINT_URL, settings.AWS_S3_REGION_NAME = s3.BUCKET, server.url, "eu-west-1"
        settings.AWS_ACCESS_KEY_ID, settings.AWS_SECRET_ACCESS_KEY = s3.KEY, "secret"
        settings.MEDIA_ROOT = tmp_path / "files"
        settings.STORAGES = {**settings.STORAGES, **env.storages(s3.BUCKET, snapshots="")}
        yield server
        server.down = False
        for alias in ("default", "house", "snapshots"):
            storages[alias].connection.meta.client.close()


def _left_here(settings: Any) -> list[str]:
    root = Path(settings.MEDIA_ROOT)
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()) if root.exists() else []


def _attached(door: Any, content: bytes = b"the offer", name: str = "offer.txt", *, email: str = "olga@veldhuis.example") -> Attachment:
    with door.unit():
        person = contacts.create_contact(kit.ROBOT, first_name="Zoë")
    answer = door.client(email).post(f"/files/contact/{person.pk}", {"file": SimpleUploadedFile(name, content)})
    assert answer.status_code in (200, 302, 303), answer.status_code
    with door.unit():
        return Attachment.objects.latest("pk")


def test_a_file_goes_up_and_comes_down(doors, bucket: s3.Server, settings: Any) -> None:
    row = _attached(doors)
    assert list(bucket.objects) == [row.path]
    assert row.path.startswith(f"{doors.place.public_id}/{doors.place.generation}/attachments/")
    answer = doors.client().get(f"/files/{row.pk}")
    assert (b"".join(answer.streaming_content), answer["Content-Length"], answer["X-Content-Type-Options"]) == (b"the offer", "9", "nosniff")
    assert "attachment" in answer["Content-Disposition"]
    bucket.objects.clear()
    assert doors.client().get(f"/files/{row.pk}").status_code == 404
    assert _left_here(settings) == []


def test_nothing_of_another_workspace_is_reached_whatever_a_row_says(two_doors, bucket: s3.Server) -> None:
    mine, other = two_doors
    theirs = _attached(other, b"secret", email="eve@elsewhere.example").path
    with sides.inside(mine.place):
        own = files.folder()
        ways = (theirs, f"{own}/../../{theirs}", f"{own}/../../../outside", "/etc/passwd", f"{own}x/a", own, f"{own}\\..\\..\\{theirs}", f"{other.place.public_id}/x.sealed", "control/x")
        before = dict(bucket.objects)
        asked = len(bucket.asked)
        for path in ways:
            for verb in (default_storage.open, default_storage.exists, default_storage.delete, default_storage.size, default_storage.url):
                with pytest.raises(NotOurs):
                    verb(path)
            with pytest.raises((NotOurs, SuspiciousFileOperation)):
                default_storage.save(path, ContentFile(b"x"))
        with pytest.raises(NotOurs):
            files.name_in(workspace.here(), f"../../{theirs}")
        assert (dict(bucket.objects), len(bucket.asked)) == (before, asked)
    with mine.unit():
        row = Attachment.objects.create(entity="contact", record_id=1, name="x", path=theirs, media_type="text/plain", size=6, sha256="")
        row.record_id = contacts.create_contact(kit.ROBOT, first_name="Ann").pk
        row.save()
    answer = mine.client().get(f"/files/{row.pk}")
    assert (answer.status_code, b"secret" in answer.content) == (404, False)
    with sides.inside(other.place), default_storage.open(theirs) as file:
        assert file.read() == b"secret"


def test_an_import_is_read_out_of_the_bucket_and_its_file_goes_at_the_end(doors, bucket: s3.Server, settings: Any) -> None:
    lines = "First name,E-mail\n" + "".join(f"Row {number},row{number}@people.example\n" for number in range(300))
    with doors.unit():
        run = imports.upload(kit.ROBOT, name="people.csv", chunks=[lines.encode()], kind="contacts")
        with pytest.raises(CrmError):
            imports.upload(kit.ROBOT, name="empty.csv", chunks=[b""], kind="contacts")
    assert [name.split("/")[2] for name in bucket.objects] == ["imports"]
    assert _left_here(settings) == []
    serve_side(doors.unit, seconds=60)
    with doors.unit():
        assert ImportRun.objects.get(pk=run.pk).totals["look"]["rows"] == 300
        imports.start(kit.ROBOT, run.pk)
    serve_side(doors.unit, seconds=60)
    with doors.unit():
        assert ImportRun.objects.get(pk=run.pk).stage == Stage.DONE
        assert Contact.objects.count() == 300
    assert (bucket.objects, _left_here(settings)) == ({}, [])


def test_an_archive_is_put_away_fetched_and_goes_in_time(doors, bucket: s3.Server, settings: Any) -> None:
    row = _attached(doors, b"contract" * 1000)
    client = doors.client()
    assert client.post("/settings/archives").status_code == 303
    serve_side(doors.unit, seconds=60)
    with doors.unit():
        run = ArchiveRun.objects.get()
        name = f"{files.name_of(services.folder_of(run))}/archive.zip"
    assert sorted(bucket.objects) == sorted([row.path, name])
    assert _left_here(settings) == []
    answer = client.get(f"/settings/archives/{run.pk}/file")
    content = b"".join(answer.streaming_content)
    assert (int(answer["Content-Length"]), content) == (run.size, bucket.objects[name])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert any(one.startswith("files/attachments/") and archive.read(one) == b"contract" * 1000 for one in archive.namelist())
    with doors.unit():
        services.cancel(kit.ROBOT, run.pk)
    assert list(bucket.objects) == [row.path]
    assert client.get(f"/settings/archives/{run.pk}/file").status_code == 410


def test_a_weekly_one_is_proved_out_of_the_bucket_and_a_lost_one_is_told(doors, bucket: s3.Server, settings: Any) -> None:
    _attached(doors)
    with doors.unit():
        services.keep_fresh(kit.ROBOT, weekly=True)
    serve_side(doors.unit, seconds=60)
    assert proving.prove_next()
    with sides.control_unit():
        row = FreshArchive.objects.get(workspace=doors.workspace)
        assert (row.ok, row.figures["files"]) == (True, 1)
        FreshArchive.objects.filter(pk=row.pk).update(state="waiting")
    assert _left_here(settings) == []
    del bucket.objects[row.path]
    assert proving.prove_next()
    with sides.control_unit():
        assert FreshArchive.objects.get(pk=row.pk).ok is False


def test_an_archive_comes_back_with_its_files_in_the_bucket(doors, bucket: s3.Server, tmp_path: Path, settings: Any) -> None:
    _attached(doors)
    made = making.make(doors.place, tmp_path / "making")
    assert made is not None
    done = restoring.restore(made.path, slug=kit.slug())
    place = done.workspace.place
    with sides.unit(place):
        row = Attachment.objects.get()
        assert row.path.startswith(f"{place.public_id}/{place.generation}/attachments/")
    assert (done.files, bucket.objects[row.path], _left_here(settings)) == (1, b"the offer", [])
    for row in (done.workspace, doors.workspace):
        with sides.control_unit():
            present = Workspace.objects.get(pk=row.pk)
        erasing.erase_at_once(present, by=states.OPERATOR)
    assert bucket.objects == {}


def test_a_sleeper_s_snapshot_lies_sealed_in_the_bucket_and_wakes_it(doors, bucket: s3.Server) -> None:
    with doors.unit():
        contacts.create_contact(kit.ROBOT, first_name="Zoë")
    with sides.control_unit():
        row = Workspace.objects.get(pk=doors.workspace.pk)
    sleeping.proceed(sleeping.begin(row))
    [(name, content)] = bucket.objects.items()
    assert name.startswith(f"{doors.place.public_id}/")
    assert "Zoë".encode() not in content
    with sides.control_unit():
        nap = Nap.objects.get(workspace=row, finished_at=None)
    bucket.down = True
    with pytest.raises(Away):  # not lost: only away
        waking.wake(nap)
    bucket.down = False
    with sides.control_unit():
        assert Nap.objects.get(pk=nap.pk).error == ""
    assert waking.wake(nap)
    with sides.control_unit():
        row.refresh_from_db()
    assert row.state == State.ACTIVE
    with sides.unit(row.place):
        assert Contact.objects.get().first_name == "Zoë"
    with sides.control_unit():
        Snapshot.objects.filter(workspace=row).update(taken_at=row.claimed_at - timedelta(days=400))
    assert snapshots.let_go() >= 1
    assert bucket.objects == {}


def test_erasing_takes_every_key_along_and_the_certificate_counts_the_files(two_doors, bucket: s3.Server) -> None:
    mine, other = two_doors
    mine_files = [_attached(mine, b"x" * size).path for size in (10, 20, 30)]
    theirs = _attached(other, email="eve@elsewhere.example").path
    with sides.control_unit():
        row = Workspace.objects.get(pk=mine.workspace.pk)
    snapshots.take(row, why="by hand")
    bucket.uploads["cut off"] = f"{mine.place.public_id}/1/archives/x/archive.zip", {1: b"half"}
    bucket.uploads["another's"] = f"{other.place.public_id}/1/archives/x/archive.zip", {1: b"half"}
    assert len(bucket.objects) == len(mine_files) + 2
    certificate = erasing.erase_at_once(row, by=states.OPERATOR)
    assert (list(bucket.objects), list(bucket.uploads)) == ([theirs], ["another's"])
    assert {name: certificate.erased[name] for name in ("files", "file_bytes", "copies")} == {"files": 3, "file_bytes": 60, "copies": 1}


def test_a_bucket_that_is_away_is_a_sentence_and_an_erasure_waits(doors, bucket: s3.Server) -> None:
    row = _attached(doors)
    client = doors.client()
    bucket.down = True
    answer = client.get(f"/files/{row.pk}")
    assert (answer.status_code, "does not answer" in answer.content.decode()) == (503, True)
    with doors.unit():
        person = Contact.objects.get()
    assert client.post(f"/files/contact/{person.pk}", {"file": SimpleUploadedFile("b.txt", b"b")}).status_code == 503
    with doors.unit():
        assert Attachment.objects.count() == 1
    with sides.control_unit():
        present = Workspace.objects.get(pk=doors.workspace.pk)
    with pytest.raises(Away):
        erasing.erase_at_once(present, by=states.OPERATOR)
    assert list(bucket.objects) == [row.path]
    bucket.down = False
    erasing.erase_due()
    assert bucket.objects == {}
    with sides.control_unit():
        assert Workspace.objects.get(pk=present.pk).erased_at is not None


def test_a_large_file_goes_in_parts_and_a_wrong_key_is_no_missing_file(doors, bucket: s3.Server, settings: Any, tmp_path: Path) -> None:
    large, path = bytes(range(256)) * 80_000, tmp_path / "large"
    path.write_bytes(large)
    files.house().put("x/1/archives/large", path)
    assert (bucket.objects["x/1/archives/large"] == large, path.exists(), bucket.uploads) == (True, False, {})
    assert sum("PUT" in asked for asked in bucket.asked) > 1
    with files.house().at_hand("x/1/archives/large") as here:
        assert here.read_bytes() == large
    assert not here.exists()
    with pytest.raises(FileNotFoundError), files.house().at_hand("x/1/archives/small"):
        pass
    settings.AWS_ACCESS_KEY_ID = "another"
    settings.STORAGES = dict(settings.STORAGES)
    with pytest.raises(Away, match="refuses"):
        files.house().open("x/1/archives/large")


def test_the_proof_of_isolation_tries_what_lies_in_the_bucket(house: None, django_db_blocker: Any, bucket: s3.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    from crm_platform.kernel import buckets

    with django_db_blocker.unblock(), isolation.prepared() as trial:
        isolation.run(trial, ["file"])
        assert (trial.failures, trial.counts["file"] > 20) == ([], True)
        monkeypatch.setattr(buckets.WorkspaceBucket, "_normalize_name", buckets.Bucket._normalize_name)
        isolation.run(trial, ["file"])
        assert "the answer holds" in "\n".join(trial.failures)
    assert bucket.objects == {}
