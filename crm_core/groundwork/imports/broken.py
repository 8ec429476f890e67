"""A row that the file itself has spoilt: what of it was read, and the reason."""

from __future__ import annotations


class Broken(list[str]):
    """Cells with the reason why they are no row."""

    def __init__(self, cells: list[str], reason: str) -> None:
        super().__init__(cells)
        self.reason = reason
