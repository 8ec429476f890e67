"""What programs may ask and send: told by whoever owns an interface for programs, for its bodies are read by no form and its questions by no name.

An operation tells where in its body and its question a row is named; the proof writes another workspace's rows there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Names:
    """What a row is named by: a number, and a word (a uid or a UUID)."""

    number: int
    word: str


# `bodies(own, foreign)` gives bodies: in each another's row stands in one place, or in all; everything else that is needed is one's own.
Bodies = Callable[[Names, Names], Iterable[Any]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One verb at one address, as `routes.Route.text` writes it ("/api/v4/leads/<pk>"). `questions(foreign)` gives query strings that name another's row."""

    verb: str
    text: str
    questions: Callable[[Names], Iterable[str]]
    bodies: Bodies


_told: list[Callable[[], Iterable[Operation]]] = []


def tells(function: Callable[[], Iterable[Operation]]) -> Callable[[], Iterable[Operation]]:
    """Register what tells the operations of an interface."""
    if function not in _told:
        _told.append(function)
    return function


def known() -> list[Operation]:
    """All of them, whoever tells them."""
    return [one for function in _told for one in function()]
