"""Long work, named and left for later: rows written in the same transaction, served after the commit.

The vocabulary; `crm_platform.jobs` keeps the rows and serves them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol


class Lease(Protocol):
    """What a running job holds: proof that it alone works, and a place to note how far it came."""

    @property
    def checkpoint(self) -> Mapping[str, Any]: ...
    def beat(self, checkpoint: Mapping[str, Any] | None = None) -> None:
        """Extend the lease and keep the checkpoint; raises LeaseLost when another has taken over."""
        ...

    def should_yield(self) -> bool:
        """True when others wait and this slice has lasted long enough: return Again() then."""
        ...


class LeaseLost(Exception):
    """The lease ran out and another worker took the job: stop at once, write nothing more."""


class Again:
    """Returned by a job that is not finished: serve it again, from its checkpoint, after the others' turn."""


class Kind(StrEnum):
    """What a job is to those who wait: `prompt` before all else (a letter), `long` after all else and never in a workspace's last place."""

    PROMPT = "prompt"
    PLAIN = "plain"
    LONG = "long"


JobFunction = Callable[..., "Again | None"]
_registry: dict[str, JobFunction] = {}
_kinds: dict[str, Kind] = {}
_failed: dict[str, Callable[[int], None]] = {}
_later: Callable[..., int] | None = None


def register(name: str, *, kind: Kind = Kind.PLAIN, failed: Callable[[int], None] | None = None) -> Callable[[JobFunction], JobFunction]:
    """Register a function `(pk: int, *, lease: Lease)` under a name such as "imports.run".

    `failed(pk)` is called in a unit of its own when the last attempt has failed, so that its record can say so.
    """

    def keep(function: JobFunction) -> JobFunction:
        if _registry.get(name, function) is not function:
            raise ValueError(f"two jobs named {name}")
        _registry[name], _kinds[name] = function, kind
        if failed is not None:
            _failed[name] = failed
        return function

    return keep


def find(name: str) -> JobFunction:
    """The function registered under the name; KeyError where none is."""
    return _registry[name]


def named(kind: Kind) -> list[str]:
    """The names of the jobs of a kind."""
    return [name for name, found in _kinds.items() if found == kind]


def gave_up(name: str, pk: int) -> None:
    """Tell the owner of a job that its last attempt has failed."""
    if name in _failed:
        _failed[name](pk)


def answer(later: Callable[..., int]) -> None:
    """Name who keeps job rows (`crm_platform.jobs`, once, at start-up)."""
    global _later
    _later = later


def later(name: str, pk: int, *, at: datetime | None = None, key: str = "") -> int:
    """Leave work for after the commit: the job's name, the id it works on, when at the earliest.

    A `key` keeps one waiting job of that key; asking again returns the same. Returns the job's id.
    """
    if _later is None:
        raise RuntimeError("nobody keeps job rows: is crm_platform.jobs installed?")
    return _later(name, pk, at=at, key=key)
