"""A run of its own for each walk: they move the business clock, and it only goes forward."""

from __future__ import annotations

import faulthandler
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Run, chromium  # noqa: F401  # a fixture
from tests.browser.test_run import started


@pytest.fixture(autouse=True, scope="module")
def _minutes() -> None:
    faulthandler.cancel_dump_traceback_later()  # minutes are no standstill here


@pytest.fixture(scope="module")
def run(_minutes: None) -> Iterator[Run]:
    """The product as a stranger starts it, without the demo."""
    folder = Path(tempfile.mkdtemp(prefix="kartoteka-life-"))
    folder.chmod(0o755)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    up = started(folder / "d", port)
    try:
        yield Run(port, folder / "d", "")
    finally:
        up.send_signal(signal.SIGINT)
        up.communicate(timeout=60)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def browser(chromium: Any) -> Any:  # noqa: F811
    """Chromium, a fresh window a person."""
    return chromium
