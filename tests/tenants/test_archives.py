"""A workspace leaves as one file and comes back whole, without anybody's secret."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
import zipfile
from datetime import timedelta
from pathlib import Path
from unittest import mock

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client

from crm_core.doors.amocrm.drive.sessions import SESSION
from crm_core.doors.amocrm.models import Stored
from crm_core.groundwork.attachments.models import Attachment
from crm_core.people.contacts import services as contact_services
from crm_core.people.contacts.models import Contact
from crm_core.sales.deals.models import Deal, DealContact
from crm_core.sales.incoming import sources as lead_sources
from crm_core.sales.incoming.models import LeadSource
from crm_platform.accounts import roles, tokens
from crm_platform.accounts.models import Access, User
from crm_platform.db import sides
from crm_platform.events.models import Event
from crm_platform.kernel import clock, files
from crm_platform.kernel.errors import Invalid
from crm_platform.kernel.gates import Usage
from crm_platform.letters.models import Letter
from tenants.archives import contents, making, restoring
from tenants.carrying import tables
from tenants.inside.models import WorkspaceState
from tenants.mailindex import workspaces_of
from tenants.provisioning import owner

from . import archive_kit as kit


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
        assert b"argon2" not in everything
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
    done = restoring.restore(path, slug=kit.slug())
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
    path, slug = kit.make(furnished.place, tmp_path), kit.slug()
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


def test_what_was_chosen_for_a_source_comes_back_and_its_keys_do_not(furnished, tmp_path: Path, restored) -> None:
    with furnished.unit():
        olga = User.objects.get(email="olga@veldhuis.example").pk
        source = lead_sources.add(kit.ROBOT, name="Site", kind="api", answer_minutes=30, responsible_id=olga, outer="declared:7")
        sealed = [source.settings[name] for name in ("key", "secret")]
    path = kit.make(furnished.place, tmp_path)
    with zipfile.ZipFile(path) as archive:
        everything = {name: archive.read(name) for name in archive.namelist()}
    assert not [(one, name) for one in [*sealed, source.key_digest] for name, content in everything.items() if one.encode() in content]
    done = restoring.restore(path, slug=kit.slug())
    restored.append(done.workspace)
    with sides.unit(done.workspace.place):
        back = LeadSource.objects.get()
        assert back.settings == {"answer_minutes": 30, "responsible": olga, "outer": "declared:7"}
        assert (back.key_digest == source.key_digest, lead_sources.key_of(back), lead_sources.secret_of(back)) == (False, "", "")
        lead_sources.new_key(kit.ROBOT, back.pk)
        assert lead_sources.key_of(LeadSource.objects.get()).startswith(f"{done.workspace.place.public_id}.")


def test_an_upload_that_had_not_come_whole_does_not_stop_the_next_one_where_it_comes_back(furnished, tmp_path: Path, restored, settings) -> None:
    with furnished.unit():
        part = default_storage.save(f"{files.folder()}/uploads/begun", ContentFile(b"half"))
        Stored.objects.create(kind=SESSION, key="begun", body={"parts": [part], "came": 4, "file_size": 8}, created_at=clock.now() - timedelta(days=2))
    done = restoring.restore(kit.make(furnished.place, tmp_path), slug=kit.slug())
    restored.append(done.workspace)
    with sides.unit(done.workspace.place):
        token = tokens.make_api_token(User.objects.select_related("role").get(email="olga@veldhuis.example"), name="program")
    client = Client(HTTP_HOST=f"{done.workspace.slug}.{settings.PUBLIC_HOST}", headers={"Authorization": f"Bearer {token}"})
    assert client.post("/v1.0/sessions", {"file_name": "a", "file_size": 4}, content_type="application/json").status_code == 200
    with furnished.unit():
        assert default_storage.exists(part)


def test_people_choose_new_passwords_by_letters_that_lead_to_the_new_place(furnished, tmp_path: Path, restored) -> None:
    done = restoring.restore(kit.make(furnished.place, tmp_path), slug=kit.slug())
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

    done = restoring.restore(kit.make(furnished.place, tmp_path), slug=kit.slug())
    restored.append(done.workspace)
    with furnished.unit():
        old = tokens.invite_link(User.objects.get(email="sam@veldhuis.example"))
    answer = Client(HTTP_HOST=f"{done.workspace.slug}.localhost", raise_request_exception=False).get("/join/" + old.split("/join/")[1])
    assert answer.status_code == 403


@pytest.mark.parametrize(("email", "letters"), [("sam@veldhuis.example", {"olga@veldhuis.example", "sam@veldhuis.example"}), ("new@boss.example", {"olga@veldhuis.example", "sam@veldhuis.example", "new@boss.example"})])
def test_another_owner_can_be_named(furnished, tmp_path: Path, restored, email: str, letters: set[str]) -> None:
    done = restoring.restore(kit.make(furnished.place, tmp_path), slug=kit.slug(), email=email)
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
        restoring.restore(path, slug=kit.slug())
    assert kit.claiming_or_active() == before


def test_a_small_plan_takes_all_of_it_and_says_what_is_over(furnished, tmp_path: Path, restored) -> None:
    with furnished.unit():
        for number in range(3):
            contact_services.create_contact(kit.ROBOT, first_name=f"C{number}")
    with mock.patch("crm_platform.kernel.gates.overview", return_value={"contacts": Usage("contacts", 2, 2, 6)}):
        done = restoring.restore(kit.make(furnished.place, tmp_path), slug=kit.slug(), plan="free")
    restored.append(done.workspace)
    assert done.over == {"contacts": {"used": 6, "limit": 2}}
    with sides.unit(done.workspace.place):
        assert Contact.objects.count() == 5
        assert WorkspaceState.objects.get().plan == "free"


def test_an_archive_of_an_archive_is_the_same(furnished, tmp_path: Path, restored) -> None:
    first = kit.make(furnished.place, tmp_path)
    done = restoring.restore(first, slug=kit.slug())
    restored.append(done.workspace)
    again = making.make(done.workspace.place, tmp_path / "again")
    assert again is not None
    own = {"event", "counter"}
    one, two = kit.content_of(first)["tables"], again.content["tables"]
    assert {name: table for name, table in one.items() if name not in own} == {name: table for name, table in two.items() if name not in own}
