"""Reading an archive that somebody brings: nothing of it is believed before it was compared with the manifest."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import crm_platform
from tenants.provisioning import template

from . import manifest
from .refusals import ForeignArchive, FromNewer, Swollen, Tampered
from .unzipping import Archive, Entry, check_name

# A manifest names tables, pages and missing files: more than this no honest one needs.
_LARGEST_MANIFEST, _MOST_MEMBERS = 64 << 20, 100_000
_FILES = "files/"


@dataclass(frozen=True, slots=True)
class File:
    """A file of the workspace: where it goes, and the member that holds it."""

    path: str
    size: int
    sha256: str
    entry: Entry


class Given:
    """An archive whose directory and manifest agree; what its members hold is compared while it is read."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._members: dict[str, Entry] = {}
        self.files, self.bytes = 0, 0
        for entry in archive.entries():
            self.bytes += entry.size
            if entry.name.startswith(_FILES):
                self.files += 1
            elif entry.name in self._members or len(self._members) >= _MOST_MEMBERS:
                raise Tampered(part=entry.name)
            else:
                self._members[entry.name] = entry
        self.content = self._manifest()
        _check_version(self.content)
        self._check_members()

    def _manifest(self) -> dict[str, Any]:
        entry = self._members.get(manifest.NAME)
        if entry is None:
            raise ForeignArchive
        if entry.size > _LARGEST_MANIFEST:
            raise Swollen(part=manifest.NAME)
        return manifest.read(b"".join(self._archive.pieces(entry)))

    def _check_members(self) -> None:
        named = self.content["members"]
        if odd := (set(named) | {manifest.NAME}) ^ set(self._members):
            raise Tampered(part=min(odd))
        for name, told in named.items():
            if self._members[name].size != told["size"]:
                raise Tampered(part=name)
        if rows := {f"rows/{table}.csv" for table in self.content["tables"]} - set(named):
            raise Tampered(part=min(rows))
        if self.content["files"]["count"] != self.files:
            raise Tampered(part="files")

    def pieces(self, name: str) -> Iterator[bytes]:
        """A member by its name, compared with the manifest at its end. Raises Tampered, Swollen."""
        return self._archive.pieces(self._members[name], sha=self.content["members"][name]["sha256"])

    def rows(self, table: str) -> Iterator[dict[str, str]]:
        """A table's rows as they stand in the archive, by column; none of a table that it has not. Raises Tampered."""
        name = f"rows/{table}.csv"
        if name not in self._members:
            return
        text = io.TextIOWrapper(io.BufferedReader(_Stream(self.pieces(name))), encoding="utf-8", newline="")
        try:
            yield from csv.DictReader(text)
        except (csv.Error, UnicodeDecodeError):
            raise Tampered(part=name) from None

    def read_through(self) -> None:
        """Compare all that people read and nobody loads: pages, the SQLite file, the settings."""
        for name in self.content["members"]:
            if not name.startswith("rows/"):
                for _piece in self.pieces(name):
                    pass

    def listed(self) -> Iterator[File]:
        """The files in the order of their paths; the list and the directory agree line by line, so neither is held in memory."""
        lines = _lines(io.TextIOWrapper(io.BufferedReader(_Stream(self.pieces("files.csv"))), encoding="utf-8", newline=""))
        entries = (entry for entry in self._archive.entries() if entry.name.startswith(_FILES))
        next(lines, None)
        before = b""
        for entry in entries:
            line = next(lines, None)
            if line is None or len(line) != 5 or line[0] != entry.name or line[3] != str(entry.size):
                raise Tampered(part=entry.name)
            path = line[1]
            check_name(path)
            if path.encode() <= before:
                raise Tampered(part=entry.name)
            before = path.encode()
            yield File(path, entry.size, line[4], entry)
        if next(lines, None) is not None:
            raise Tampered(part="files.csv")

    def file_pieces(self, file: File) -> Iterator[bytes]:
        """What a file holds, compared with the list at its end."""
        return self._archive.pieces(file.entry, sha=file.sha256)


def _lines(text: io.TextIOWrapper) -> Iterator[list[str]]:
    try:
        yield from csv.reader(text)
    except (csv.Error, UnicodeDecodeError):
        raise Tampered(part="files.csv") from None


class _Stream(io.RawIOBase):
    """Pieces as a file to be read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._held = pieces, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._held:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._held = piece
        count = min(len(buffer), len(self._held))
        buffer[:count], self._held = self._held[:count], self._held[count:]
        return count


def _check_version(content: dict[str, Any]) -> None:
    migrations = content["schema"]["migrations"]
    if not isinstance(migrations, list) or not set(map(str, migrations)) <= template.names():
        raise FromNewer(theirs=str(content["version"])[:40], ours=crm_platform.__version__)


@contextmanager
def opened(path: Path) -> Iterator[Given]:
    """An archive, its directory and manifest checked. Raises what refusals.py lists."""
    with Archive(path) as archive:
        yield Given(archive)
