"""Who sits where, asked from below; `billing` answers. Without an answer everybody has a place."""

from __future__ import annotations

from typing import Protocol


class Answerer(Protocol):
    """What `billing` offers to this port."""

    def pending_room(self) -> int:
        """How many more people may come in and look, on seats that wait for their payment."""
        ...

    def may_come_back(self, *, chosen: bool) -> bool:
        """Whether somebody without a seat may take a free one; `chosen`: the firm had chosen that others stay."""
        ...

    def admit(self, person: int, *, occasional: bool) -> None:
        """Raise where all places at work are taken, or the days of occasional seats are used up."""
        ...


_answerer: Answerer | None = None


def answer(answerer: Answerer) -> None:
    """Name who answers (`billing.seats`, once, at start-up)."""
    global _answerer
    _answerer = answerer


def pending_room() -> int:
    """Seats that wait for their payment and have nobody."""
    return 0 if _answerer is None else _answerer.pending_room()


def may_come_back(*, chosen: bool) -> bool:
    """Whether somebody without a seat may take a free one."""
    return _answerer is not None and _answerer.may_come_back(chosen=chosen)


def admit(person: int, *, occasional: bool) -> None:
    """Let a person who may write begin or go on working; raises a refusal that says who is in, or whom to ask."""
    if _answerer is not None:
        _answerer.admit(person, occasional=occasional)
