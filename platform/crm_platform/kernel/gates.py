"""The one question about plans and limits; `billing` answers it (design section 6).

A gate refuses at once by reading counter and ceiling. What a unit of work adds is collected and raised as the last
statements before the commit (`settle`), where the database decides races.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Usage:
    """One limit as it stands: `limit` and `ceiling` are None where there is none."""

    metric: str
    limit: int | None
    ceiling: int | None
    used: int

    @property
    def room(self) -> int | None:
        """How many more fit; None for no limit."""
        return None if self.ceiling is None else max(0, self.ceiling - self.used)


class Answerer(Protocol):
    """What `billing` offers to this port."""

    def require(self, metric: str, *, adding: int) -> None: ...
    def free(self, metric: str, *, removing: int) -> None: ...
    def restore(self, metric: str, *, adding: int) -> None: ...
    def settle(self) -> None: ...
    def forget(self) -> None: ...
    def snapshot(self) -> object: ...
    def roll_back(self, held: object) -> None: ...
    def usage(self, metric: str) -> Usage: ...
    def limit(self, metric: str) -> int | None: ...
    def allows(self, feature: str) -> bool: ...
    def overview(self) -> Mapping[str, Usage]: ...


_answerer: Answerer | None = None


def answer(answerer: Answerer) -> None:
    """Name who answers (`billing`, once, at start-up)."""
    global _answerer
    _answerer = answerer


def _ask() -> Answerer:
    if _answerer is None:
        raise RuntimeError("no plan answers: is billing installed?")
    return _answerer


def require(metric: str, *, adding: int = 1) -> None:
    """Refuse (PlanRefusal, 402) if `adding` more of `metric` pass the ceiling; else collect the raise.

    `metric` is a limit ("contacts", "deals_open", "users") or, with adding=0, a feature of the plan.
    """
    _ask().require(metric, adding=adding)


def free(metric: str, *, removing: int = 1) -> None:
    """Collect the lowering of a counter: binned, closed, deactivated."""
    _ask().free(metric, removing=removing)


def restore(metric: str, *, adding: int = 1) -> None:
    """Collect a raise that is always allowed and may pass the ceiling: out of the bin."""
    _ask().restore(metric, adding=adding)


def settle() -> None:
    """Send the collected changes; raises PlanRefusal where a race filled the last place meanwhile."""
    if _answerer is not None:
        _answerer.settle()


def forget() -> None:
    """Drop what was collected: the unit of work rolls back."""
    if _answerer is not None:
        _answerer.forget()


def snapshot() -> object:
    """What is collected now: to be given to `roll_back` when a savepoint is taken back."""
    return _ask().snapshot()


def roll_back(held: object) -> None:
    """Collect again only what was collected at the snapshot."""
    _ask().roll_back(held)


def usage(metric: str) -> Usage:
    """How a limit stands now, what this unit has collected included."""
    return _ask().usage(metric)


def limit(metric: str) -> int | None:
    """The limit alone, for what is not counted in rows (requests a second); None where there is none."""
    return _ask().limit(metric)


def overview() -> Mapping[str, Usage]:
    """All limits as they stand."""
    return _ask().overview()


def allows(feature: str) -> bool:
    """Whether the plan has the feature at all: for screens; the verb asks `require`."""
    return _ask().allows(feature)
