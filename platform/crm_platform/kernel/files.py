"""Where a workspace's files lie: under its public id and generation, and nowhere else. Whoever names another place finds nothing.

A row that names a foreign path (a restored archive, a slip of ours) must open nothing: the paths are checked where they are opened.
The files are in a folder (here) or, where one is given, in a bucket (`buckets`), under the same names; what is written piece by
piece, as an archive is, is made in the folder and put away when it is done.
"""

from __future__ import annotations

import posixpath
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Protocol, cast

from django.conf import settings
from django.core.files import File
from django.core.files.storage import FileSystemStorage, storages

from . import workspace
from .errors import NotFound
from .workspace import Place


class NotOurs(NotFound):
    """A path that leads out of the workspace's folder."""


class Away(OSError):
    """The bucket does not answer, or refuses us; the same may succeed in a moment."""


class Store(Protocol):
    """All workspaces' files by their whole names, for what the house itself does with them. Each raises FileNotFoundError for what is not there, and Away."""

    def open(self, name: str) -> File[bytes]:
        """To be read from its beginning to its end."""

    def exists(self, name: str) -> bool:
        """Whether it is there."""

    def delete(self, name: str) -> None:
        """Twice is once."""

    def put(self, name: str, path: Path) -> None:
        """A finished file of this machine goes where all are."""

    def at_hand(self, name: str) -> AbstractContextManager[Path]:
        """A file on this machine, for reading here and there in it."""

    def writing(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """A new file, which is there when the block has ended well."""

    def listing(self, beginning: str) -> Iterator[tuple[str, int]]:
        """Name and size of each whose name begins so; the beginning ends with a slash."""

    def erase(self, beginning: str) -> None:
        """All of those, also what was begun and never finished."""


def house() -> Store:
    """Where all files are."""
    return cast(Store, storages["house"])


def folder_of(place: Place) -> str:
    """What the names of a workspace's files begin with."""
    return f"{place.public_id}/{place.generation}"


def folder() -> str:
    """The same of the workspace we are in, or of the control side."""
    place = workspace.current()
    return folder_of(place) if place else "control"


def is_in(home: str, name: str) -> bool:
    """Whether a name leads to something below a folder, however it is written."""
    return posixpath.normpath(str(name).replace("\\", "/")).startswith(f"{home}/")


def name_in(place: Place, path: str) -> str:
    """The whole name of what a row of a workspace calls a file; raises NotOurs."""
    home = folder_of(place)
    name = f"{home}/{path}"
    if not is_in(home, name):
        raise NotOurs
    return name


def path_in(kind: str, name: str) -> Path:
    """Where a file of ours is made on this machine, by its bare name; raises NotOurs for anything that is no bare name."""
    if not name or name != PurePosixPath(name).name or name in (".", ".."):
        raise NotOurs
    return Path(settings.MEDIA_ROOT) / folder() / kind / name


def name_of(path: Path) -> str:
    """The name under which what is made at a path is put away."""
    return path.relative_to(settings.MEDIA_ROOT).as_posix()


def of_workspace(public_id: str) -> Iterator[tuple[str, int]]:
    """Name and size of every file of a workspace, of all its generations; not its snapshots, which may lie beside them."""
    return ((name, size) for name, size in house().listing(f"{public_id}/") if name.split("/")[1].isdecimal())


class Folder(FileSystemStorage):
    """The files' root on this machine, as a Store."""

    def put(self, name: str, path: Path) -> None:
        """What was made where it belongs stays there."""
        target = Path(self.path(name))
        if target != path:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(path, target)

    @contextmanager
    def at_hand(self, name: str) -> Iterator[Path]:
        """The file itself."""
        path = Path(self.path(name))
        if not path.is_file():
            raise FileNotFoundError(name)
        yield path

    @contextmanager
    def writing(self, name: str) -> Iterator[IO[bytes]]:
        """Never over one that is there."""
        path = Path(self.path(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            yield file

    def listing(self, beginning: str) -> Iterator[tuple[str, int]]:
        """Everything below a folder that is none itself."""
        root = Path(self.path(beginning))
        for path in root.rglob("*"):
            if not path.is_dir():
                yield f"{beginning}{path.relative_to(root).as_posix()}", path.lstat().st_size

    def erase(self, beginning: str) -> None:
        """What cannot be removed must be seen: certificates say that it is gone."""
        path = Path(self.path(beginning))
        if path.exists():
            shutil.rmtree(path)


class WorkspaceStorage(FileSystemStorage):
    """Django's storage in a folder, which opens, writes and deletes only what is below the folder of the workspace we are in."""

    def path(self, name: str) -> str:
        """Every access comes through here; raises NotOurs."""
        if not is_in(folder(), name):
            raise NotOurs
        return super().path(name)
