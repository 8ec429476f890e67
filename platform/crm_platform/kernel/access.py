"""How far people may go in the workspace we are in, asked from below. `tenants` answers, by one function, from the workspace's state and now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from . import workspace


class Level(IntEnum):
    """From nobody to everybody; the lower is the stricter."""

    CLOSED = 0
    OWNER = 1
    READ = 2
    FULL = 3


@dataclass(frozen=True, slots=True)
class Access:
    """`cause` names what decides ("leaving", "suspended", ...); `say` gives the banner's sentence in the reader's language, "" for none; `page` the page with the way out."""

    level: Level = Level.FULL
    cause: str = ""
    say: Callable[[], str] = str
    page: str = ""

    @property
    def sentence(self) -> str:
        """What stands above every page."""
        return self.say()


_FULL = Access()
_answerer: Callable[[], Access] | None = None


def answer(answerer: Callable[[], Access]) -> None:
    """Name who knows (`tenants.lifecycle`, once, at start-up)."""
    global _answerer
    _answerer = answerer


def here() -> Access:
    """The access of the workspace we are in; everything on the control side."""
    return _FULL if _answerer is None or workspace.current() is None else _answerer()
