"""The whole run, all works under way, and each of its processes killed (-9) in turn: it comes back, and everything settles by itself."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import Run, clean_environment
from tests.browser.processes import MARKS, children_of
from tests.browser.test_run import ask, started

from .world import ROOT, Actors

pytestmark = pytest.mark.live
VICTIMS = ("web", "worker", "scheduler", "keeper", "redis", "postgres")
SETTLES_WITHIN = 100.0


def comes_back(up: subprocess.Popen[str], port: int, before: dict[str, int], *, within: float = 60.0) -> None:
    """All six are there, whoever was killed anew, and the pages answer."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        now = children_of(up.pid)
        if set(now) == set(MARKS) and now != before and _healthy(port):
            return
        time.sleep(0.3)
    raise AssertionError((before, children_of(up.pid)))


def _healthy(port: int) -> bool:
    try:
        return ask(port, "GET", "/healthz")[0] == 200 and json.loads(ask(port, "GET", "/healthz")[1])["status"] == "ok"
    except (OSError, ValueError):
        return False


@pytest.fixture
def run() -> Iterator[tuple[subprocess.Popen[str], Run, Actors]]:
    """A run of its own with two databases, and those who act on its servers."""
    folder = Path(tempfile.mkdtemp(prefix="kartoteka-killed-"))
    folder.chmod(0o755)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    up = started(folder / "d", port, "--databases", "2")
    try:
        actors = Actors(json.loads((folder / "d" / "running.json").read_text()), log=folder / "actors.log")
        yield up, Run(port, folder / "d", ""), actors
        actors.close()
    finally:
        up.send_signal(signal.SIGINT)
        up.communicate(timeout=60)
        shutil.rmtree(folder, ignore_errors=True)


def _command(run: Run, *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "crm_platform.config.cli", "--data", str(run.data), *arguments, "--json"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=clean_environment(), cwd=ROOT)


@pytest.mark.parametrize("victim", VICTIMS)
def test_each_process_of_a_run_killed_while_all_works_are_under_way(run, victim: str, tmp_path: Path) -> None:
    up, product, actors = run
    given = actors.do("the_run.prepare", 6)
    operators = [
        ("move-workspace", "--workspace", given["moves"]["slug"], "--to", "cell2"), ("archive-workspace", "--workspace", given["kept"]["slug"], "--out", str(tmp_path / "a.zip")),
        ("restore-workspace", "--file", given["path"], "--slug", given["wished"]),
    ]  # fmt: skip
    at_work = [_command(product, *arguments) for arguments in operators]
    time.sleep(1.8)  # they read the program first
    actors.do("the_run.begin", given)
    time.sleep(0.4)
    before = children_of(up.pid)
    os.kill(before[victim], signal.SIGKILL)
    comes_back(up, product.port, before)
    for process in at_work:
        process.wait(timeout=120)
    actors.do("the_run.minutes_pass")
    until, wrong = time.monotonic() + SETTLES_WITHIN, ["not looked at"]
    while wrong and time.monotonic() < until:
        time.sleep(2)
        ended = actors.act("the_run.unsettled", given)
        wrong = [ended.error] if ended.error else ended.value
    assert not wrong, "\n".join(wrong)
    actors.do("the_run.after", given)
    again = [_command(product, *arguments).wait(timeout=120) for arguments in operators[1:]]
    assert again[0] == 0
    assert {process.returncode for process in at_work} <= {0, 1}
