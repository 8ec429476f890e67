"""The named moments themselves: each is tried by somebody, none can be switched on where firms work, and a real command dies at one."""

from __future__ import annotations

import ast
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from . import test_killed
from .world import ROOT, World

FOLDERS = ("billing", "tenants", "platform/crm_platform")
# Tried beside the lists: a sign-up and a restore that nobody goes on with, what gives up, and the first start (test_first_start).
ELSEWHERE = {
    "wake.opened", "move.given up", "proof.begun", "proof.spare", "proof.compared", "proof.told", "restore.shaped", "bootstrap.control", "bootstrap.migrated", "bootstrap.granted", "bootstrap.seeded",
}  # fmt: skip


def _named() -> set[str]:
    """The points of the source; one that is put together from a step is given with a star."""
    found = set[str]()
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "reached" and path.stem != "points":
                    found.add(re.sub(r"'|\"|^f", "", re.sub(r"\{[^}]*\}", "*", ast.unparse(node.args[0]))))
    return found


def _tried() -> set[str]:
    return ELSEWHERE | {point for work in test_killed.TELLING for point in test_killed._module(work).POINTS}


def test_each_point_of_the_source_is_tried_and_each_that_is_tried_is_there() -> None:
    named, tried = _named(), _tried()
    assert len(named) > 60
    patterns = {name: re.compile(re.escape(name).replace(r"\*", ".+")) for name in named}
    assert not {name for name, pattern in patterns.items() if not any(pattern.fullmatch(point) for point in tried)}
    assert not {point for point in tried if not any(pattern.fullmatch(point) for pattern in patterns.values())}


def test_production_refuses_to_start_with_it(world: World) -> None:
    given = {**world.environment, "DJANGO_SETTINGS_MODULE": "crm_platform.config.settings.production"}
    ask = [sys.executable, "-c", "import django; django.setup(); from django.conf import settings; print(hasattr(settings, 'KILLED_AT'))"]
    refused = subprocess.run(ask, capture_output=True, text=True, check=False, env={**given, "CRM_KILLED_AT": "move.rows"}, cwd=ROOT)
    assert refused.returncode == 1
    assert "it is for the tests alone" in refused.stderr
    started = subprocess.run(ask, capture_output=True, text=True, check=True, env=given, cwd=ROOT)
    assert started.stdout.strip() == "False"


def _crm(world: World, *arguments: str, at: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "crm_platform.config.cli", *arguments, "--json"]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**world.environment, "CRM_KILLED_AT": at}, cwd=ROOT)


def test_a_command_of_its_own_dies_and_called_again_finishes(world: World, tmp_path: Path) -> None:
    """From the command line to the operating system: what the forks of the other tests leave out."""
    given, out = world.do("restoring.prepare", "archive.kept"), tmp_path / "archive.zip"
    archive = ("archive-workspace", "--workspace", given["slug"], "--out", str(out))
    assert _crm(world, *archive, at="archive.kept").returncode == -signal.SIGKILL
    assert _crm(world, *archive).returncode == 0
    restore = ("restore-workspace", "--file", str(out), "--slug", given["wished"])
    assert _crm(world, *restore, at="restore.rows").returncode == -signal.SIGKILL
    world.do("restoring.after", {**given, "path": str(out), "point": "restore.rows"})
    erase = ("delete-workspace", "--workspace", given["wished"], "--yes")
    assert _crm(world, *erase, at="erase.schema").returncode == -signal.SIGKILL
    world.do("whole.keep")
    world.do("whole.check")


@pytest.mark.live
@pytest.mark.parametrize("work", ["moving", "erasing"])
def test_with_no_point_named_nothing_dies(world: World, work: str) -> None:
    given = world.do(f"{work}.prepare", "move.fenced")
    world.do(f"{work}.work", given)
    world.do(f"{work}.after", given)
