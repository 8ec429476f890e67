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

from .trouble import Trouble

MARKER = "kartoteka.json"
FORMAT = 1
# Customers' files, letters with links that let people in, the queue's journal: for the program's own user alone.
PRIVATE = frozenset({"files", "mail", "redis"})
NEEDED_BYTES = 600 * 1024 * 1024


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
        if not marker.exists():
            _make(path)
        kept = json.loads(marker.read_text(encoding="utf-8"))
        if kept["format"] > FORMAT:
            raise Trouble(f"The data in {path} was written by a newer release. Nothing was touched.")
        return cls(path, json.loads((path / "secrets.json").read_text(encoding="utf-8")))

    def sub(self, name: str) -> Path:
        """A folder inside, made where it is missing."""
        found = self.path / name
        found.mkdir(exist_ok=True)
        if name in PRIVATE:
            found.chmod(0o700)
        return found

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder alone; raises Trouble when another run has it."""
        with (self.path / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise Trouble(f"Another run already uses the data in {self.path}. Stop it first, or name another folder with --data.") from None
            yield

    def in_use(self) -> bool:
        """Whether a run holds the folder now."""
        try:
            with self.locked():
                return False
        except Trouble:
            return True


def _make(path: Path) -> None:
    if path.exists() and any(path.iterdir()):
        raise Trouble(f"The folder {path} holds something else than Kartoteka's data. Nothing was touched; name another with --data.")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Trouble(f"The folder {path} cannot be made ({error.strerror}). Name another with --data.") from None
    if shutil.disk_usage(path).free < NEEDED_BYTES:
        raise Trouble(f"The disk under {path} is nearly full: a new start needs 600 MB. Nothing was written.")
    _write(path / "secrets.json", json.dumps(_drawn()))
    _write(path / MARKER, json.dumps({"format": FORMAT}))


def _drawn() -> dict[str, str]:
    return {
        "SECRET_KEY": secrets.token_urlsafe(48),
        "FIELD_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "owner": secrets.token_urlsafe(24),
        "control": secrets.token_urlsafe(24),
        "app": secrets.token_urlsafe(24),
    }


def _write(path: Path, text: str) -> None:
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
