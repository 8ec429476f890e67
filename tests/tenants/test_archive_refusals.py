"""What is no honest archive is refused with a sentence, and nothing of it stays."""

from __future__ import annotations

import errno
import shutil
import stat
import tracemalloc
import zipfile
from collections import namedtuple
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest import mock

import psycopg
import pytest
from click.testing import CliRunner
from django.conf import settings
from django.utils.module_loading import autodiscover_modules

from crm_platform.db import sides
from crm_platform.kernel import commands, ids
from crm_platform.kernel.errors import CrmError, Invalid
from tenants.archives import checking, fitting, loading, manifest, refusals, restoring, zipping
from tenants.archives.unzipping import Archive
from tenants.models import Domain
from tenants.provisioning import owner, template
from tenants.reserved import AddressRefused
from tests.conftest import new_workspace

from . import archive_kit as kit


@pytest.fixture(scope="module")
def archive(house, django_db_blocker, tmp_path_factory) -> Iterator[Path]:
    """One archive for all: none of these restores it."""
    with django_db_blocker.unblock():
        place = new_workspace().place
        kit.furnish(place)
        yield kit.make(place, tmp_path_factory.mktemp("archive"))


@pytest.fixture
def refused(house, django_db_blocker) -> Iterator[Callable[..., CrmError]]:
    """Tries to restore and gives the refusal: afterwards nothing is left of the attempt."""
    with django_db_blocker.unblock():

        def attempt(path: Path, *why: type[CrmError], slug: str = "", **more: Any) -> CrmError:
            slug = slug or f"t-{ids.random_id(10)}"
            before, files = kit.claiming_or_active(), sorted(Path(settings.MEDIA_ROOT).iterdir())
            with pytest.raises(why) as raised:
                restoring.restore(path, slug=slug, **more)
            assert type(raised.value) in why
            assert raised.value.message
            assert "{" not in raised.value.message
            assert kit.claiming_or_active() == before
            assert sorted(Path(settings.MEDIA_ROOT).iterdir()) == files
            return raised.value

        yield attempt


def _member(path: Path, beginning: str) -> zipfile.ZipInfo:
    with zipfile.ZipFile(path) as found:
        return next(member for member in found.infolist() if member.filename.startswith(beginning))


def _flipped(path: Path, into: Path, beginning: str) -> Path:
    """One bit changed in the middle of a member."""
    member, data = _member(path, beginning), bytearray(path.read_bytes())
    data[member.header_offset + 30 + len(member.filename) + 20 + member.compress_size // 2] ^= 4
    into.write_bytes(data)
    return into


@pytest.mark.parametrize("beginning", ["rows/contact.csv", "rows/event.csv", "files/", "workspace.sqlite", "files.csv", "pages/contacts-1.html", "index.html", "settings.json"])
def test_a_byte_changed_anywhere_is_found(archive: Path, tmp_path: Path, refused, beginning: str) -> None:
    refused(_flipped(archive, tmp_path / "changed.zip", beginning), refusals.Tampered, refusals.Swollen)


@pytest.mark.parametrize("beginning", ["rows/contact.csv", "files/", "workspace.sqlite", "settings.json"])
def test_so_is_a_part_put_in_anew_with_a_true_checksum(archive: Path, tmp_path: Path, refused, beginning: str) -> None:
    name = _member(archive, beginning).filename
    with zipfile.ZipFile(archive) as found:
        data = found.read(name)
    refused(kit.spoiled(archive, tmp_path / "changed.zip", parts={name: data.swapcase() if data.swapcase() != data else data[::-1] + b"x"}), refusals.Tampered)


def test_a_changed_manifest_is_found(archive: Path, tmp_path: Path, refused) -> None:
    with zipfile.ZipFile(archive) as found:
        text = found.read(manifest.NAME).replace(b"Atelier Veldhuis", b"Atelier Veldhuys")
    found = refused(kit.spoiled(archive, tmp_path / "changed.zip", parts={manifest.NAME: text}), refusals.Tampered)
    assert manifest.NAME in found.message


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_one_cut_short(archive: Path, tmp_path: Path, refused, share: float) -> None:
    path = tmp_path / "short.zip"
    path.write_bytes(archive.read_bytes()[: max(8, int(archive.stat().st_size * share))])
    refused(path, refusals.CutShort)


def test_one_with_something_behind_its_end(archive: Path, tmp_path: Path, refused) -> None:
    path = tmp_path / "long.zip"
    path.write_bytes(archive.read_bytes() + b"more")
    refused(path, refusals.CutShort)


@pytest.mark.parametrize("data", [b"", b"PK", b"%PDF-1.7 and so on", b"\x1f\x8b\x08 a tarball"])
def test_no_zip(tmp_path: Path, refused, data: bytes) -> None:
    path = tmp_path / "other.zip"
    path.write_bytes(data)
    refused(path, refusals.NotAnArchive)


def test_a_zip_of_something_else(tmp_path: Path, refused) -> None:
    path = tmp_path / "other.zip"
    with zipfile.ZipFile(path, "w") as other:
        other.writestr("photos/1.jpg", b"x")
    refused(path, refusals.ForeignArchive)


@pytest.mark.parametrize("text", [b"[]", b"{}", b"{", b"\xff\xfe", b'{"content": []}', b'{"content": {"product": "x", "format": 1}}', b"[" * 100_000])
def test_a_manifest_that_is_none(archive: Path, tmp_path: Path, refused, text: bytes) -> None:
    refused(kit.spoiled(archive, tmp_path / "other.zip", parts={manifest.NAME: text}), refusals.ForeignArchive)


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.pop("files"), lambda content: content.update(tables=[]), lambda content: content["tables"].update(contact=7),
        lambda content: content["tables"]["contact"].update(rows="3"), lambda content: content["tables"]["contact"].update(columns=[[]]),
        lambda content: content["members"].update({"rows/contact.csv": None}), lambda content: content["workspace"].pop("name"),
    ],
)  # fmt: skip
def test_a_manifest_without_sense_though_with_a_good_hash(archive: Path, tmp_path: Path, refused, change) -> None:
    refused(kit.spoiled(archive, tmp_path / "odd.zip", content=change), refusals.Tampered)


def test_one_of_another_product(archive: Path, tmp_path: Path, refused) -> None:
    refused(kit.spoiled(archive, tmp_path / "other.zip", content=lambda content: content.update(product="another")), refusals.ForeignArchive)


def test_one_of_a_format_of_tomorrow(archive: Path, tmp_path: Path, refused) -> None:
    refused(kit.spoiled(archive, tmp_path / "newer.zip", content=lambda content: content.update(format=2)), refusals.FromNewer)


def test_one_of_a_newer_version(archive: Path, tmp_path: Path, refused) -> None:
    def newer(content) -> None:
        content["version"] = "9.1"
        content["schema"]["migrations"].append("deals.0099_of_tomorrow")

    assert "9.1" in refused(kit.spoiled(archive, tmp_path / "newer.zip", content=newer), refusals.FromNewer).message


def test_a_table_that_we_do_not_know(archive: Path, tmp_path: Path, refused) -> None:
    data = b'"id"\n'

    def more(content) -> None:
        content["tables"]["pets"] = {"columns": ["id"], "rows": 0, "sum": "0", "next": None}
        kit.told_truly("rows/pets.csv", data)(content)

    refused(kit.spoiled(archive, tmp_path / "more.zip", added={"rows/pets.csv": data}, content=more), refusals.UnknownTable)


@pytest.mark.parametrize("table", ["job", "django_session", "workspace_state", "api_token"])
def test_rows_that_never_travel_are_not_taken_in(archive: Path, tmp_path: Path, refused, table: str) -> None:
    def more(content) -> None:
        content["tables"][table] = {"columns": ["id"], "rows": 0, "sum": "0", "next": None}
        kit.told_truly(f"rows/{table}.csv", b'"id"\n')(content)

    refused(kit.spoiled(archive, tmp_path / "more.zip", added={f"rows/{table}.csv": b'"id"\n'}, content=more), refusals.UnknownTable)


def test_nor_is_a_password(archive: Path, tmp_path: Path, refused) -> None:
    refused(kit.spoiled(archive, tmp_path / "more.zip", content=lambda content: content["tables"]["person"]["columns"].append("password")), refusals.TooOld)


@pytest.mark.parametrize("figure", ["rows", "sum"])
def test_counts_or_sums_that_are_wrong(archive: Path, tmp_path: Path, refused, figure: str) -> None:
    def wrong(content) -> None:
        told = content["tables"]["contact"]
        told[figure] = told[figure] + 1 if figure == "rows" else str(int(told[figure]) + 1)

    assert "contact" in refused(kit.spoiled(archive, tmp_path / "wrong.zip", content=wrong), refusals.WrongCounts).message


def test_rows_that_point_nowhere(archive: Path, tmp_path: Path, refused) -> None:
    data = b""
    with zipfile.ZipFile(archive) as found:
        data = found.read("rows/stage.csv").partition(b"\n")[0] + b"\n"
    refused(kit.spoiled(archive, tmp_path / "links.zip", parts={"rows/stage.csv": data}, content=_told("stage", data, 0)), refusals.BrokenLinks)


def _told(table: str, data: bytes, rows: int) -> Callable[[dict[str, Any]], None]:
    def tell(content: dict[str, Any]) -> None:
        kit.told_truly(f"rows/{table}.csv", data)(content)
        content["tables"][table].update(rows=rows, sum="0")

    return tell


def test_rows_that_cannot_be_read(archive: Path, tmp_path: Path, refused) -> None:
    data = b'"order"\n"x","y","z"\n'
    refused(kit.spoiled(archive, tmp_path / "odd.zip", parts={"rows/stage.csv": data}, content=_told("stage", data, 1)), refusals.Tampered)


def test_a_part_left_out_and_a_part_too_many(archive: Path, tmp_path: Path, refused) -> None:
    refused(kit.spoiled(archive, tmp_path / "less.zip", parts={"rows/contact.csv": None}), refusals.Tampered)
    refused(kit.spoiled(archive, tmp_path / "lesser.zip", parts={_member(archive, "files/").filename: None}), refusals.Tampered)
    refused(kit.spoiled(archive, tmp_path / "more.zip", added={"rows/more.csv": b"x"}), refusals.Tampered)
    refused(kit.spoiled(archive, tmp_path / "much.zip", added={"files/attachments/more": b"x"}), refusals.Tampered)


@pytest.mark.parametrize("name", ["../out.txt", "files/../../out.txt", "/etc/out.txt", "files//x", "C:/out.txt", "files\\..\\out.txt", "files/./x", "files/x\n", ".."])
def test_names_that_lead_out(archive: Path, tmp_path: Path, refused, name: str) -> None:
    path = kit.spoiled(archive, tmp_path / "out.zip", added={"files/" + "n" * (len(name.encode()) - 6) if len(name) > 6 else "n" * len(name): b"x"})
    longed = ("files/" + "n" * (len(name.encode()) - 6) if len(name) > 6 else "n" * len(name)).encode()
    path.write_bytes(path.read_bytes().replace(longed, name.encode()))
    refused(path, refusals.UnsafeName)


@pytest.mark.parametrize("path_in_row", ["../../victim/1/attachments/x", "/etc/passwd", "attachments/../x", "attachments/x y", "", ".hidden"])
def test_rows_whose_files_lie_outside(archive: Path, tmp_path: Path, refused, path_in_row: str) -> None:
    """A row that names another firm's file would open it."""
    with zipfile.ZipFile(archive) as found:
        text = found.read("rows/attachment.csv").decode()
    one = next(cell for cell in text.split('"') if cell.startswith("attachments/"))
    data = text.replace(one, path_in_row).encode()
    changed = kit.spoiled(archive, tmp_path / "rows.zip", parts={"rows/attachment.csv": data}, content=kit.told_truly("rows/attachment.csv", data))
    with mock.patch.object(loading, "_compared", return_value={}):
        refused(changed, refusals.UnsafeName)


def test_a_list_of_files_that_leads_out(archive: Path, tmp_path: Path, refused) -> None:
    with zipfile.ZipFile(archive) as found:
        lines = found.read("files.csv").decode().split("\n")
    cells = lines[1].split(",")
    data = "\n".join([lines[0], ",".join([cells[0], "../../x", *cells[2:]]), *lines[2:]]).encode()
    refused(kit.spoiled(archive, tmp_path / "list.zip", parts={"files.csv": data}, content=kit.told_truly("files.csv", data)), refusals.UnsafeName)


def test_a_link_instead_of_a_file(archive: Path, tmp_path: Path, refused) -> None:
    name = _member(archive, "files/").filename

    def link(member: zipfile.ZipInfo) -> None:
        if member.filename == name:
            member.external_attr = (stat.S_IFLNK | 0o777) << 16

    refused(kit.spoiled(archive, tmp_path / "link.zip", parts={name: b"/etc/passwd"}, info=link), refusals.Links)


def test_a_part_that_swells(archive: Path, tmp_path: Path, refused) -> None:
    """It says 8 bytes and unpacks to a hundred million; no more than the first piece of it is ever unpacked."""
    path, name = tmp_path / "bomb.zip", _member(archive, "files/").filename
    kit.spoiled(archive, path, parts={name: b"\0" * 100_000_000})
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(archive) as found:
        honest = found.getinfo(name).file_size
    with zipfile.ZipFile(path) as found:
        local = found.getinfo(name).header_offset
        central = data.index(name.encode(), found.start_dir) - 46
    data[local + 22 : local + 26] = data[central + 24 : central + 28] = honest.to_bytes(4, "little")
    path.write_bytes(data)
    refused(path, refusals.Swollen)


def test_an_archive_larger_than_the_disk(archive: Path, refused) -> None:
    usage = namedtuple("usage", "total used free")
    with mock.patch.object(shutil, "disk_usage", return_value=usage(10, 9, 1)):
        refused(archive, refusals.NoRoom)


@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left on device"), OSError(errno.EDQUOT, "Disk quota exceeded"), psycopg.errors.DiskFull("could not extend file")])
@pytest.mark.parametrize("where", ["files", "rows"])
def test_a_disk_that_fills_up_on_the_way(archive: Path, refused, failure: Exception, where: str) -> None:
    real = checking.Given.file_pieces if where == "files" else checking.Given.pieces
    calls = list[int]()

    def pieces(self, *given):
        calls.append(1)
        if len(calls) == (2 if where == "files" else 20):
            raise failure
        return real(self, *given)

    with mock.patch.object(checking.Given, "file_pieces" if where == "files" else "pieces", pieces), mock.patch.object(checking.Given, "read_through"):
        refused(archive, refusals.NoRoom)


def test_an_address_that_is_taken_or_none_is_refused_before_anything_is_read(archive: Path, refused) -> None:
    with sides.control_unit():
        taken = Domain.objects.filter(is_primary=True).first()
    assert taken is not None
    with mock.patch.object(checking.Given, "read_through", side_effect=AssertionError):
        for slug in (taken.domain, "a", "www", "not an address", "Kartoteka"):
            refused(archive, AddressRefused, slug=slug)
        refused(archive, Invalid, email="nobody")


def test_only_who_holds_the_owners_login_restores(archive: Path, refused) -> None:
    with mock.patch.object(owner, "held", return_value=False):
        refused(archive, owner.NotTheKeeper)


def test_an_older_archive_with_a_column_that_is_gone(archive: Path, tmp_path: Path, refused) -> None:
    def older(content) -> None:
        content["schema"]["migrations"].pop()
        content["tables"]["contact"]["columns"].append("fax")

    assert "contact.fax" in refused(kit.spoiled(archive, tmp_path / "old.zip", content=older), refusals.TooOld).message


def test_an_older_archive_without_a_column_that_nothing_fills(archive: Path, tmp_path: Path, refused) -> None:
    def older(content) -> None:
        content["schema"]["migrations"].pop()
        content["tables"]["deal"]["columns"].remove("pipeline_id")

    assert "deal.pipeline_id" in refused(kit.spoiled(archive, tmp_path / "old.zip", content=older), refusals.TooOld).message


def test_what_an_older_row_lacks_is_filled_as_its_model_says() -> None:
    from psycopg import sql

    assert fitting._default("contact", "version", version="0") == sql.Literal(1)
    assert fitting._default("contact", "site", version="0") == sql.Literal("")
    with pytest.raises(refusals.TooOld):
        fitting._default("deal", "stage_id", version="0")


# Many files


def _many(path: Path, count: int) -> None:
    archive = zipping.Zip(path, at=datetime(2026, 1, 1))  # noqa: DTZ001 (the ZIP's own)
    for number in range(count):
        with archive.member(f"files/attachments/{number:08}/x", pack=False) as member:
            member.write(b"x")
    archive.finish()


def test_files_by_the_hundred_thousand_need_no_more_memory_than_a_few(tmp_path: Path) -> None:
    peaks = []
    for count in (1_000, 70_000):  # beyond 65,535 members the directory is a 64-bit one
        path = tmp_path / f"{count}.zip"
        tracemalloc.start()
        _many(path, count)
        with Archive(path) as archive:
            assert sum(1 for _entry in archive.entries()) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 1_400_000  # twenty bytes a member; a list of them would take some hundred each
    with zipfile.ZipFile(path) as found:
        assert len(found.infolist()) == 70_000
        assert found.read("files/attachments/00069999/x") == b"x"


def test_every_version_here_is_known_by_its_names() -> None:
    assert "archives.0001_initial" in template.names()


def test_an_archive_by_command_is_for_its_maker_alone_and_makes_no_folders(doors, tmp_path: Path) -> None:
    """It holds everything a firm has, and other people may have a log-in on the machine."""
    autodiscover_modules("commands")

    def make(out: Path) -> Any:
        return CliRunner().invoke(commands.group, ["archive-workspace", "--workspace", doors.place.slug, "--out", str(out)], standalone_mode=False)

    made = make(tmp_path / "all.zip")
    assert made.exception is None, made.exception
    assert stat.S_IMODE((tmp_path / "all.zip").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["all.zip"]
    refused = make(tmp_path / "mistyped" / "all.zip")
    assert "There is no folder" in str(refused.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["all.zip"]
