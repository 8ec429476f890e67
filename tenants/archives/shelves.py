"""The pages of an archive: they open in any browser without a connection, and hold no script.

Slices register a shelf: which of their rows people want to leaf through, and what of them.
"""

from __future__ import annotations

import csv
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from django.template.loader import render_to_string
from django.utils import translation
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from psycopg import Connection, sql

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    Words = str | _StrPromise

PER_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Column:
    """What `text` (SQL) gives, under a label; with `to` and `key` (SQL) a link to that row of another shelf."""

    label: Words
    text: str
    to: str = ""
    key: str = "NULL"
    number: bool = False


@dataclass(frozen=True, slots=True)
class Shelf:
    """Rows to leaf through: `source` is the FROM with its joins, `id` the numbering column, `where` which of them."""

    name: str
    title: Words
    source: str
    id: str
    where: str
    columns: Sequence[Column]
    order: int = 0


_shelves: dict[str, Shelf] = {}


def register(shelf: Shelf) -> None:
    """Add a shelf."""
    _shelves[shelf.name] = shelf


def shown() -> list[Shelf]:
    """All of them, in order."""
    return sorted(_shelves.values(), key=lambda shelf: shelf.order)


def pages(connection: Connection[Any], *, language: str) -> Iterator[tuple[str, bytes]]:
    """Name and text of each page of each shelf, in the language of the firm."""
    with translation.override(language):
        starts = {shelf.name: _starts(connection, shelf) for shelf in shown()}
        for shelf in shown():
            yield from _pages_of(connection, shelf, starts)


def _statement(text: str) -> sql.SQL:
    return sql.SQL(text)  # written by the slices, never by people


def _starts(connection: Connection[Any], shelf: Shelf) -> list[int]:
    """The first number on each page: where a link to a row must lead."""
    inner = f"SELECT {shelf.id} AS id, row_number() OVER (ORDER BY {shelf.id}) - 1 AS at FROM {shelf.source} WHERE {shelf.where}"  # noqa: S608 (written by the slices)
    return [number for (number,) in connection.execute(_statement(f"SELECT id FROM ({inner}) numbered WHERE at %% {PER_PAGE} = 0 ORDER BY at"), [])]  # noqa: S608


def _pages_of(connection: Connection[Any], shelf: Shelf, starts: Mapping[str, list[int]]) -> Iterator[tuple[str, bytes]]:
    wanted = ", ".join(f"({column.text})::text, ({column.key})::bigint" for column in shelf.columns)
    count = len(starts[shelf.name])
    heads = [(str(column.label), column.number) for column in shelf.columns]
    with connection.cursor(f"shelf_{shelf.name}") as cursor:
        cursor.execute(_statement(f"SELECT {shelf.id}, {wanted} FROM {shelf.source} WHERE {shelf.where} ORDER BY {shelf.id}"))  # noqa: S608
        for number in range(1, count + 1):
            body = "\n".join(_row(shelf, row, starts) for row in cursor.fetchmany(PER_PAGE))
            yield _page_name(shelf.name, number), _page(str(shelf.title), heads, body, name=shelf.name, number=number, count=count)


def _row(shelf: Shelf, row: Sequence[Any], starts: Mapping[str, list[int]]) -> str:
    # Rows by the hundred thousand: a template would take half of the archive's time.
    cells = (_cell(column, text, key, starts) for column, text, key in zip(shelf.columns, row[1::2], row[2::2], strict=True))
    return f'<tr id="r{row[0]}">{"".join(cells)}</tr>'


def _cell(column: Column, text: str | None, key: int | None, starts: Mapping[str, list[int]]) -> str:
    shown_text = escape(text or "")
    if column.to and key is not None and (page := bisect_right(starts.get(column.to, []), key)):
        shown_text = f'<a href="{column.to}-{page}.html#r{key}">{shown_text}</a>'
    return f'<td align="right">{shown_text}</td>' if column.number else f"<td>{shown_text}</td>"


def _page_name(name: str, number: int) -> str:
    return f"pages/{name}-{number}.html"


def _page(title: str, heads: Sequence[tuple[str, bool]], body: str, *, name: str, number: int, count: int) -> bytes:
    facts = {
        "title": title, "heads": heads, "body": mark_safe(body), "number": number, "count": count, "language": translation.get_language(),  # noqa: S308 (escaped cell by cell)
        "before": f"{name}-{number - 1}.html" if number > 1 else "", "after": f"{name}-{number + 1}.html" if number < count else "",
    }  # fmt: skip
    return render_to_string("archives/shelf.html", facts).encode()


def pages_of_files(listing: Path, *, language: str) -> Iterator[tuple[str, bytes]]:
    """The files by their names, each a link."""
    with translation.override(language), listing.open(newline="", encoding="utf-8") as first, listing.open(newline="", encoding="utf-8") as second:
        count = -(-max(0, sum(1 for _line in csv.reader(first)) - 1) // PER_PAGE)
        lines = islice(csv.reader(second), 1, None)
        heads = [(str(_("Name")), False), (str(_("Bytes")), True)]
        for number in range(1, count + 1):
            body = "\n".join(_file_row(line) for line in islice(lines, PER_PAGE))
            yield _page_name("files", number), _page(str(_("Files")), heads, body, name="files", number=number, count=count)


def _file_row(line: Sequence[str]) -> str:
    entry, _path, name, size, _sha256 = line
    return f'<tr><td><a href="../{escape(quote(entry))}">{escape(name)}</a></td><td align="right">{escape(size)}</td></tr>'


def index(content: Mapping[str, Any]) -> bytes:
    """The page to open first: what the archive is of and what is in it."""
    with translation.override(content["workspace"]["language"]):
        told = content["files"]
        facts = {
            "content": content, "language": translation.get_language(), "shelves": list(_linked(content["members"])),
            "tables": [(name, table["rows"]) for name, table in sorted(content["tables"].items(), key=lambda pair: (-pair[1]["rows"], pair[0]))],
            "files": told, "more_missing": told["missing"] - len(told["missing_paths"]),
        }  # fmt: skip
        return render_to_string("archives/index.html", facts).encode()


def _linked(members: Iterable[str]) -> Iterator[tuple[str, str]]:
    for name, title in [*((shelf.name, str(shelf.title)) for shelf in shown()), ("files", str(_("Files")))]:
        if _page_name(name, 1) in members:
            yield _page_name(name, 1), title
