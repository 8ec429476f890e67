"""A pytest plugin, loaded before Django's settings are read: real Postgres and Redis for the tests.

With DATABASE_URL or REDIS_URL in the environment those servers are used; for what is not given, embedded ones are started on a
throw-away data folder and stopped at the end. The whole database is the tests' own, so there is no second one named test_something.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import tempfile
from pathlib import Path

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


if not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")):
    _start()
