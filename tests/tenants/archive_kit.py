"""A workspace with something of everything, its archive, and ways to spoil that."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.files.base import ContentFile

from crm_core.groundwork.attachments import services as attachments
from crm_core.people.companies import services as companies
from crm_core.people.contacts import services as contacts
from crm_core.people.contacts.models import Contact
from crm_core.sales.deals import services as deals
from crm_platform.accounts import services as people
from crm_platform.accounts import tokens
from crm_platform.accounts.models import Role, User
from crm_platform.db import sides
from crm_platform.kernel import ids
from crm_platform.kernel.permissions import robot
from crm_platform.kernel.workspace import Place
from tenants.archives import making, manifest
from tenants.models import Workspace

ROBOT = robot("test")
NASTY = "Zoë “1”,\n;\\N \t\\t 'x' <b>&"


def slug() -> str:
    """An address that nobody has."""
    return f"t-{ids.random_id(10)}"


def furnish(place: Place) -> None:
    """People, records with odd letters, a link of each sort, a file, a token."""
    with sides.unit(place):
        firm = companies.create_company(ROBOT, name="Hout & Zn")
        person = contacts.create_contact(ROBOT, first_name=NASTY, companies=[{"company_id": firm.pk}], emails=[{"address": "zoe@example.com"}])
        Contact.objects.update(first_name=NASTY)  # as no form would leave it
        contacts.create_contact(ROBOT, first_name="Plain")
        deals.create_deal(ROBOT, name="Kitchen", company_id=firm.pk, contacts=[{"contact_id": person.pk}])
        attachments.add(ROBOT, entity="contact", pk=person.pk, file=ContentFile(b"one, two", name="Offer: 1/2.txt"))
        attachments.add(ROBOT, entity="contact", pk=person.pk, file=ContentFile(b"\0" * 70_000, name="plan.pdf"))
        owner = User.objects.get(email="olga@veldhuis.example")
        tokens.make_api_token(owner, name="program")
        people.invite(ROBOT, emails=["sam@veldhuis.example"], role_id=Role.objects.get(code="seller").pk)
        people.add_without_access(ROBOT, name="Nobody")


def make(place: Place, folder: Path) -> Path:
    """The archive of a workspace, in a folder."""
    made = making.make(place, folder / "making")
    assert made is not None
    return made.path.replace(folder / "archive.zip")


def content_of(path: Path) -> dict[str, Any]:
    """What the manifest says."""
    with zipfile.ZipFile(path) as archive:
        return manifest.read(archive.read(manifest.NAME))


def spoiled(
    path: Path, into: Path, *, parts: dict[str, bytes | None] | None = None, added: dict[str, bytes] | None = None,
    content: Callable[[dict[str, Any]], object] | None = None, info: Callable[[zipfile.ZipInfo], object] | None = None,
) -> Path:  # fmt: skip
    """The same archive with parts changed (None: left out) or added, and a manifest that says so truly where `content` changes it."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.infolist():
            data = (parts or {}).get(member.filename, old.read(member))
            if member.filename == manifest.NAME and content is not None:
                told = json.loads(old.read(member))["content"]
                content(told)
                data = manifest.sealed(told)
            if data is not None:
                copied = zipfile.ZipInfo(member.filename, member.date_time)
                copied.compress_type, copied.external_attr = zipfile.ZIP_DEFLATED, member.external_attr
                if info is not None:
                    info(copied)
                new.writestr(copied, data)
        for name, data in (added or {}).items():
            new.writestr(name, data)
    return into


def told_truly(name: str, data: bytes) -> Callable[[dict[str, Any]], object]:
    """Lets the manifest name a part as it is now."""
    from hashlib import sha256

    return lambda content: content["members"].update({name: {"size": len(data), "sha256": sha256(data).hexdigest()}})


def claiming_or_active() -> set[int]:
    """Workspaces that somebody has: nothing may be left of a refused one."""
    with sides.control_unit():
        return set(Workspace.objects.exclude(state__in=("pool", "erased")).values_list("pk", flat=True))
