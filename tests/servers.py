"""A pytest plugin, loaded before Django's settings are read: real Postgres and Redis for the tests.

With DATABASE_URL or REDIS_URL in the environment those servers are used; for what is not given, embedded ones are started on a
throw-away data folder and stopped at the end. The whole database is the tests' own, so there is no second one named test_something.

Of several workers (`-n 2`) each has servers of its own, and the process that hands out the tests has none.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest

# What whoever hands out the tests reads its settings with: it asks nothing of any server.
NOWHERE = {"DATABASE_URL": "postgresql://nobody:nothing@/nowhere?host=/nowhere", "REDIS_URL": "unix:///nowhere"}
# Where one process for all is opened once by a fixture: their tests stay together.
TOGETHER = ("tests/browser/", "tests/faults/")

_stack = contextlib.ExitStack()


def _start() -> None:
    from crm_platform.config.embedded import given
    from crm_platform.config.embedded.datafolder import DataFolder
    from crm_platform.config.embedded.servers import start

    folder = Path(tempfile.mkdtemp(prefix="kartoteka-tests-"))
    # The server runs as another user when we are root: it must be able to reach its own folder.
    folder.chmod(0o755)
    _stack.callback(shutil.rmtree, folder, ignore_errors=True)
    data = DataFolder.open(folder)
    servers = _stack.enter_context(start(data, durable=False, given=given.read(data), databases=2))
    os.environ.update(servers.environment())
    os.environ["CRM_DATA"] = str(folder)
    for name in ("EMAIL_URL", "PUBLIC_URL"):
        os.environ.pop(name, None)
    atexit.register(_stack.close)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """The servers, before anybody reads the settings."""
    if os.environ.get("PYTEST_XDIST_WORKER"):
        for name, nowhere in NOWHERE.items():
            if os.environ.get(name) == nowhere:
                del os.environ[name]
    elif getattr(early_config.known_args_namespace, "numprocesses", None):
        shared = [name for name in (*NOWHERE, "CRM_CITUS_URL") if os.environ.get(name)]
        if shared:
            raise pytest.UsageError(f"Several workers would share what {', '.join(shared)} names: leave out -n.")
        os.environ.update(NOWHERE)
        return
    if not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")):
        _start()


def pytest_unconfigure() -> None:
    """A worker is given little time after its last word."""
    _stack.close()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """How several workers share the tests: file by file, the longest first."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return next((folder for folder in TOGETHER if nodeid.startswith(folder)), nodeid.partition("::")[0])

    return ByFile(config, log)
