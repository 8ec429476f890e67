"""Links that a form shows by name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .ordering import fold


class Linked:
    """What is linked already, taken by name and each once: a form that is saved unchanged means the same records, not namesakes.

    What lies in the bin counts too: its link waits for it.
    """

    def __init__(self, named: Iterable[tuple[str, Any]]) -> None:
        self._waiting: dict[str, list[Any]] = {}
        for name, record in named:
            self._waiting.setdefault(fold(name), []).append(record)

    def take(self, name: str) -> Any | None:
        """The first of that name that has not been taken, or None."""
        waiting = self._waiting.get(fold(name))
        return waiting.pop(0) if waiting else None
