"""Files are opened below their workspace's folder alone, whatever a row says."""

from __future__ import annotations

import pytest
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from crm_core.groundwork.imports import services as imports
from crm_core.groundwork.imports.models import ImportRun
from crm_platform.db import sides
from crm_platform.kernel import files
from crm_platform.kernel.files import NotOurs


def test_a_path_that_leads_elsewhere_opens_saves_and_deletes_nothing(two_doors) -> None:
    mine, other = two_doors
    with sides.inside(other.place):
        theirs = default_storage.save(f"{files.folder()}/attachments/a", ContentFile(b"secret"))
    with sides.inside(mine.place):
        own = files.folder()
        for path in (theirs, f"{own}/../../{theirs}", f"{own}/../../../outside", "/etc/passwd", f"{own}x/a", own, f"{own}\\..\\..\\x"):
            for verb in (default_storage.open, default_storage.exists, default_storage.delete, default_storage.size):
                with pytest.raises(NotOurs):
                    verb(path)
            with pytest.raises((NotOurs, SuspiciousFileOperation)):
                default_storage.save(path, ContentFile(b"x"))
    with sides.inside(other.place), default_storage.open(theirs) as file:
        assert file.read() == b"secret"


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "/etc/passwd", "a/b"])
def test_an_import_s_file_has_a_bare_name(doors, name: str) -> None:
    with sides.inside(doors.place), pytest.raises(NotOurs):
        imports.file_of(ImportRun(path=name))


def test_outside_of_a_workspace_there_are_none(control_side: None) -> None:
    with pytest.raises(NotOurs):
        default_storage.exists("abc/1/attachments/a")
