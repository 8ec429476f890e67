"""Workbooks are unpacked in a process of their own, with a bound on memory and time.

A few megabytes of XLSX can unpack to many gigabytes, and a reader that runs out of memory ends its whole process; here
that is a small child, and the person reads a sentence. Run as a program it answers `sheets FILE` and `rows FILE SHEET`.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from python_calamine import CalamineWorkbook

MEMORY = 1024 * 1024 * 1024
SECONDS = 120
# One row, written down: more than any record holds is no table.
LONGEST_ROW = 8 * 1024 * 1024


class CannotUnpack(Exception):
    """It is no workbook, or one that needs more than the bounds; `heavy` tells the second."""

    def __init__(self, *, heavy: bool) -> None:
        self.heavy = heavy
        super().__init__("heavy" if heavy else "not a workbook")


def sheets(path: Path) -> list[str]:
    """The names of the filled sheets, in order. Raises CannotUnpack."""
    found: list[str] = list(_told("sheets", str(path)))
    return found


def rows(path: Path, sheet: str) -> Iterator[list[str]]:
    """The rows of a sheet as texts. Raises CannotUnpack, perhaps after some rows."""
    yield from _told("rows", str(path), sheet)


def _told(*asked: str) -> Iterator[Any]:
    child = subprocess.Popen([sys.executable, "-P", __file__, *asked], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)  # noqa: S603 (this file)
    try:
        for line in child.stdout or ():
            yield json.loads(line)
        status = child.wait()
        if status:
            raise CannotUnpack(heavy=status == _HEAVY or status < 0)
    finally:
        child.kill()
        child.wait()
        if child.stdout:
            child.stdout.close()


_NO_WORKBOOK, _HEAVY = 3, 4


def _text(value: Any) -> str:
    """A workbook's cell as the text a person sees: whole numbers without a point, dates in ISO."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if hasattr(value, "isoformat"):
        text: str = value.isoformat()
        return text.removesuffix("T00:00:00")
    return str(value).strip()


def _answer(verb: str, path: str, sheet: str = "") -> Iterator[Any]:
    book = CalamineWorkbook.from_path(path)
    if verb == "sheets":
        yield from (name for name in book.sheet_names if book.get_sheet_by_name(name).height > 0)
    else:
        yield from ([_text(value) for value in row] for row in book.get_sheet_by_name(sheet).iter_rows())


def main(asked: list[str]) -> int:
    """The child: one JSON value a line."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        for value in _answer(*asked):
            line = json.dumps(value)
            if len(line) > LONGEST_ROW:
                return _HEAVY
            sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    except (MemoryError, BrokenPipeError):
        return _HEAVY
    except Exception:  # broad: whatever the reader says of a damaged file, it is no workbook
        return _NO_WORKBOOK
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
