"""What stands in the columns of a file, counted while it is read: how many cells are empty, how many values differ, how often each occurs. Bounded in time and memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

# Cells counted of one file; what lies beyond is read, not counted, and the page says so.
CELLS = 1_000_000
FEWEST = 2_000
AT_ONCE = 2_000
# Beyond these a column is one of keys, texts or figures: how often each value occurs tells nothing.
MOST_NAMES = 5_000
MOST_DISTINCT = 25_000
LONGEST_NAME = 250
# Values kept with one import, of all its columns.
MOST_KEPT = 20_000


class Column:
    """One column as far as it has been counted."""

    __slots__ = ("empty", "hashes", "values")

    def __init__(self) -> None:
        self.empty = 0
        self.values: Counter[str] | None = Counter()
        self.hashes: set[int] = set()

    def add(self, cells: Sequence[str]) -> None:
        """Count some cells."""
        self.empty += cells.count("")
        if self.values is not None:
            self.values.update(cells)
            if len(self.values) > MOST_NAMES:
                self.hashes, self.values = set(map(hash, self.values)) - {hash("")}, None
        elif len(self.hashes) <= MOST_DISTINCT:
            self.hashes.update(hash(cell) for cell in cells if cell)

    @property
    def distinct(self) -> int:
        """How many values differ; one more than the most where they were too many to go on."""
        if self.values is None:
            return min(len(self.hashes), MOST_DISTINCT + 1)
        return len(self.values) - ("" in self.values)

    def names(self) -> list[tuple[str, int]]:
        """Each value with its count, in the order of the file; nothing where they are too many or too long to be names."""
        found = [(text, count) for text, count in (self.values or {}).items() if text]
        return [] if any(len(text) > LONGEST_NAME for text, _count in found) else found


class Columns:
    """All columns of a file, counted row by row, in pieces: a piece of a column is counted at the speed of C."""

    def __init__(self, width: int) -> None:
        self.columns = [Column() for _at in range(width)]
        self.most = max(FEWEST, CELLS // max(1, width))
        self.rows = 0
        self._waiting: list[Sequence[str]] = []

    def add(self, line: Sequence[str]) -> None:
        """Count a row, unless enough were."""
        if self.rows < self.most:
            self.rows += 1
            self._waiting.append(line)
            if len(self._waiting) == AT_ONCE:
                self.settle()

    def settle(self) -> None:
        """Count what waits."""
        for at, column in enumerate(self.columns):
            column.add([line[at] if at < len(line) else "" for line in self._waiting])
        self._waiting = []

    def as_json(self, *, plain: Sequence[bool]) -> list[dict[str, Any]]:
        """For the import's row: figures of each column, and its values where they may be names; `plain`: columns of dates and figures, whose values name nothing."""
        self.settle()
        kept, room = {}, MOST_KEPT
        for at, column in sorted(enumerate(self.columns), key=lambda pair: pair[1].distinct):
            names = [] if plain[at] else column.names()
            if names and len(names) <= room:
                kept[at], room = names, room - len(names)
        return [{"empty": column.empty, "distinct": column.distinct, **({"values": kept[at]} if at in kept else {})} for at, column in enumerate(self.columns)]
