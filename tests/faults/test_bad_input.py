"""Bad input and a house that gives way: a million files, a disk that fills for real, a schema deleted by hand."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from crm_platform.config.embedded.datafolder import database_user

from .world import World


@pytest.fixture
def small_disk(world: World, tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MB that the database's own process sees."""
    if os.geteuid() != 0:
        pytest.skip("!! only root may mount a small disk for the database !!")
    folder = world.servers.data.path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)], capture_output=True, check=False).returncode:
        pytest.skip("!! this machine lets nobody mount a small disk !!")
    try:
        (folder / "tables").mkdir()
        folder.chmod(0o755)
        user = database_user()
        if user is not None:
            os.chown(folder / "tables", user.pw_uid, user.pw_gid)
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("where", ["under_the_files", "before_it_begins"])
def test_a_disk_that_fills_with_the_files_of_a_restore(world: World, where: str) -> None:
    if not world.do("full_disk.may_mount"):
        pytest.skip("!! this machine lets nobody mount a small disk !!")
    world.do(f"full_disk.{where}", world.do("restoring.prepare", "once"))
    world.do("whole.check")


def test_a_disk_that_fills_with_the_rows_of_a_restore(world: World, small_disk: Path) -> None:
    world.do("full_disk.under_the_tables", world.do("restoring.prepare", "again"), str(small_disk))
    world.do("whole.check")


def test_a_schema_deleted_by_hand(world: World) -> None:
    given = world.do("by_hand.prepare")
    world.do("by_hand.answers", given)
    world.do("by_hand.keeps_nobody", given)
    world.do("by_hand.does_not_sleep", given)
    world.do("by_hand.is_erased", given)


def test_a_ready_schema_deleted_by_hand(world: World) -> None:
    world.do("by_hand.ready_one")


@pytest.mark.live
def test_a_million_files_are_read_with_the_memory_of_a_thousand(world: World, tmp_path: Path) -> None:
    given = world.do("restoring.prepare", "once")
    taken = {}
    for count in (1_000, 1_000_000):
        world.do("many.write", given["path"], str(tmp_path / "large.zip"), count)
        found, taken[count] = world.do("many.read", str(tmp_path / "large.zip"))
        assert found == count
    assert taken[1_000_000] < taken[1_000] + 20_000, taken


def test_files_by_the_thousand_come_out_each_once(world: World, tmp_path: Path) -> None:
    given = world.do("restoring.prepare", "once")
    world.do("many.write", given["path"], str(tmp_path / "large.zip"), 3_000)
    assert world.do("many.unpack", str(tmp_path / "large.zip"), "unpacked") == 3_000
