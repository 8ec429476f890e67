"""Where a workspace's files lie: under its public id and generation, and nowhere else. Whoever names another place finds nothing.

A row that names a foreign path (a restored archive, a slip of ours) must open nothing: the paths are checked where they are opened.
"""

from __future__ import annotations

import posixpath
from pathlib import Path, PurePosixPath

from django.conf import settings
from django.core.files.storage import FileSystemStorage

from . import workspace
from .errors import NotFound


class NotOurs(NotFound):
    """A path that leads out of the workspace's folder."""


def folder() -> str:
    """The folder of the workspace we are in, or of the control side, below the files' root."""
    place = workspace.current()
    return f"{place.public_id}/{place.generation}" if place else "control"


def path_in(kind: str, name: str) -> Path:
    """A file of ours that no storage keeps, by its bare name; raises NotOurs for anything that is no bare name."""
    if not name or name != PurePosixPath(name).name or name in (".", ".."):
        raise NotOurs
    return Path(settings.MEDIA_ROOT) / folder() / kind / name


class WorkspaceStorage(FileSystemStorage):
    """Django's storage in a folder, which opens, writes and deletes only what is below the folder of the workspace we are in."""

    def path(self, name: str) -> str:
        """Every access comes through here; raises NotOurs."""
        if not posixpath.normpath(str(name).replace("\\", "/")).startswith(f"{folder()}/"):
            raise NotOurs
        return super().path(name)
