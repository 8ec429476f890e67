"""Whether anything came through: every row of a workspace by count and sum, and its texts and numbers in an answer."""

from __future__ import annotations

import html
import io
import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from django.db import connection
from psycopg import sql

from crm_platform.db import sides
from crm_platform.kernel.workspace import Place

from .houses import OTHERS_IDS, House

# What a visit writes although it was refused, and why that is no change.
RESTLESS_TABLES = {
    "django_session": "any visit, also a stranger's, may begin a session or write its own",
    "usersessions_usersession": "the list of sessions follows them",
}
RESTLESS_COLUMNS = {
    "person": {"last_seen_at", "last_login"},  # when somebody was last here
    "api_token": {"last_used_at"},  # the same of a program
}
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d")
_NUMBER = re.compile(r"(?<!\d)\d{10}(?!\d)")
_SHORTEST = 8
_NAMING, _WORD = re.compile(r"(^|_)(uid|uuid|code|public_id|slug)$"), re.compile(r"[-\w]{6,64}")
IDS = range(OTHERS_IDS, OTHERS_IDS + 10**7)
# Columns of amounts: a number there counts something, it names no row.
_AMOUNTS = re.compile(r"(minor|size|rank|quantity|amount|total|position|hue|used|version|count|bytes|num)$")


def tables() -> list[str]:
    """Every table of the workspace's schema, by the catalogue. Inside a unit."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace ORDER BY 1")
        return [name for (name,) in cursor.fetchall()]


def rows() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every row of the workspace as plain values. Inside a unit."""
    for table in tables():
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("SELECT to_jsonb(t) FROM {} t").format(sql.Identifier(table)))
            for (row,) in cursor.fetchall():
                yield table, json.loads(row) if isinstance(row, str) else row


def names(place: Place) -> dict[tuple[str, str, int], str]:
    """The words that rows may be named by in an address or a body: (table, column, row) → a uid, a UUID, a code. Opens a unit."""
    with sides.unit(place):
        return {
            (table, column, row.get("id") or 0): value
            for table, row in rows()
            for column, value in row.items()
            if isinstance(value, str) and _NAMING.search(column) and _WORD.fullmatch(value)
        }


def few(named: Mapping[tuple[str, str, int], str]) -> list[str]:
    """One word of each table and column."""
    return list(dict.fromkeys({(table, column): word for (table, column, _row), word in named.items()}.values()))


def fingerprint(place: Place, *, without: Iterable[str] = ()) -> dict[str, tuple[int, str]]:
    """Table → (rows, sum of their contents), of the whole schema but for what a visit writes. Opens a unit."""
    with sides.unit(place), connection.cursor() as cursor:
        found = [table for table in tables() if table not in RESTLESS_TABLES and table not in set(without)]
        parts = [
            sql.SQL("SELECT {name}, count(*), coalesce(md5(string_agg(one, '' ORDER BY one)), '') FROM (SELECT md5((to_jsonb(t) - {left}::text[])::text) AS one FROM {table} t) s").format(
                name=sql.Literal(table), table=sql.Identifier(table), left=sql.Literal(sorted(RESTLESS_COLUMNS.get(table, ())))
            )
            for table in found
        ]
        cursor.execute(sql.SQL(" UNION ALL ").join(parts))
        return {name: (count, total) for name, count, total in cursor.fetchall()}


def changes(before: dict[str, tuple[int, str]], after: dict[str, tuple[int, str]]) -> list[str]:
    """The tables that differ."""
    return sorted(table for table in before.keys() | after.keys() if before.get(table) != after.get(table))


@dataclass(slots=True)
class Secrets:
    """What an answer to another must not hold: a house's own texts, and its numbers where they are nobody else's.

    `others` are the numbers by which programs know the other houses: made by lot, they may lie among this one's ids.
    """

    house: House
    texts: list[str]
    numbers: bool
    others: frozenset[str] = frozenset()

    def found_in(self, answer: str, *, asked: str) -> str:
        """The first text or number of the house in an answer that the question did not itself bring; empty where there is none."""
        for text in self.texts:
            if _stands(text, answer) and text not in asked:
                return text
        if self.numbers:
            said = {number for number in _NUMBER.findall(answer) if int(number) in IDS}
            foreign: set[str] = said - set(_NUMBER.findall(asked)) - self.others
            if foreign:
                return min(foreign)
        return ""


def _stands(text: str, answer: str) -> bool:
    """Whether an answer holds a text; one of figures alone stands by itself, for a larger number is another."""
    return text in answer and (not text.isdecimal() or re.search(rf"(?<!\d){text}(?!\d)", answer) is not None)


def secrets_of(house: House, others: Iterable[House]) -> Secrets:
    """Its texts of some length that no other house has too (the names of stages are everybody's)."""
    beside = list(others)
    common = {text for one in beside for text in _texts_of(one.place)}
    own = sorted(text for text in _texts_of(house.place) - common if house.mark not in text)
    return Secrets(house, [house.mark, house.place.schema, *own], numbers=_counts_apart(house), others=frozenset(str(one.place.number) for one in beside))


def _counts_apart(house: House) -> bool:
    with sides.unit(house.place):
        return any(isinstance(row.get("id"), int) and row["id"] in IDS for _table, row in rows())


def _texts_of(place: Place) -> set[str]:
    with sides.unit(place):
        return {text for _table, row in rows() for text in _walk_texts(row) if len(text) >= _SHORTEST and not _MOMENT.match(text)}


def numbers_written(place: Place) -> set[str]:
    """The numbers like those of another that stand in texts of a workspace's rows: not as whose row it is, but as what it is called. Opens a unit."""
    return {number for text in _texts_of(place) for number in _NUMBER.findall(text) if int(number) in IDS}


def _walk_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _walk_texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _walk_texts(one)


def references(place: Place, ids: range = IDS) -> list[str]:
    """Where rows of a workspace name numbers of another: "table.column: number". Opens a unit."""
    with sides.unit(place):
        return sorted({f"{table}.{name}: {number}" for table, row in rows() for name, value in row.items() for number in _walk_numbers(value, name) if number in ids})


def _walk_numbers(value: Any, name: str) -> Iterator[int]:
    if isinstance(value, int) and not isinstance(value, bool):
        if not _AMOUNTS.search(name):
            yield value
    elif isinstance(value, dict):
        for inner, one in value.items():
            yield from _walk_numbers(one, inner)
    elif isinstance(value, list):
        for one in value:
            yield from _walk_numbers(one, name)


def rows_with(place: Place, text: str) -> list[str]:
    """The tables of a workspace in which a text stands. Opens a unit."""
    with sides.unit(place):
        return sorted({table for table, row in rows() if text in json.dumps(row, ensure_ascii=False)})


def said(response: Any) -> str:
    """Everything an answer says: head and body, streamed or packed."""
    body = b"".join(response.streaming_content) if response.streaming else response.content
    response.close()
    if body[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(body)) as packed:
            body = b"\n".join(packed.read(name) for name in packed.namelist())
    text = body.decode("utf-8", "replace")
    head = "\n".join(f"{name}: {value}" for name, value in response.items())
    return unquote_plus(head) + "\n" + (html.unescape(text) if "&" in text else text)
