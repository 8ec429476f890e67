"""A run's own processes, by their names."""

from __future__ import annotations

from pathlib import Path

# What each has in its command line.
MARKS = {"web": "gunicorn", "worker": "celery", "scheduler": "cli scheduler", "keeper": "cli keeper", "redis": "redis-server", "postgres": "bin/postgres"}


def _told(path: Path) -> tuple[int, str]:
    """A process's parent and command line; nought where it has gone meanwhile."""
    try:
        return int((path / "stat").read_text().rpartition(")")[2].split()[1]), (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return 0, ""


def children_of(parent: int) -> dict[str, int]:
    """The processes that a run has started."""
    found = dict[str, int]()
    for path in Path("/proc").glob("[0-9]*"):
        above, line = _told(path)
        if above == parent:
            found |= {name: int(path.name) for name, mark in MARKS.items() if mark in line}
    return found


def run_on(folder: Path) -> int:
    """The number of the run on a data folder."""
    [found] = [int(path.name) for path in Path("/proc").glob("[0-9]*") if "embedded.up" in (line := _told(path)[1]) and f"--data {folder} " in line]
    return found
