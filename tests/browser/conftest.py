"""A whole running product on a throw-away data folder, and Chromium before it. No test here touches the ORM.

Both live as long as this package: Playwright's event loop must be gone before other tests use the database.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
PASSWORD = "a-long-enough-sentence-7"


@dataclass(frozen=True)
class Run:
    """A running `bin/up`."""

    port: int
    data: Path
    printed: str

    @property
    def site(self) -> str:
        return f"http://localhost:{self.port}"

    def workspace(self, slug: str) -> str:
        return f"http://{slug}.localhost:{self.port}"

    def crm(self, *arguments: str, given: str = "") -> Any:
        done = subprocess.run([sys.executable, "-m", "crm_platform.config.cli", "--data", str(self.data), *arguments, "--json"], capture_output=True, text=True, input=given, env=clean_environment(), cwd=ROOT)
        assert done.returncode == 0, done.stderr + done.stdout
        return json.loads(done.stdout.strip().splitlines()[-1])


def clean_environment() -> dict[str, str]:
    """The tests' own servers must not be found by the run."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'platform'}"}


@pytest.fixture(scope="package")
def up() -> Iterator[Run]:
    """The product, started as a stranger starts it, with its demo workspace."""
    data = Path(tempfile.mkdtemp(prefix="kartoteka-up-"))
    data.chmod(0o755)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = (data.parent / f"{data.name}.log").open("w+")
    command = [sys.executable, "-m", "crm_platform.config.embedded.up", "--port", str(port), "--data", str(data / "data")]
    process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=clean_environment(), cwd=ROOT)
    printed = ""
    until = time.monotonic() + 120
    while "Ctrl-C" not in printed and process.poll() is None and time.monotonic() < until:
        time.sleep(0.3)
        printed = Path(log.name).read_text()
    assert "Ctrl-C" in printed, printed
    yield Run(port, data / "data", printed)
    process.send_signal(signal.SIGINT)
    process.wait(timeout=60)
    log.close()
    shutil.rmtree(data, ignore_errors=True)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Any]:
    """Chromium, headless."""
    path = os.environ.get("CRM_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not path:
        if os.environ.get("CRM_NO_BROWSER") == "1":
            pytest.skip("!! NO BROWSER TESTS: CRM_NO_BROWSER=1 !!")
        pytest.fail("There is no Chromium; bin/test installs it, or name it with CRM_CHROMIUM.")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A fresh window of 1440 px; what its console complains about fails the test."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    opened = context.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda message: problems.append(message.text) if message.type == "error" and "Failed to load resource" not in message.text else None)
    yield opened
    context.close()
    assert not problems, problems


def demo_login(run: Run) -> tuple[str, str, str]:
    """Address, e-mail and password of the demo workspace, as printed."""
    found = re.search(r"Demo workspace\s+(\S+)\s+log in as\s+(\S+)\s+(\S+)", run.printed)
    assert found
    return found.group(1).rstrip("/"), found.group(2), found.group(3)


def log_in(page: Any, run: Run) -> str:
    """Into the demo workspace; returns its address."""
    home, email, password = demo_login(run)
    page.goto(f"{home}/account/login/")
    page.fill("[name=login]", email)
    page.fill("[name=password]", password)
    page.press("[name=password]", "Enter")
    page.wait_for_url(f"{home}/board")
    return home
