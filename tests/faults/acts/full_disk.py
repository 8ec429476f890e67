"""A disk that fills during a restore: a small file system of this process's own under the files, or under the schema's tables."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from django.conf import settings
from psycopg import sql

from crm_platform.db import sides
from tenants.archives import loading, refusals, restoring
from tenants.models import State, Workspace
from tenants.provisioning import owner, pool, template

from . import whole
from .firms import Facts

_NEW_MOUNTS, _NEW_USER, _RECURSIVE, _PRIVATE = 0x00020000, 0x10000000, 1 << 14, 1 << 18


def may_mount() -> bool:
    """Whether this machine lets a process have mounts of its own."""
    return _unshare() == 0


def _unshare() -> int:
    return int(ctypes.CDLL(None, use_errno=True).unshare(_NEW_MOUNTS | (0 if os.geteuid() == 0 else _NEW_USER)))


def _mount_small(target: Path, *, size: str) -> None:
    """A file system that only this process and its children see."""
    user, group = os.getuid(), os.getgid()
    libc = ctypes.CDLL(None, use_errno=True)
    assert _unshare() == 0
    if user:
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            Path(f"/proc/self/{name}").write_text(text)
    assert libc.mount(None, b"/", None, _RECURSIVE | _PRIVATE, None) == 0, os.strerror(ctypes.get_errno())
    assert libc.mount(b"tmpfs", str(target).encode(), b"tmpfs", 0, f"size={size}".encode()) == 0, os.strerror(ctypes.get_errno())


def _refused(given: Facts) -> None:
    try:
        restoring.restore(Path(given["path"]), slug=given["wished"])
    except refusals.NoRoom:
        return
    raise AssertionError("restored")


def under_the_files(given: Facts) -> None:
    """There was room when it was looked at; another has filled it since."""
    root = Path(settings.MEDIA_ROOT)
    _mount_small(root, size="48k")
    with mock.patch.object(loading, "check_room"):
        _refused(given)
    assert list(root.iterdir()) == []
    whole.check()
    _nothing_of(given)


def before_it_begins(given: Facts) -> None:
    """What says of itself that it will not fit is refused before anything is claimed."""
    _mount_small(Path(settings.MEDIA_ROOT), size="48k")
    with mock.patch.object(pool, "claim", side_effect=AssertionError):
        _refused(given)


def under_the_tables(given: Facts, folder: str) -> None:
    """The database meets the end of its disk in the middle of the rows."""
    with _schema_on(folder) as name, mock.patch.object(restoring, "taker", return_value=lambda: pool.take(name)):
        ballast = Path(folder) / "ballast"
        _fill(ballast, leaving=60_000)
        _refused(given)
        ballast.unlink()
    whole.keep()
    whole.check()
    _nothing_of(given)


@contextmanager
def _schema_on(folder: str) -> Iterator[str]:
    """A ready schema whose tables lie on the small disk."""
    with owner.seated():
        owner.run(sql.SQL("CREATE TABLESPACE small LOCATION {}").format(sql.Literal(f"{folder}/tables")))
        owner.run("SET default_tablespace = small")
        try:
            yield pool.make(template.current())
        finally:
            owner.run("RESET default_tablespace")
            with sides.control_unit():
                left = list(Workspace.objects.filter(state=State.CLAIMING))
            for row in left:
                pool.discard(row)
            owner.run("CHECKPOINT")
            owner.run("DROP TABLESPACE small")


def _fill(path: Path, *, leaving: int) -> None:
    with path.open("wb") as file:
        try:
            while True:
                os.write(file.fileno(), b"\0" * 4096)
        except OSError:
            os.ftruncate(file.fileno(), max(0, file.seek(0, os.SEEK_END) - leaving))


def _nothing_of(given: Facts) -> None:
    with sides.control_unit():
        assert not Workspace.objects.filter(slug=given["wished"]).exists()
    row = restoring.restore(Path(given["path"]), slug=given["wished"]).workspace if given["point"] == "again" else None
    assert row is None or row.state == State.ACTIVE
