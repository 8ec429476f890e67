"""Archives on their way: asked for, made in slices, fetched, forgotten; kept fresh, and proved."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import psycopg
import pytest
from django.conf import settings

from crm_platform.accounts import roles
from crm_platform.db import sides
from crm_platform.events.models import Event
from crm_platform.jobs.serving import serve_side
from crm_platform.kernel import clock, files
from crm_platform.kernel.errors import NotFound
from crm_platform.letters.models import Letter
from tenants import keeper
from tenants.archives import making, proving, restoring, services
from tenants.archives.models import ArchiveRun, Stage
from tenants.models import FreshArchive, Signup
from tests.factories import cast

from . import archive_kit as kit

# In the background


def test_an_owner_has_it_made_and_fetches_it(furnished) -> None:
    client = furnished.client()
    assert client.post("/settings/archives").status_code == 303
    assert client.post("/settings/archives").status_code == 303
    serve_side(furnished.unit, seconds=60)
    with furnished.unit():
        run = ArchiveRun.objects.get()
        assert (run.stage, run.figures["files"], run.percent) == (Stage.DONE, 2, 100)
        assert {"archive.asked", "archive.made"} <= set(Event.objects.values_list("name", flat=True))
        assert run.ends_at is not None
        assert timedelta(days=6) < run.ends_at - clock.real_now() <= timedelta(days=7)
    page = client.get("/settings/archives").content.decode()
    assert f"/settings/archives/{run.pk}/file" in page
    answer = client.get(f"/settings/archives/{run.pk}/file")
    content = b"".join(answer.streaming_content)
    assert len(content) == run.size
    assert zipfile.is_zipfile(io.BytesIO(content))
    assert "fetched an archive of the workspace" in client.get("/settings/journal").content.decode()
    with furnished.unit():
        assert Event.objects.filter(name="archive.fetched").count() == 1
        sent = Letter.objects.filter(to="olga@veldhuis.example", subject__contains="archive")
        assert sent.count() == 1


def test_after_seven_days_it_is_gone(furnished) -> None:
    with furnished.unit():
        run = services.ask(kit.ROBOT)
    serve_side(furnished.unit, seconds=60)
    with furnished.unit():
        folder = services.folder_of(run)
        assert (folder / "archive.zip").exists()
        ArchiveRun.objects.update(ends_at=clock.real_now())
        from crm_platform.jobs.models import Job

        assert Job.objects.filter(name="archives.forget", state="waiting").update(at=clock.real_now()) == 1
    assert furnished.client().get(f"/settings/archives/{run.pk}/file").status_code == 410
    serve_side(furnished.unit, seconds=60)
    with furnished.unit():
        assert ArchiveRun.objects.get().stage == Stage.GONE
    assert not folder.exists()


def test_the_owner_alone_may(inside) -> None:
    run = services.ask(kit.ROBOT)
    for name, actor in cast.cast().items():
        for verb in (services.ask, lambda actor: services.cancel(actor, run.pk), lambda actor: services.keep_fresh(actor, weekly=False)):
            if name == "owner":
                verb(actor)
            else:
                with pytest.raises(services.OwnersOnly):
                    verb(actor)
        if name != "owner":
            with pytest.raises(services.OwnersOnly):
                services.fetch(actor, run.pk)
    assert ArchiveRun.objects.count() == 1


def test_strangers_and_administrators_see_nothing_of_it(furnished) -> None:
    with furnished.unit():
        run = services.ask(kit.ROBOT)
        cast.person(roles.ADMINISTRATOR, name="Ada")
    stranger, admin = furnished.client(email=None), furnished.client(email="ada@veldhuis.example")
    for path in ("/settings/archives", f"/settings/archives/{run.pk}/file"):
        assert stranger.get(path).status_code in (302, 303)
        assert admin.get(path).status_code == 403
    assert admin.post(f"/settings/archives/{run.pk}/cancel").status_code == 403
    assert b"/settings/archives" not in admin.get("/settings/firm").content
    assert b"/settings/archives" in furnished.client().get("/settings/firm").content


def test_a_cancelled_one_leaves_nothing(furnished) -> None:
    with furnished.unit():
        run = services.ask(kit.ROBOT)
    real = making._write_rows

    def write(*given):
        with furnished.unit():
            services.cancel(kit.ROBOT, run.pk)
        with mock.patch("time.monotonic", side_effect=iter(range(10**6, 10**9, 10)).__next__):
            real(*given)

    with mock.patch.object(making, "_write_rows", write):
        serve_side(furnished.unit, seconds=60)
    with furnished.unit():
        assert ArchiveRun.objects.get().stage == Stage.CANCELLED
        assert not services.folder_of(run).exists()
        assert not Event.objects.filter(name="archive.made").exists()


def test_what_cannot_be_made_is_said_and_leaves_nothing(furnished) -> None:
    from crm_platform.jobs import rows

    with furnished.unit():
        run = services.ask(kit.ROBOT)
    with mock.patch.object(making, "_write_rows", side_effect=OSError(28, "full")), mock.patch.object(rows, "MOST_ATTEMPTS", 1):
        serve_side(furnished.unit, seconds=60)
    with furnished.unit():
        assert ArchiveRun.objects.get().stage == Stage.FAILED
        assert Event.objects.filter(name="archive.failed").exists()
        assert Letter.objects.filter(subject__startswith="The archive of", subject__endswith="could not be made").count() == 1
        assert not services.folder_of(run).exists()


@pytest.mark.parametrize("killed_at", [1, 2])
def test_a_killed_worker_is_followed_by_one_that_goes_on(furnished, tmp_path: Path, restored, killed_at: int) -> None:
    whole = kit.make(furnished.place, tmp_path)
    real, calls = making._Work._take, list[str]()

    def take(self, path, *given, **named):
        calls.append(path)
        if len(calls) == killed_at:
            self.zip._file.write(b"half of a member")
            raise KeyboardInterrupt
        real(self, path, *given, **named)

    folder = tmp_path / "second"
    with mock.patch.object(making, "_CHECKPOINT_EVERY", 1), mock.patch.object(making._Work, "_take", take):
        with pytest.raises(KeyboardInterrupt):
            making.make(furnished.place, folder)
        with mock.patch.object(making, "_rows", side_effect=AssertionError("rows again")):
            made = making.make(furnished.place, folder)
    assert made is not None
    assert len(calls) == 3
    assert made.content["tables"] == kit.content_of(whole)["tables"]
    done = restoring.restore(made.path, slug=kit.slug())
    restored.append(done.workspace)
    assert done.files == 2


def test_two_workers_never_write_into_one_archive(furnished, tmp_path: Path) -> None:
    folder = tmp_path / "making"
    folder.mkdir()
    with making._alone(folder), pytest.raises(BlockingIOError):
        making.make(furnished.place, folder)


def test_others_have_their_turn_between_files(furnished, tmp_path: Path) -> None:
    with mock.patch.object(making, "_CHECKPOINT_EVERY", 1):
        slices = 0
        while (made := making.make(furnished.place, tmp_path / "making", must_wait=lambda: True)) is None:
            slices += 1
    assert slices == 2
    assert made.content["files"]["count"] == 2


# Kept fresh, and proved


def test_a_weekly_one_is_made_and_proved_and_the_page_says_so(furnished) -> None:
    client = furnished.client()
    assert client.post("/settings/archives/weekly", {"weekly": "on"}).status_code == 303
    serve_side(furnished.unit, seconds=60)
    before = kit.claiming_or_active()
    assert proving.prove_next()
    with sides.control_unit():
        row = FreshArchive.objects.get(workspace=furnished.workspace)
        assert (row.ok, row.state, row.sentence) == (True, "proved", "")
        assert row.figures["files"] == 2
        assert not Signup.objects.filter(slug__startswith="~proof").exists()
    assert kit.claiming_or_active() == before
    assert "Proved on" in client.get("/settings/archives").content.decode()
    with furnished.unit():
        from crm_platform.jobs.models import Job

        following = Job.objects.get(name="archives.weekly", state="waiting")
        assert following.at > clock.real_now() + timedelta(days=6)
    assert client.post("/settings/archives/weekly", {}).status_code == 303
    with furnished.unit():
        assert services.make_weekly() is False


def test_next_weeks_takes_the_place_of_last_weeks(furnished) -> None:
    with furnished.unit():
        services.keep_fresh(kit.ROBOT, weekly=True)
    serve_side(furnished.unit, seconds=60)
    with furnished.unit():
        first = ArchiveRun.objects.get()
        services.make_weekly()
    serve_side(furnished.unit, seconds=60)
    with furnished.unit():
        assert list(ArchiveRun.objects.order_by("id").values_list("stage", flat=True)) == [Stage.GONE, Stage.DONE]
        assert not services.folder_of(first).exists()
    assert proving.prove_next()


def _spoil(door: Any) -> None:
    """Flip a bit in the archive that waits for its proof."""
    serve_side(door.unit, seconds=60)
    with sides.control_unit():
        path = Path(settings.MEDIA_ROOT) / FreshArchive.objects.get(workspace=door.workspace).path
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)


def test_an_archive_that_does_not_restore_is_told(furnished) -> None:
    with furnished.unit():
        services.keep_fresh(kit.ROBOT, weekly=True)
    _spoil(furnished)
    before = kit.claiming_or_active()
    assert proving.prove_next()
    with sides.control_unit():
        row = FreshArchive.objects.get(workspace=furnished.workspace)
        assert (row.ok, bool(row.sentence)) == (False, True)
    assert kit.claiming_or_active() == before
    assert "failed" in furnished.client().get("/settings/archives").content.decode()


def _letters(door: Any) -> tuple[int, int]:
    """How many letters of failed proofs the owner and the operator have got."""
    with door.unit():
        owners = Letter.objects.filter(to="olga@veldhuis.example", subject__contains="did not restore").count()
        assert Event.objects.filter(name="archive.unproved").count() == owners
    with sides.control_unit():
        return owners, Letter.objects.filter(to="ops@house.example", subject__contains=door.place.slug).count()


def test_each_failed_proof_is_one_letter_to_the_owner_and_one_to_the_operator(furnished, settings: Any) -> None:
    settings.CRM_OPERATOR_EMAILS = ["ops@house.example"]
    with furnished.unit():
        services.keep_fresh(kit.ROBOT, weekly=True)
    serve_side(furnished.unit, seconds=60)
    assert proving.prove_next()
    proving.tell_failed()
    assert _letters(furnished) == (0, 0)  # a good one is no news
    for weeks in (1, 2):
        with furnished.unit():
            services.make_weekly()
        _spoil(furnished)
        assert proving.prove_next()
        with mock.patch.object(proving, "reached", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
            proving.tell_failed()  # killed between the two letters
        assert _letters(furnished) == (weeks, weeks - 1)
        for _round in range(2):
            keeper.round_once()
        assert _letters(furnished) == (weeks, weeks)
    assert "the week’s archive did not restore" in furnished.client().get("/settings/journal").content.decode().replace("&#x27;", "’").replace("'", "’")


@pytest.mark.parametrize("error", [files.Away("the bucket does not answer"), psycopg.OperationalError("the server went away"), psycopg.errors.DiskFull("no space left"), OSError(28, "no space left")])
def test_a_bucket_or_a_database_that_is_away_says_nothing_of_the_archive(furnished, make_door, error: Exception) -> None:
    """It is proved when they are back: nobody gets a letter that it does not restore, and nobody's waits for it."""
    other = make_door()
    for door in (furnished, other):
        with door.unit():
            services.keep_fresh(kit.ROBOT, weekly=True)
        serve_side(door.unit, seconds=60)
    real = proving._prove
    with sides.control_unit():
        away = FreshArchive.objects.get(workspace=furnished.workspace).path

    def prove(name: str, **given: Any) -> dict[str, Any]:
        if name == away:
            raise error
        return real(name, **given)

    with mock.patch.object(proving, "_prove", prove):
        while proving.prove_next():
            pass
    with sides.control_unit():
        assert dict(FreshArchive.objects.filter(workspace__in=(furnished.workspace, other.workspace)).values_list("workspace", "ok")) == {furnished.workspace.pk: None, other.workspace.pk: True}
    assert _letters(furnished)[0] == 0
    proving.forget()
    while proving.prove_next():
        pass
    with sides.control_unit():
        assert FreshArchive.objects.get(workspace=furnished.workspace).ok


def test_an_archive_that_gave_way_to_the_next_in_its_proof_is_no_failure(furnished) -> None:
    with furnished.unit():
        services.keep_fresh(kit.ROBOT, weekly=True)
    serve_side(furnished.unit, seconds=60)

    def gone(name: str, **_given: Any) -> dict[str, Any]:
        with furnished.unit():
            services.make_weekly()
        serve_side(furnished.unit, seconds=60)
        raise NotFound

    with mock.patch.object(proving, "_prove", gone):
        assert proving.prove_next()
    with sides.control_unit():
        row = FreshArchive.objects.get(workspace=furnished.workspace)
        assert (row.state, row.ok) == ("waiting", None)
    assert proving.prove_next()
    with sides.control_unit():
        assert FreshArchive.objects.get(workspace=furnished.workspace).ok


def test_a_keeper_killed_in_a_proof_or_a_restore_leaves_it_to_the_next(furnished, tmp_path: Path) -> None:
    path, before = kit.make(furnished.place, tmp_path), kit.claiming_or_active()
    with mock.patch.object(restoring, "undo"), mock.patch.object(restoring.loading, "files", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        restoring.restore(path, slug=kit.slug())
    [left] = kit.claiming_or_active() - before
    keeper.round_once()
    assert left in kit.claiming_or_active()  # it may be at work still
    with sides.control_unit():
        Signup.objects.filter(workspace=left).update(started_at=clock.real_now() - keeper.BROKEN_AFTER - timedelta(seconds=1))
    keeper.round_once()
    assert left not in kit.claiming_or_active()
