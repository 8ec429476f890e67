"""Processor time and memory of groups of processes, read from /proc (Linux)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from crm_platform.kernel.reading import wholes

TICKS = os.sysconf("SC_CLK_TCK")


def pids() -> Iterable[int]:
    """All processes."""
    return wholes(",".join(entry.name for entry in Path("/proc").iterdir()))


def command_of(pid: int) -> str:
    """The command line, or nothing for one that is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def parent_of(pid: int) -> int:
    """The parent's number; 0 for one that is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return 0


def family(root: int) -> set[int]:
    """A process and all that came of it."""
    found, parents = {root}, {pid: parent_of(pid) for pid in pids()}
    while True:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        if not more:
            return found
        found |= more


def seconds(group: Iterable[int]) -> float:
    """User and system time of a group so far, its reaped children's included."""
    total = 0
    for pid in group:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(int(fields[at]) for at in (11, 12, 13, 14))
    return total / TICKS


def resident(group: Iterable[int]) -> int:
    """Bytes of memory of a group, shared pages counted once (proportional set size)."""
    total = 0
    for pid in group:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
    return total


def private(pid: int) -> int:
    """Bytes of memory that one process has to itself; 0 for one that is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(("Private_Clean:", "Private_Dirty:")))


def matching(test: Callable[[str], bool]) -> set[int]:
    """Processes whose command line passes a test."""
    return {pid for pid in pids() if test(command_of(pid))}


def quiet(root: int, *, most: float = 180.0) -> float:
    """Wait until a process and all that came of it have nothing left to do: three seconds with less than a tenth of a second of work each; the seconds that took."""
    began, calm = time.monotonic(), 0
    while time.monotonic() - began < most and calm < 3:
        everyone = family(root)
        before = seconds(everyone)
        time.sleep(1)
        calm = calm + 1 if seconds(everyone) - before < 0.1 else 0
    return time.monotonic() - began
