"""The folder in which everything of an embedded run lies: database, queue, files, mail, secrets, logs."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import pwd
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from .trouble import InUse, Trouble

MARKER = "kartoteka.json"
FORMAT = 1
# Customers' files, letters with links that let people in, the queue's journal: for the program's own user alone.
PRIVATE = frozenset({"files", "mail", "redis"})
NEEDED_BYTES = 600 * 1024 * 1024
# With less the servers cannot write what a start writes; and whatever fails then, fails for this reason.
LEAST_BYTES = 64 * 1024 * 1024
# What a first start that was cut off leaves, and what a file system of its own brings: a folder with these alone is empty.
_ADVICE = "Put that right, or name another folder with --data."
_NOTHING = frozenset({"secrets.json", "secrets.new", "kartoteka.new", "lost+found"})


def default_folder() -> Path:
    """Where the data lies unless said otherwise: as root /var/lib, since the database must not run as root."""
    if os.geteuid() == 0:
        return Path("/var/lib/kartoteka")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "kartoteka"


@dataclass(frozen=True, slots=True)
class DataFolder:
    """An opened data folder; `secrets` holds what was drawn once when it was made."""

    path: Path
    secrets: dict[str, str]

    @classmethod
    def open(cls, path: Path) -> DataFolder:
        """Open or make the folder; raises Trouble where it is foreign, unwritable, of a newer format, or the disk is full."""
        marker = path / MARKER
        try:
            if not marker.exists():
                _make(path)
            kept = json.loads(marker.read_text(encoding="utf-8"))
            if kept["format"] > FORMAT:
                raise Trouble(f"The data in {path} was written by a newer release. Nothing was touched.")
            return cls(path, json.loads((path / "secrets.json").read_text(encoding="utf-8")))
        except OSError as error:
            raise Trouble(f"The data in {path} cannot be used: {error.filename}: {error.strerror}. {_ADVICE}") from None
        except (ValueError, KeyError, TypeError):
            raise Trouble(f"{MARKER} or secrets.json in {path} is damaged. Put both back from a copy; nothing was touched.") from None

    def sub(self, name: str) -> Path:
        """A folder inside, made where it is missing."""
        found = self.path / name
        found.mkdir(exist_ok=True)
        if name in PRIVATE:
            found.chmod(0o700)
        return found

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder alone; raises InUse when another run has it, Trouble where nothing can be written."""
        with self._lock() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise InUse(f"Another run already uses the data in {self.path}. Stop it first, or name another folder with --data.") from None
            yield

    def _lock(self) -> TextIO:
        try:
            return (self.path / "lock").open("w")
        except OSError as error:
            raise Trouble(f"Nothing can be written into {self.path}: {error.strerror}. {_ADVICE}") from None

    def in_use(self) -> bool:
        """Whether a run holds the folder now."""
        try:
            with self.locked():
                return False
        except InUse:
            return True


def _make(path: Path) -> None:
    if path.exists() and any(found.name not in _NOTHING for found in path.iterdir()):
        raise Trouble(f"The folder {path} holds something else than Kartoteka's data. Nothing was touched; name another with --data.")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Trouble(f"The folder {path} cannot be made ({error.strerror}). Name another with --data.") from None
    if shutil.disk_usage(path).free < NEEDED_BYTES:
        raise Trouble(f"The disk under {path} is nearly full: a new start needs 600 MB. Nothing was written.")
    write(path / "secrets.json", json.dumps(_drawn()))
    write(path / MARKER, json.dumps({"format": FORMAT}))


def need_room(path: Path) -> None:
    """Raises Trouble where the disk is too full for a start: said before a server trips over it."""
    if nearly_full(path):
        raise Trouble(_full(path))


def nearly_full(path: Path) -> bool:
    """Whether the disk under the folder has no room to work in."""
    try:
        return shutil.disk_usage(path).free < LEAST_BYTES
    except OSError:
        return False


def explained(trouble: str, path: Path) -> str:
    """The sentence for the person: a full disk explains whatever went wrong on it."""
    return _full(path) if nearly_full(path) else trouble


def _full(path: Path) -> str:
    return f"The disk under {path} is full: {shutil.disk_usage(path).free // 2**20} MB are free, {LEAST_BYTES // 2**20} MB are needed. What was stored before is whole; make room and start again."


def _drawn() -> dict[str, str]:
    return {
        "SECRET_KEY": secrets.token_urlsafe(48),
        "FIELD_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "owner": secrets.token_urlsafe(24),
        "control": secrets.token_urlsafe(24),
        "app": secrets.token_urlsafe(24),
    }


def write(path: Path, text: str) -> None:
    """Written whole or not at all, readable by us alone."""
    fresh = path.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def database_user() -> pwd.struct_passwd | None:
    """Whom PostgreSQL runs as when we are root: it refuses to run as root itself."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None
