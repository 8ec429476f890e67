"""A workspace leaves as one file and comes back whole, without anybody's secret."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from unittest import mock

import pytest
from django.conf import settings
from django.core.files.storage import default_storage

from crm_core.groundwork.attachments.models import Attachment
from crm_core.people.contacts import services as contact_services
from crm_core.people.contacts.models import Contact
from crm_core.sales.deals.models import Deal, DealContact
from crm_platform.accounts import roles
from crm_platform.accounts.models import Access, User
from crm_platform.db import sides
from crm_platform.events.models import Event
from crm_platform.jobs.serving import serve_side
from crm_platform.kernel import clock
from crm_platform.kernel.errors import Invalid
from crm_platform.kernel.gates import Usage
from crm_platform.kernel.workspace import Place
from crm_platform.letters.models import Letter
from tenants import keeper
from tenants.archives import contents, making, proving, restoring, services
from tenants.archives.models import ArchiveRun, Stage
from tenants.carrying import tables
from tenants.inside.models import WorkspaceState
from tenants.mailindex import workspaces_of
from tenants.models import FreshArchive, Signup, TemplateScript, Workspace
from tenants.provisioning import owner, pool, template
from tests.factories import cast

from . import archive_kit as kit


@pytest.fixture
def restored(house, django_db_blocker) -> Iterator[list[Workspace]]:
    """What a test restores: discarded after it."""
    with django_db_blocker.unblock():
        made: list[Workspace] = []
        yield made
        for workspace in made:
            pool.discard(workspace)


@pytest.fixture
def furnished(doors):
    """A workspace with something of everything."""
    kit.furnish(doors.place)
    return doors


def _slug() -> str:
    from crm_platform.kernel import ids

    return f"t-{ids.random_id(10)}"


def _letters(place) -> dict[str, str]:
    with sides.unit(place):
        return {letter.to: letter.text for letter in Letter.objects.exclude(text="")}


# What is in it


def test_every_table_of_a_workspace_is_decided_on_and_nothing_smells_of_a_secret(doors) -> None:
    with owner.direct(doors.place.alias) as connection:
        found = tables.tables(connection, doors.place.schema)
    assert {table.name for table in found} == set(contents.DECIDED)
    travelling = contents.travelling(found)
    smelling = {(table.name, column.name) for table in travelling for column in table.columns if contents.SMELLS.search(column.name)} | {
        (table.name, "") for table in travelling if contents.SMELLS.search(table.name)
    }
    assert {pair for pair in smelling if pair[1] not in contents.HARMLESS} == set()
    files = {(table.name, column.name) for table in travelling for column in table.columns if contents.FILES_SMELL.search(column.name)}
    assert files == set(contents.NAMED_FILES)


def test_a_table_nobody_decided_on_stops_the_archive(doors, tmp_path: Path) -> None:
    with mock.patch.dict(contents.DECIDED):
        del contents.DECIDED["tag"]
        with pytest.raises(contents.Undecided, match="tag"):
            making.make(doors.place, tmp_path / "making")


def test_secrets_stay_behind(furnished, tmp_path: Path) -> None:
    furnished.client()
    with furnished.unit():
        password = User.objects.get(email="olga@veldhuis.example").password
    path = kit.make(furnished.place, tmp_path)
    with zipfile.ZipFile(path) as archive:
        everything = b"".join(archive.read(name) for name in archive.namelist())
        assert password.encode() not in everything
        assert b"pbkdf2" not in everything
        assert b"argon2" not in everything
        heads = next(csv.reader(io.StringIO(archive.read("rows/person.csv").decode())))
        assert "password" not in heads
        assert not {"rows/django_session.csv", "rows/api_token.csv", "rows/mfa_authenticator.csv", "rows/letter.csv", "rows/job.csv"} & set(archive.namelist())
        assert archive.testzip() is None


def test_people_can_open_it_without_us(furnished, tmp_path: Path) -> None:
    path = kit.make(furnished.place, tmp_path)
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "open")
    opened = tmp_path / "open"
    lite = sqlite3.connect(opened / "workspace.sqlite")
    assert lite.execute("SELECT first_name, typeof(id), binned_at FROM contact ORDER BY id LIMIT 1").fetchone() == (kit.NASTY, "integer", None)
    assert lite.execute("SELECT typeof(is_active), created_at FROM person WHERE email = 'olga@veldhuis.example'").fetchone()[0] == "integer"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", lite.execute("SELECT created_at FROM deal").fetchone()[0])
    assert not lite.execute("SELECT name FROM sqlite_master WHERE name = 'search_row'").fetchall()
    lite.close()
    index = (opened / "index.html").read_text()
    assert "Atelier Veldhuis" in index
    pages = [index, *(page.read_text() for page in (opened / "pages").iterdir())]
    assert all("<script" not in page and "//" not in re.sub(r"http://t-[a-z0-9]+\.localhost[^ <]*", "", page).replace("<!doctype", "") for page in pages)
    for page in opened.glob("**/*.html"):
        for link in re.findall(r'href="([^"#]+)', page.read_text()):
            from urllib.parse import unquote

            assert (page.parent / unquote(link)).exists(), f"{page.name}: {link}"
    deal_page = (opened / "pages/deals-1.html").read_text()
    anchor = re.search(r'href="(contacts-1\.html)#(r\d+)"', deal_page)
    assert anchor
    assert f'id="{anchor[2]}"' in (opened / "pages" / anchor[1]).read_text()
    assert "&lt;b&gt;&amp;" in (opened / "pages/contacts-1.html").read_text()
    assert json.loads((opened / "settings.json").read_text())["preferences"][0]["firm"] == "Atelier Veldhuis"


def test_null_and_nothing_are_two_things_in_the_rows(furnished, tmp_path: Path) -> None:
    with zipfile.ZipFile(kit.make(furnished.place, tmp_path)) as archive:
        line = archive.read("rows/contact.csv").decode().rpartition('"Plain"')[2]
    assert ',"",' in line
    assert ",," in line


def test_a_file_missing_on_the_disk_is_noted_and_stops_nothing(furnished, tmp_path: Path, restored) -> None:
    with furnished.unit():
        row = Attachment.objects.order_by("id").first()
        assert row is not None
        default_storage.delete(row.path)
    path = kit.make(furnished.place, tmp_path)
    told = kit.content_of(path)["files"]
    assert (told["count"], told["missing"]) == (1, 1)
    assert row.path.endswith(told["missing_paths"][0]["path"])
    done = restoring.restore(path, slug=_slug())
    restored.append(done.workspace)
    assert (done.files, done.missing) == (1, 1)


def test_rows_written_meanwhile_are_not_in_it(furnished, tmp_path: Path) -> None:
    real = making._write_rows

    def write(*given):
        with furnished.unit():
            contact_services.create_contact(kit.ROBOT, first_name="Latecomer")
        real(*given)

    with mock.patch.object(making, "_write_rows", write):
        path = kit.make(furnished.place, tmp_path)
    assert kit.content_of(path)["tables"]["contact"]["rows"] == 2
    with zipfile.ZipFile(path) as archive:
        assert b"Latecomer" not in archive.read("rows/contact.csv") + archive.read("rows/event.csv")


# Coming back


def test_it_comes_back_whole_under_another_address(furnished, tmp_path: Path, restored) -> None:
    path, slug = kit.make(furnished.place, tmp_path), _slug()
    done = restoring.restore(path, slug=slug)
    restored.append(done.workspace)
    place, content = done.workspace.place, kit.content_of(path)
    assert (place.name, place.slug, done.workspace.state) == ("Atelier Veldhuis", slug, "active")
    assert {name: one.rows for name, one in done.rows.items()} == {name: one["rows"] for name, one in content["tables"].items()}
    with furnished.unit():
        before = (list(Contact.objects.order_by("id").values()), list(Deal.objects.order_by("id").values_list("id", "company_id")))
    with sides.unit(place):
        assert (list(Contact.objects.order_by("id").values()), list(Deal.objects.order_by("id").values_list("id", "company_id"))) == before
        assert list(DealContact.objects.values_list("deal_id", "contact_id")) == [(before[1][0][0], before[0][0]["id"])]
        state = WorkspaceState.objects.get()
        assert (state.public_id, state.generation, state.plan) == (place.public_id, 1, "business")
        for row in Attachment.objects.all():
            assert row.path.startswith(f"{place.public_id}/1/")
            with default_storage.open(row.path) as file:
                assert len(file.read()) == row.size
        event = Event.objects.get(name="workspace.restored")
        assert event.after["files"] == 2
        new = contact_services.create_contact(kit.ROBOT, first_name="Next")
    assert new.pk == content["tables"]["contact"]["next"]


def test_people_choose_new_passwords_by_letters_that_lead_to_the_new_place(furnished, tmp_path: Path, restored) -> None:
    done = restoring.restore(kit.make(furnished.place, tmp_path), slug=_slug())
    restored.append(done.workspace)
    place = done.workspace.place
    letters = _letters(place)
    assert set(letters) == {"olga@veldhuis.example", "sam@veldhuis.example"}
    with sides.unit(place):
        owner_row = User.objects.get(email="olga@veldhuis.example")
        assert not owner_row.has_usable_password()
        passwords = list(User.objects.values_list("password", flat=True))
        assert len(set(passwords)) == len(passwords)
    link = re.search(r"http://\S+", letters["olga@veldhuis.example"])
    assert link
    assert link[0].startswith(f"http://{place.slug}.localhost")
    from django.test import Client

    client = Client(HTTP_HOST=f"{place.slug}.localhost", raise_request_exception=False)
    path = "/join/" + link[0].split("/join/")[1]
    assert client.post(path, {"name": "Olga", "password": "another-long-sentence-9"}).status_code == 303
    assert client.get("/board").status_code == 200
    with sides.control_unit():
        assert done.workspace.pk in {row.pk for row in workspaces_of("sam@veldhuis.example")}


def test_a_letter_of_the_old_place_opens_nothing_in_the_new_one(furnished, tmp_path: Path, restored) -> None:
    from django.test import Client

    from crm_platform.accounts import tokens

    done = restoring.restore(kit.make(furnished.place, tmp_path), slug=_slug())
    restored.append(done.workspace)
    with furnished.unit():
        old = tokens.invite_link(User.objects.get(email="sam@veldhuis.example"))
    answer = Client(HTTP_HOST=f"{done.workspace.slug}.localhost", raise_request_exception=False).get("/join/" + old.split("/join/")[1])
    assert answer.status_code == 403


@pytest.mark.parametrize(("email", "letters"), [("sam@veldhuis.example", {"olga@veldhuis.example", "sam@veldhuis.example"}), ("new@boss.example", {"olga@veldhuis.example", "sam@veldhuis.example", "new@boss.example"})])
def test_another_owner_can_be_named(furnished, tmp_path: Path, restored, email: str, letters: set[str]) -> None:
    done = restoring.restore(kit.make(furnished.place, tmp_path), slug=_slug(), email=email)
    restored.append(done.workspace)
    with sides.unit(done.workspace.place):
        person = User.objects.select_related("role").get(email=email)
        assert (person.role.code, person.access) == (roles.OWNER, Access.ACTIVE)
    assert set(_letters(done.workspace.place)) == letters


def test_without_anyone_to_write_to_an_owner_must_be_named(furnished, tmp_path: Path) -> None:
    with furnished.unit():
        User.objects.exclude(email=None).update(access=Access.DEACTIVATED, is_active=False)
    path, before = kit.make(furnished.place, tmp_path), kit.claiming_or_active()
    with pytest.raises(Invalid):
        restoring.restore(path, slug=_slug())
    assert kit.claiming_or_active() == before


def test_a_small_plan_takes_all_of_it_and_says_what_is_over(furnished, tmp_path: Path, restored) -> None:
    with furnished.unit():
        for number in range(3):
            contact_services.create_contact(kit.ROBOT, first_name=f"C{number}")
    with mock.patch("crm_platform.kernel.gates.overview", return_value={"contacts": Usage("contacts", 2, 2, 6)}):
        done = restoring.restore(kit.make(furnished.place, tmp_path), slug=_slug(), plan="free")
    restored.append(done.workspace)
    assert done.over == {"contacts": {"used": 6, "limit": 2}}
    with sides.unit(done.workspace.place):
        assert Contact.objects.count() == 5
        assert WorkspaceState.objects.get().plan == "free"


def test_an_archive_of_an_archive_is_the_same(furnished, tmp_path: Path, restored) -> None:
    first = kit.make(furnished.place, tmp_path)
    done = restoring.restore(first, slug=_slug())
    restored.append(done.workspace)
    again = making.make(done.workspace.place, tmp_path / "again")
    assert again is not None
    own = {"event", "counter"}
    one, two = kit.content_of(first)["tables"], again.content["tables"]
    assert {name: table for name, table in one.items() if name not in own} == {name: table for name, table in two.items() if name not in own}


# Older versions


ADDED = ("archives.0001_initial", "inside.0010_preferences_weekly_archive")


def _older_script(current: TemplateScript) -> TemplateScript:
    """As it was before archives were: without their table and without the choice of a weekly one."""
    lines = [line for line in template.migrated() if not any(word in line for word in ("archive_run", "weekly_archive", "'archives'"))]
    names = [name for name in current.migrations if name not in ADDED]
    return TemplateScript(version="before archives", script=";\n".join(lines) + ";\n", migrations=names, tables=current.tables - 1, relations=current.relations)


@pytest.mark.parametrize("known", [True, False])
def test_an_older_archive_comes_up_to_date(furnished, tmp_path: Path, restored, known: bool) -> None:
    older = _older_script(template.current())
    with sides.control_unit():
        older.save(force_insert=True)
    name = pool.make(older)
    try:
        with sides.control_unit():
            old = Workspace.objects.get(schema_name=name)
        _old_rows(furnished.place, name)
        with mock.patch.object(contents, "DECIDED", {key: value for key, value in contents.DECIDED.items() if key != "archive_run"}):
            path = kit.make(old.place, tmp_path)
        assert "weekly_archive" not in kit.content_of(path)["tables"]["preferences"]["columns"]
        if not known:
            with sides.control_unit():
                TemplateScript.objects.filter(pk=older.pk).delete()
        done = restoring.restore(path, slug=_slug())
        restored.append(done.workspace)
        with sides.unit(done.workspace.place):
            assert Contact.objects.count() == 2
            assert not ArchiveRun.objects.exists()
            services.keep_fresh(kit.ROBOT, weekly=True)
        with sides.control_unit():
            assert Workspace.objects.get(pk=done.workspace.pk).template_version == template.fingerprint()
    finally:
        pool.discard(old)
        with sides.control_unit():
            TemplateScript.objects.filter(pk=older.pk).delete()


def _old_rows(here: Place, there: str) -> None:
    from tenants.carrying import loading

    with owner.direct() as connection:
        found = [table for table in tables.tables(connection, there) if table.name not in ("django_migrations", "attachment")]
        with owner.direct(here.alias) as source, connection.transaction(), loading.emptied(connection, there, found):
            for table in found:
                loading.copy_in(connection, there, table, loading.copy_out(source, here.schema, table, read=table.names()))
            tables.count_on(connection, there, found, tables.counters(source, here.schema, found))


# In the background


def test_an_owner_has_it_made_and_fetches_it(furnished) -> None:
    client = furnished.client()
    assert client.post("/settings/archives").status_code == 303
    assert client.post("/settings/archives").status_code == 303
    serve_side(furnished.unit)
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
    serve_side(furnished.unit)
    with furnished.unit():
        folder = services.folder_of(run)
        assert (folder / "archive.zip").exists()
        ArchiveRun.objects.update(ends_at=clock.real_now())
        from crm_platform.jobs.models import Job

        assert Job.objects.filter(name="archives.forget", state="waiting").update(at=clock.real_now()) == 1
    assert furnished.client().get(f"/settings/archives/{run.pk}/file").status_code == 410
    serve_side(furnished.unit)
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
        serve_side(furnished.unit)
    with furnished.unit():
        assert ArchiveRun.objects.get().stage == Stage.CANCELLED
        assert not services.folder_of(run).exists()
        assert not Event.objects.filter(name="archive.made").exists()


def test_what_cannot_be_made_is_said_and_leaves_nothing(furnished) -> None:
    from crm_platform.jobs import rows

    with furnished.unit():
        run = services.ask(kit.ROBOT)
    with mock.patch.object(making, "_write_rows", side_effect=OSError(28, "full")), mock.patch.object(rows, "MOST_ATTEMPTS", 1):
        serve_side(furnished.unit)
    with furnished.unit():
        assert ArchiveRun.objects.get().stage == Stage.FAILED
        assert Event.objects.filter(name="archive.failed").exists()
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
    done = restoring.restore(made.path, slug=_slug())
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
    serve_side(furnished.unit)
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
    serve_side(furnished.unit)
    with furnished.unit():
        first = ArchiveRun.objects.get()
        services.make_weekly()
    serve_side(furnished.unit)
    with furnished.unit():
        assert list(ArchiveRun.objects.order_by("id").values_list("stage", flat=True)) == [Stage.GONE, Stage.DONE]
        assert not services.folder_of(first).exists()
    assert proving.prove_next()


def test_an_archive_that_does_not_restore_is_told(furnished) -> None:
    with furnished.unit():
        services.keep_fresh(kit.ROBOT, weekly=True)
    serve_side(furnished.unit)
    with sides.control_unit():
        path = Path(settings.MEDIA_ROOT) / FreshArchive.objects.get(workspace=furnished.workspace).path
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)
    before = kit.claiming_or_active()
    assert proving.prove_next()
    with sides.control_unit():
        row = FreshArchive.objects.get(workspace=furnished.workspace)
        assert (row.ok, bool(row.sentence)) == (False, True)
    assert kit.claiming_or_active() == before
    assert "failed" in furnished.client().get("/settings/archives").content.decode()


def test_a_keeper_killed_in_a_proof_or_a_restore_leaves_it_to_the_next(furnished, tmp_path: Path) -> None:
    path, before = kit.make(furnished.place, tmp_path), kit.claiming_or_active()
    with mock.patch.object(restoring, "undo"), mock.patch.object(restoring.loading, "files", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        restoring.restore(path, slug=_slug())
    [left] = kit.claiming_or_active() - before
    keeper.round_once()
    assert left in kit.claiming_or_active()  # it may be at work still
    with sides.control_unit():
        Signup.objects.filter(workspace=left).update(started_at=clock.real_now() - keeper.BROKEN_AFTER - timedelta(seconds=1))
    keeper.round_once()
    assert kit.claiming_or_active() == before
