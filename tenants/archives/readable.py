"""The same rows as a SQLite file, for people: any program for tables opens it."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from psycopg import Connection, sql

from tenants.carrying import loading
from tenants.carrying.tables import Column, Table

from . import contents

_NUMBERS = ("bigint", "integer", "smallint")
_ESCAPED = re.compile(r"\\(.)")
_MEANT = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def quoted(name: str) -> str:
    """A name in a statement of SQLite."""
    return '"{}"'.format(name.replace('"', '""'))


class Book:
    """A SQLite file being written."""

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self._lite = sqlite3.connect(path, isolation_level=None)
        self._lite.execute("PRAGMA journal_mode = OFF")
        self._lite.execute("PRAGMA synchronous = OFF")
        self._lite.execute("BEGIN")

    def add(self, connection: Connection[Any], schema: str, table: Table) -> None:
        """One table: moments as text in UTC, lists and structures as JSON, yes and no as 1 and 0."""
        parts = [f"{quoted(column.name)} {_affinity(column)}" for column in table.columns]
        if table.key:
            parts.append(f"PRIMARY KEY ({', '.join(map(quoted, table.key))})")
        statement = f"CREATE TABLE {quoted(table.name)} ({', '.join(parts)})"  # names of our own tables
        self._lite.execute(statement)
        read = sql.SQL(", ").join(_readable(table.name, column) for column in table.columns)
        marks = ", ".join("?" * len(table.columns))
        lines = _lines(loading.copy_out(connection, schema, table, form="text", read=read))
        self._lite.executemany(f"INSERT INTO {quoted(table.name)} VALUES ({marks})", map(_cells, lines))  # noqa: S608 (names of our own tables)

    def close(self) -> None:
        """Keep what was written."""
        self._lite.execute("COMMIT")
        self._lite.close()


def _affinity(column: Column) -> str:
    if column.type in _NUMBERS or column.type == "boolean":
        return "INTEGER"
    return "NUMERIC" if column.type.startswith("numeric") else "TEXT"


def _readable(table: str, column: Column) -> sql.Composed:
    name = sql.Identifier(column.name)
    if column.name in contents.of(table).without:
        return sql.Composed([contents.without_secrets(table, column.name)])
    if column.type == "boolean":
        return sql.SQL("{}::int").format(name)
    if column.type.startswith("timestamp"):
        return sql.SQL("left({}::text, 19)").format(name)  # the connection stands in UTC and writes ISO
    if column.type.endswith("[]"):
        return sql.SQL("to_json({})::text").format(name)
    return sql.Composed([name])


def _lines(pieces: Iterable[bytes]) -> Iterator[str]:
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line.decode()


def _cells(line: str) -> list[str | None]:
    cells = line.split("\t")
    if "\\" not in line:
        return list(cells)
    return [None if cell == "\\N" else _ESCAPED.sub(_plain, cell) if "\\" in cell else cell for cell in cells]


def _plain(found: re.Match[str]) -> str:
    return _MEANT.get(found[1], found[1])
