"""Making an archive: all rows under one snapshot first, then the files they name, which a killed worker's follower goes on with."""

from __future__ import annotations

import csv
import fcntl
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any

from psycopg import Connection, sql

from crm_platform.kernel import clock, files
from crm_platform.kernel.points import reached
from crm_platform.kernel.workspace import Place
from tenants.carrying import loading, reading, tables
from tenants.carrying.tables import Table
from tenants.provisioning import template

from . import checking, contents, manifest, shelves
from .readable import Book
from .zipping import Standing, Zip

Say = Callable[[int, int], None]
_PIECE, _CHECKPOINT_EVERY = 1 << 16, 500
_MOST_MISSING_NAMED = 1000
_ODD = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')


@dataclass(frozen=True, slots=True)
class Made:
    """A finished archive."""

    path: Path
    size: int
    sha256: str
    content: dict[str, Any]


def make(place: Place, folder: Path, *, say: Say = lambda done, total: None, must_wait: Callable[[], bool] = lambda: False) -> Made | None:
    """Make the archive of a workspace in a folder of its own, or go on with what is there; None where others are to have their turn.

    `say(done, total)` is told how far it is, and may raise to stop. Raises BlockingIOError while another works in the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        if (ended := _ended(place, folder)) is not None:
            return ended
        work = _Work.resume(place, folder) or _rows(place, folder, say)
        try:
            return work.finish() if work.take_files(say, must_wait) else None
        finally:
            work.zip.close()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def bundled(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in larger pieces: PostgreSQL gives one for every row."""
    held, size = list[bytes](), 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= _PIECE:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)


def _rows(place: Place, folder: Path, say: Say) -> _Work:
    for name in ("archive.part", "archive.part.directory", "workspace.sqlite", "wanted", "files.csv", "standing.json"):
        (folder / name).unlink(missing_ok=True)
    with reading.standing(place) as connection:
        found = contents.travelling(tables.tables(connection, place.schema))
        [(language,)] = connection.execute("SELECT language FROM preferences")
        content = manifest.begin(place, language=language, migrations=_migrations(connection))
        work = _Work(place, folder, Zip(folder / "archive.part", at=clock.real_now()), content)
        try:
            numbers = tables.counters(connection, place.schema, found)
            for table in found:
                amount = tables.sums(connection, place.schema, [table], read=contents.compared)[table.name]
                content["tables"][table.name] = manifest.table(table, amount, numbers.get(table.name))
                say(0, 0)
            _write_rows(work, connection, found, say)
            reached("archive.written")
            _write_rest(work, connection, language)
        except BaseException:
            work.zip.close()
            raise
    work.keep()
    reached("archive.kept")
    return work


def _migrations(connection: Connection[Any]) -> list[str]:
    """Those of the workspace's own applications: Django notes the control side's too, where it makes nothing."""
    rows = connection.execute("SELECT app || '.' || name FROM django_migrations ORDER BY 1").fetchall()
    labels = {name.partition(".")[0] for name in template.names()}
    return [name for (name,) in rows if name.partition(".")[0] in labels]


def _write_rows(work: _Work, connection: Connection[Any], found: list[Table], say: Say) -> None:
    total, done = 2 * sum(one["rows"] for one in work.content["tables"].values()), 0
    book = Book(work.folder / "workspace.sqlite")
    for table in found:
        rows = work.content["tables"][table.name]["rows"]
        with work.member(f"rows/{table.name}.csv") as member:
            for piece in bundled(loading.copy_out(connection, work.place.schema, table, form="csv", read=contents.written(table))):
                member.write(piece)
                say(done, total)
        if not contents.of(table.name).derived:
            book.add(connection, work.place.schema, table)
        done += 2 * rows
        say(done, total)
    book.close()
    with (work.folder / "workspace.sqlite").open("rb") as file:
        work.copy("workspace.sqlite", file)
    (work.folder / "workspace.sqlite").unlink()


def _write_rest(work: _Work, connection: Connection[Any], language: str) -> None:
    with work.member("settings.json") as member:
        member.write(json.dumps(_settings(connection, work.place.schema), ensure_ascii=False, indent=1).encode())
    for name, page in shelves.pages(connection, language=language):
        with work.member(name) as member:
            member.write(page)
    with (work.folder / "wanted").open("wb") as wanted, connection.cursor("wanted") as cursor:
        cursor.itersize = 5000
        cursor.execute(contents.named_files())
        for row in cursor:
            wanted.write(json.dumps(list(row)).encode() + b"\n")
            work.wanted += 1


def _settings(connection: Connection[Any], schema: str) -> dict[str, Any]:
    found = {table.name: table for table in tables.tables(connection, schema)}
    told: dict[str, Any] = {}
    for name in contents.SETTINGS:
        order = sql.SQL(", ").join(map(sql.Identifier, found[name].key))
        statement = sql.SQL("SELECT row_to_json(chosen) FROM (SELECT {} FROM {} ORDER BY {}) chosen")
        told[name] = [row for (row,) in connection.execute(statement.format(contents.written(found[name]), sql.Identifier(schema, name), order))]
    [(plan, limits)] = connection.execute("SELECT plan, limits FROM workspace_state")
    return {**told, "plan": {"code": plan, "limits": limits}}


class _Work:
    """An archive in the making, in its folder: `wanted` files are to be copied, `at` is the place in their list."""

    def __init__(self, place: Place, folder: Path, archive: Zip, content: dict[str, Any]) -> None:
        self.place, self.folder, self.zip, self.content = place, folder, archive, content
        self.wanted, self.taken, self.at, self.listed = 0, 0, 0, 0

    @classmethod
    def resume(cls, place: Place, folder: Path) -> _Work | None:
        """What an earlier worker has left, from its last checkpoint on."""
        kept = _standing(place, folder)
        if kept is None:
            return None
        archive = Zip(folder / "archive.part", at=clock.real_now(), standing=Standing(**kept["zip"]))
        work = cls(place, folder, archive, kept["content"])
        work.wanted, work.taken, work.at, work.listed = kept["wanted"], kept["taken"], kept["at"], kept["listed"]
        return work

    def keep(self) -> None:
        """Write down how far it is."""
        kept = {"of": self.place.prefix, "zip": self.zip.checkpoint(), "content": self.content, "wanted": self.wanted, "taken": self.taken, "at": self.at, "listed": self.listed}
        beside = self.folder / "standing.new"
        beside.write_text(json.dumps(kept))
        beside.replace(self.folder / "standing.json")

    @contextmanager
    def member(self, name: str) -> Iterator[Any]:
        """A member that the manifest names."""
        with self.zip.member(name) as member:
            yield member
        self.content["members"][name] = {"size": member.size, "sha256": member.sha256}

    def copy(self, name: str, file: Any) -> None:
        """A member from an open file."""
        with self.member(name) as member:
            shutil.copyfileobj(file, member, 1 << 20)

    def take_files(self, say: Say, must_wait: Callable[[], bool]) -> bool:
        """Copy the files; False where it is the others' turn."""
        with (self.folder / "wanted").open("rb") as wanted, (self.folder / "files.csv").open("r+b" if self.listed else "w+b") as file:
            wanted.seek(self.at)
            file.truncate(self.listed)
            file.seek(self.listed)
            if not self.listed:
                file.write(_line("entry", "path", "name", "size", "sha256"))
            for number, line in enumerate(iter(wanted.readline, b""), 1):
                self._take(*json.loads(line), listing=file)
                if number % _CHECKPOINT_EVERY == 0:
                    self._checkpoint(wanted, file)
                    say(self.taken, self.wanted)
                    if must_wait():
                        return False
            self._checkpoint(wanted, file)
        return True

    def _checkpoint(self, wanted: Any, listing: Any) -> None:
        listing.flush()
        self.at, self.listed = wanted.tell(), listing.tell()
        self.keep()
        reached("archive.checkpoint")

    def _take(self, path: str, name: str, size: int, sha256: str, *, listing: Any) -> None:
        self.taken += 1
        reached("archive.file")
        told = self.content["files"]
        entry = f"files/{path}/{_fit(name)}"
        try:
            file = files.house().open(files.name_in(self.place, path))
        except (FileNotFoundError, NotADirectoryError, files.NotOurs):
            told["missing"] += 1
            if len(told["missing_paths"]) < _MOST_MISSING_NAMED:
                told["missing_paths"].append({"path": path, "name": name, "size": size, "sha256": sha256})
            return
        with file, self.zip.member(entry, pack=_shrinks(name)) as member:
            shutil.copyfileobj(file, member, 1 << 20)
        told["count"] += 1
        told["bytes"] += member.size
        listing.write(_line(entry, path, name, member.size, member.sha256))

    def finish(self) -> Made:
        """The list of files, the pages that show it, the manifest."""
        with (self.folder / "files.csv").open("rb") as file:
            self.copy("files.csv", file)
        for name, page in shelves.pages_of_files(self.folder / "files.csv", language=self.content["workspace"]["language"]):
            with self.member(name) as member:
                member.write(page)
        with self.member("index.html") as member:
            member.write(shelves.index(self.content))
        with self.zip.member(manifest.NAME) as member:
            member.write(manifest.sealed(self.content))
        reached("archive.whole")
        self.zip.finish()
        reached("archive.closed")
        return _named(self.folder, self.content)


def _standing(place: Place, folder: Path) -> dict[str, Any] | None:
    """How far an earlier worker came with this workspace; another's folder is begun anew."""
    try:
        kept: dict[str, Any] = json.loads((folder / "standing.json").read_text())
    except (FileNotFoundError, ValueError):
        return None
    return kept if kept.get("of") == place.prefix else None


def _ended(place: Place, folder: Path) -> Made | None:
    """An archive that was whole when its worker was killed: the directory beside it goes before it gets its name, the standing last."""
    if _standing(place, folder) is None or (folder / "archive.part.directory").exists():
        return None
    found = next((path for path in (folder / "archive.part", folder / "archive.zip") if path.exists()), None)
    if found is None:
        return None
    with checking.opened(found) as given:
        return _named(folder, given.content)


def _named(folder: Path, content: dict[str, Any]) -> Made:
    done, part = folder / "archive.zip", folder / "archive.part"
    if part.exists():
        part.replace(done)
    reached("archive.named")
    with done.open("rb") as file:
        os.fsync(file.fileno())
        digest = file_digest(file, "sha256").hexdigest()
    for name in ("wanted", "files.csv", "standing.json"):
        (folder / name).unlink(missing_ok=True)
        reached("archive.tidied")
    return Made(done, done.stat().st_size, digest, content)


def forget(folder: Path) -> None:
    """Delete an archive, finished or not, with its folder."""
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)


def _line(*cells: object) -> bytes:
    """A line of CSV, ended as everywhere else in the archive."""
    held = list[str]()
    csv.writer(_Held(held), lineterminator="\n").writerow(cells)
    return "".join(held).encode()


@dataclass(frozen=True, slots=True)
class _Held:
    into: list[str]

    def write(self, text: str) -> int:
        self.into.append(text)
        return len(text)


def _fit(name: str) -> str:
    """A file's name as every system takes it."""
    stem, ending = os.path.splitext(_ODD.sub("_", name).strip(" ."))
    return f"{stem.encode()[:100].decode(errors='ignore') or 'file'}{ending[:16]}"


def _shrinks(name: str) -> bool:
    """Pictures, films and office files are packed already."""
    return name.lower().rpartition(".")[2] not in {"jpg", "jpeg", "png", "gif", "webp", "heic", "mp3", "m4a", "mp4", "mov", "zip", "gz", "7z", "docx", "xlsx", "pptx", "pdf"}
