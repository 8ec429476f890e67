"""All the service knows: objects in memory, written through to a file of their own; a unit of work is kept whole or undone whole."""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .errors import ApiError, missing
from .shapes import Obj

# Names that begin so are our own notes on an object: kept with it, never shown.
HIDDEN = "_"
# Fields that an object keeps for life, by which many of its kind are looked for.
_LASTING = {
    "invoice": ("customer", "_subscription"), "invoice_payment": ("invoice",), "subscription": ("customer",), "tax_id": ("customer",), "invoiceitem": ("customer",),
    "customer_balance_transaction": ("customer",), "credit_note": ("invoice",), "price": ("product",), "_delivery": ("event",), "event": ("type",),
}  # fmt: skip
_TABLE = "CREATE TABLE IF NOT EXISTS object (id TEXT PRIMARY KEY, seq INTEGER NOT NULL, body TEXT NOT NULL)"


def copied(value: Any) -> Any:
    """A copy of what JSON can hold, all the way down."""
    if isinstance(value, dict):
        return {name: copied(one) for name, one in value.items()}
    return [copied(one) for one in value] if isinstance(value, list) else value


class _Undone(Exception):
    """Ends a rehearsal."""


class Store:
    """Objects by identity and by kind. Reading and writing happens under `lock`, in units."""

    def __init__(self, path: Path | None = None) -> None:
        self.lock = threading.RLock()
        self.rows: dict[str, Obj] = {}
        self.kinds: dict[str, dict[str, None]] = defaultdict(dict)
        self._found: dict[tuple[str, str, object], dict[str, None]] = defaultdict(dict)
        self.saved: Callable[[Obj], None] = lambda row: None
        self._journals: list[dict[str, Obj | None]] = []
        self._seq = 0
        self._file = _opened(path) if path else None
        if self._file:
            for seq, body in self._file.execute("SELECT seq, body FROM object ORDER BY seq"):
                self._place(json.loads(body))
                self._seq = max(self._seq, seq)

    # Units.

    @contextmanager
    def unit(self) -> Iterator[None]:
        """Kept whole; undone whole where an error passes through, save a refusal that says to keep what was done. Units nest."""
        with self.lock:
            self._journals.append({})
            try:
                yield
            except ApiError as error:
                self._end(keep=error.keep)
                raise
            except BaseException:
                self._end(keep=False)
                raise
            self._end(keep=True)

    @contextmanager
    def rehearsal(self) -> Iterator[None]:
        """What is done inside is looked at and undone."""
        with suppress(_Undone), self.unit():
            yield
            raise _Undone

    def _end(self, *, keep: bool) -> None:
        journal = self._journals.pop()
        if not keep:
            for row_id, before in journal.items():
                self._restore(row_id, before)
        elif self._journals:
            for row_id, before in journal.items():
                self._journals[-1].setdefault(row_id, before)
        else:
            self._write(journal)

    def _restore(self, row_id: str, before: Obj | None) -> None:
        now = self.rows[row_id]
        if before is None:
            self._lift(now)
        else:
            # The very dictionary stays: somebody up the stack may hold it.
            now.clear()
            now.update(before)

    def _write(self, journal: dict[str, Obj | None]) -> None:
        changed = [self.rows[row_id] for row_id in journal if row_id in self.rows]
        if self._file and changed:
            with self._file:
                self._file.executemany("INSERT OR REPLACE INTO object VALUES (?, ?, ?)", [(row["id"], row["_seq"], json.dumps(row)) for row in changed])
        for row in changed:
            self.saved(row)

    # Rows.

    def add(self, row: Obj) -> Obj:
        """A new object."""
        self._seq += 1
        row["_seq"] = self._seq
        self._place(row)
        self._journals[-1][row["id"]] = None
        return row

    def _place(self, row: Obj) -> None:
        self.rows[row["id"]] = row
        self.kinds[row["object"]][row["id"]] = None
        for name in _LASTING.get(row["object"], ()):
            self._found[row["object"], name, row[name]][row["id"]] = None

    def _lift(self, row: Obj) -> None:
        del self.rows[row["id"]]
        del self.kinds[row["object"]][row["id"]]
        for name in _LASTING.get(row["object"], ()):
            self._found[row["object"], name, row[name]].pop(row["id"], None)

    def edit(self, row_id: str) -> Obj:
        """An object about to be changed."""
        row = self.rows[row_id]
        self._journals[-1].setdefault(row_id, copied(row))
        return row

    def get(self, kind: str, row_id: str, *, param: str = "id", gone: bool = False) -> Obj:
        """An object of a kind; raises ApiError where there is none (any more). `gone` returns deleted ones too."""
        row = self.rows.get(row_id)
        if row is None or row["object"] != kind or (row.get("_gone") and not gone):
            raise missing(kind, row_id, param=param)
        return row

    def all(self, kind: str, **equal: object) -> list[Obj]:
        """Objects of a kind whose fields equal these, the oldest first; deleted ones are left out."""
        lasting = next((name for name in _LASTING.get(kind, ()) if name in equal), None)
        ids = self._found.get((kind, lasting, equal[lasting]), {}) if lasting else self.kinds[kind]
        rows = (self.rows[row_id] for row_id in ids)
        return [row for row in rows if not row.get("_gone") and all(row.get(name) == value for name, value in equal.items())]

    def forget(self, row_ids: list[str]) -> None:
        """Take objects out for good: what is older than the service remembers. Outside units."""
        for row_id in row_ids:
            self._lift(self.rows[row_id])
        if self._file:
            with self._file:
                self._file.executemany("DELETE FROM object WHERE id = ?", [(row_id,) for row_id in row_ids])

    def clear(self) -> None:
        """Begin with nothing."""
        self.forget(list(self.rows))

    def close(self) -> None:
        """Let go of the file."""
        if self._file:
            self._file.close()


def _opened(path: Path) -> sqlite3.Connection:
    file = sqlite3.connect(path, check_same_thread=False)
    file.execute("PRAGMA journal_mode = WAL")
    file.execute("PRAGMA synchronous = NORMAL")
    file.execute(_TABLE)
    return file


def new_id(prefix: str) -> str:
    """A fresh identity."""
    return f"{prefix}_{secrets.token_hex(10)}"
