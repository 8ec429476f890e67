"""The arithmetic of the bench: what is derived from a sample, the slow end of many walls, a plan for more than was measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

# Workspaces to a database (the size guide's middle).
CELL = 1000


def derived(seconds: float, *, sample: int, total: int) -> float:
    """What took `seconds` for a sample, for all of them: linearly, which flatters whatever grows faster."""
    return seconds / sample * total


def slow_end(walls: Sequence[float], share: float = 0.95) -> float:
    """The wall that a share of them does not exceed."""
    ordered = sorted(walls)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]


def times(more: float, less: float) -> float:
    """How many times one is the other, to two figures below ten and none above."""
    ratio = more / less
    return round(ratio) if ratio >= 10 else round(ratio, 2)


@dataclass(frozen=True, slots=True)
class Size:
    """What a number of workspaces on one server was measured to take. Bytes."""

    workspaces: int
    relations: int
    disk: int
    backend: int
    worker: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A server park for more workspaces, derived. Bytes; relations and disk of one database, memory of one process."""

    workspaces: int
    databases: int
    relations: int
    disk: int
    backend: int
    worker: int


def plan(small: Size, large: Size, *, workspaces: int, cell: int = CELL) -> Plan:
    """What so many would take: relations and disk grow with each workspace as measured between two sizes; memory is bounded and stays that of the large one."""
    more = large.workspaces - small.workspaces
    inside = min(cell, workspaces)

    def at(low: int, high: int) -> int:
        each = (high - low) / more
        return round(low + each * (inside - small.workspaces))

    return Plan(
        workspaces, math.ceil(workspaces / cell), at(small.relations, large.relations), at(small.disk, large.disk), max(small.backend, large.backend), max(small.worker, large.worker)
    )
