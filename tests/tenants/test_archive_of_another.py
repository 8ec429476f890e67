"""The archive of one firm in the hands of another: whose it is is said first, and nobody of the one becomes somebody of the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from django.conf import settings
from django.core.files.storage import default_storage
from django.test import Client
from django.utils.module_loading import autodiscover_modules

from crm_core.groundwork.attachments.models import Attachment
from crm_core.people.contacts.models import Contact
from crm_platform.accounts import tokens
from crm_platform.accounts.models import User
from crm_platform.db import sides
from crm_platform.kernel import commands, workspace
from crm_platform.letters.models import Letter
from tenants.archives import restoring
from tenants.lifecycle import erasing, states
from tenants.mailindex import workspaces_of
from tenants.models import Workspace
from tenants.reserved import AddressRefused

from . import archive_kit as kit


@pytest.fixture
def other(make_door) -> Any:
    """Another firm of the same platform, with people of its own."""
    return make_door(firm="Bouwbedrijf Bos", email="boss@bos.example")


@pytest.fixture
def archive(furnished, tmp_path: Path) -> Path:
    return kit.make(furnished.place, tmp_path)


def _state(door: Any) -> tuple[list[Any], list[Any], int]:
    with door.unit():
        return list(User.objects.order_by("id").values_list("email", "access")), list(Contact.objects.order_by("id").values_list("first_name", flat=True)), Letter.objects.count()


@pytest.fixture
def command() -> Any:
    autodiscover_modules("commands")

    def run(path: Path, *more: str, answer: str = "") -> Any:
        return CliRunner().invoke(commands.group, ["restore-workspace", "--file", str(path), *more], input=answer, standalone_mode=False)

    return run


def test_whose_it_is_is_read_before_anything_is_made(furnished, archive: Path) -> None:
    before = kit.claiming_or_active()
    found = restoring.preview(archive)
    assert (found.firm, found.url, found.letters, found.stranger) == ("Atelier Veldhuis", workspace.url(place=furnished.place), 2, False)
    assert restoring.preview(archive, email=" Sam@veldhuis.example").stranger is False
    assert restoring.preview(archive, email="boss@bos.example").stranger is True
    assert kit.claiming_or_active() == before


def test_a_stranger_becomes_its_owner_only_where_that_is_confirmed(archive: Path, command, restored) -> None:
    before, slug = kit.claiming_or_active(), kit.slug()
    refused = command(archive, "--slug", slug, "--email", "boss@bos.example", answer="n\n")
    assert isinstance(refused.exception, click.Abort)
    assert "The archive of “Atelier Veldhuis” (http://" in refused.output
    assert "boss@bos.example is none of them" in refused.output
    assert isinstance(command(archive, "--slug", slug, "--email", "boss@bos.example").exception, click.Abort)  # nobody there to ask
    assert kit.claiming_or_active() == before
    done = command(archive, "--slug", slug, "--email", "boss@bos.example", "--yes", "--json")
    assert done.exception is None, done.exception
    with sides.control_unit():
        restored.append(Workspace.objects.get(slug=slug))
    assert '"firm": "Atelier Veldhuis"' in done.output


def test_for_one_of_its_own_people_nobody_is_asked(archive: Path, command, restored) -> None:
    slug = kit.slug()
    done = command(archive, "--slug", slug, "--email", "sam@veldhuis.example")
    assert done.exception is None, done.exception
    with sides.control_unit():
        restored.append(Workspace.objects.get(slug=slug))


def test_it_never_goes_into_another_firms_workspace(furnished, other, archive: Path, command) -> None:
    """Not even an empty one: a restored workspace is always a new one, and an address that somebody has is refused."""
    before, ours, theirs = kit.claiming_or_active(), _state(furnished), _state(other)
    refused = command(archive, "--slug", other.place.slug, "--email", "boss@bos.example", "--yes")
    assert isinstance(refused.exception, AddressRefused)
    assert (kit.claiming_or_active(), _state(furnished), _state(other)) == (before, ours, theirs)


def test_beside_the_living_firm_it_is_a_third_one_and_opens_to_nothing_of_the_first(furnished, other, archive: Path, restored) -> None:
    with furnished.unit():
        token = tokens.make_api_token(User.objects.select_related("role").get(email="olga@veldhuis.example"), name="program")
    session, ours, theirs = furnished.client().cookies, _state(furnished), _state(other)
    done = restoring.restore(archive, slug=kit.slug())
    restored.append(done.workspace)
    host = f"{done.workspace.slug}.{settings.PUBLIC_HOST}"
    by_token = Client(HTTP_HOST=host, headers={"Authorization": f"Bearer {token}"}).get("/api/v4/contacts")
    by_session = Client(HTTP_HOST=host)
    by_session.cookies = session
    assert (by_token.status_code, by_session.get("/board").status_code) == (401, 302)
    assert (_state(furnished), _state(other)) == (ours, theirs)
    with sides.control_unit():
        homes = {row.public_id for row in workspaces_of("olga@veldhuis.example")}
        assert not {other.place.public_id} & homes
        assert homes >= {furnished.place.public_id, done.workspace.public_id}
        assert done.workspace.pk not in {row.pk for row in workspaces_of("boss@bos.example")}


def test_what_becomes_of_the_copy_is_nothing_to_the_first(furnished, archive: Path) -> None:
    done = restoring.restore(archive, slug=kit.slug())
    erasing.erase_at_once(done.workspace, by=states.OPERATOR)
    with furnished.unit():
        for row in Attachment.objects.all():
            with default_storage.open(row.path) as file:
                assert len(file.read()) == row.size
    assert furnished.client().get("/board").status_code == 200
    with sides.control_unit():
        assert [row.public_id for row in workspaces_of("olga@veldhuis.example") if row.public_id in (furnished.place.public_id, done.workspace.public_id)] == [furnished.place.public_id]
