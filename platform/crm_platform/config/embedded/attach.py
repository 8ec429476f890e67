"""How a command finds the servers of a running or stopped `bin/up`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import given, servers
from .datafolder import MARKER, DataFolder, default_folder, explained
from .trouble import Trouble


@contextmanager
def environment(folder: str) -> Iterator[dict[str, str]]:
    """The variables of the run on `folder` (empty: the default one); stopped servers run for the command's duration.

    A trouble is one sentence on standard error and exit status 1.
    """
    path = Path(folder).expanduser().resolve() if folder else default_folder()
    try:
        if not (path / MARKER).exists():
            raise Trouble(f"There is no data in {path} yet: start bin/up first, or name its folder with --data.")
        data = DataFolder.open(path)
        if data.in_use():
            yield servers.remembered(data)
            return
        with servers.start(data, given=given.remembered(data)) as started:
            yield started.environment()
    except Trouble as trouble:
        sys.stderr.write(f"{explained(str(trouble), path)}\n")
        sys.exit(1)
