"""How far people may go in the workspace we are in, asked from below. `tenants` answers, by one function, from the workspace's state and now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from . import workspace
from .errors import CrmError, ReadOnly, Unpaid


class Level(IntEnum):
    """From nobody to everybody; the lower is the stricter."""

    CLOSED = 0
    OWNER = 1
    READ = 2
    FULL = 3


class Act(StrEnum):
    """What may go on although the workspace is not open in full. Who offers one of these asks `require`, or `permits` before it draws a button."""

    TASKS_DONE = "tasks.done"
    CHATS_ANSWER = "chats.answer"
    INTAKE = "leads.intake"
    AUTOMATIONS = "automations"
    MASS_MAIL = "mail.mass"


@dataclass(frozen=True, slots=True)
class Access:
    """`cause` names what decides ("leaving", "suspended", ...); `say` gives the banner's sentence in the reader's language, "" for none; `page` the page with the way out.

    `still` lists the acts that go on below `Level.FULL`. A banner `to_administrators` is nobody else's business.
    """

    level: Level = Level.FULL
    cause: str = ""
    say: Callable[[], str] = str
    page: str = ""
    still: frozenset[Act] = frozenset()
    to_administrators: bool = False

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


def permits(act: Act) -> bool:
    """Whether this goes on as the workspace stands now."""
    found = here()
    return found.level is Level.FULL or act in found.still


def require(act: Act) -> None:
    """Raise the refusal of the workspace's access unless `permits`."""
    if not permits(act):
        raise refusal()


def refusal() -> CrmError:
    """What to raise where nobody may write: Unpaid with the way out where paying is one, else ReadOnly."""
    found = here()
    return Unpaid(reason=found.sentence, state=found.cause, way_out="/settings/plan") if found.page == "plan" else ReadOnly()
