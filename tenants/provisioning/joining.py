"""Joining recorded statements: what the migrations do to a table step by step, its CREATE TABLE says at once.

Each ALTER makes the server read the table's description anew, and each statement is a round through its catalogue: joined,
a schema is made in two thirds of the time. What is not known here stays where it stands and ends the joining for its
table; what joining might get wrong, the proof finds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

_CREATE = re.compile(r'CREATE TABLE "(?P<table>[^"]+)" \(.*\)\Z', re.DOTALL)
# A column with a key of its own is followed by the command that checks it at once: a fresh table has nothing to check.
_COLUMN = re.compile(r'ALTER TABLE "(?P<table>[^"]+)" ADD COLUMN (?P<part>"[^;]*?)(; SET CONSTRAINTS "[^"]+" IMMEDIATE)?\Z', re.DOTALL)
_CONSTRAINT = re.compile(r'ALTER TABLE "(?P<table>[^"]+)" ADD (?P<part>CONSTRAINT "[^"]+" (?P<kind>CHECK|UNIQUE|FOREIGN KEY) [^;]*)\Z', re.DOTALL)
_INDEX = re.compile(r'CREATE (UNIQUE )?INDEX (IF NOT EXISTS )?"(?P<name>[^"]+)" ON "(?P<table>[^"]+)" ')
_DROP_INDEX = re.compile(r'DROP INDEX (IF EXISTS )?"(?P<name>[^"]+)"\Z')
_INSERT = re.compile(r'(?P<head>INSERT INTO "(?P<table>[^"]+)" \([^)]*\) VALUES )(?P<row>\(.*\))(?P<tail> RETURNING [^;\']+)\Z', re.DOTALL)
_REFERENCES = re.compile(r'\bREFERENCES "([^"]+)"')
_NAMED = re.compile(r'"([^"]+)"')


@dataclass(slots=True)
class _Table:
    """A table as it grows: `open` to columns and keys as long as nothing unknown has touched it, to uniques until its first index."""

    parts: list[str] = field(default_factory=list)
    open: bool = True
    indexed: bool = False

    def needs(self, name: str) -> set[str]:
        return {found for part in self.parts for found in _REFERENCES.findall(part)} - {name}


def joined(statements: Iterable[str]) -> list[str]:
    """The same schema by fewer statements: first the tables, in the order of their keys, then all else as it came."""
    tables: dict[str, _Table] = {}
    later: list[str] = []
    for statement in statements:
        if made := _CREATE.match(statement):
            tables[made["table"]] = _Table([statement[:-1]])
        elif not _taken_in(tables, statement) and not _cancelled(later, statement):
            later.append(statement)
            _close(tables, statement)
    return [*_in_order(tables), *_rows_together(later)]


def _taken_in(tables: dict[str, _Table], statement: str) -> bool:
    """Whether a table took the statement into its own."""
    found = _COLUMN.match(statement) or _CONSTRAINT.match(statement)
    table = tables.get(found["table"]) if found else None
    if found is None or table is None or not table.open or (found.groupdict().get("kind") == "UNIQUE" and table.indexed):
        return False
    wanted = set(_REFERENCES.findall(found["part"])) - {found["table"]}
    if any(one not in tables or _reaches(tables, one, found["table"]) for one in wanted):
        return False  # two tables that name each other: one key must come later
    table.parts.append(found["part"])
    return True


def _reaches(tables: dict[str, _Table], start: str, end: str) -> bool:
    seen, waiting = set(), [start]
    while waiting:
        name = waiting.pop()
        if name == end:
            return True
        if name not in seen and name in tables:
            seen.add(name)
            waiting += tables[name].needs(name)
    return False


def _cancelled(later: list[str], statement: str) -> bool:
    """An index that a later migration drops is not made."""
    dropped = _DROP_INDEX.match(statement)
    made = [one for one in later if dropped and (index := _INDEX.match(one)) and index["name"] == dropped["name"]]
    for one in made:
        later.remove(one)
    return bool(made)


def _close(tables: dict[str, _Table], statement: str) -> None:
    """What a table has been through beside its own statements."""
    if index := _INDEX.match(statement):
        if index["table"] in tables:
            tables[index["table"]].indexed = True
    elif not _INSERT.match(statement) and not _CONSTRAINT.match(statement):
        for name in _NAMED.findall(statement):
            if name in tables:
                tables[name].open = False


def _in_order(tables: dict[str, _Table]) -> list[str]:
    """Each after those its keys name; they came without circles."""
    made: dict[str, str] = {}

    def make(name: str) -> None:
        for needed in sorted((tables[name].needs(name) & tables.keys()) - made.keys(), key=list(tables).index):
            make(needed)
        made.setdefault(name, ", ".join(tables[name].parts) + ")")

    for name in tables:
        make(name)
    return list(made.values())


def _rows_together(statements: Iterable[str]) -> list[str]:
    """Rows of one table that follow each other, but for statements that do not name it, are one INSERT."""
    found: list[str] = []
    rows: dict[str, int] = {}
    for statement in statements:
        insert = _INSERT.match(statement)
        if insert is None:
            for head in [head for head in rows if head.split('"')[1] in _NAMED.findall(statement)]:
                del rows[head]
            found.append(statement)
        elif insert["head"] in rows:
            found[rows[insert["head"]]] += f", {insert['row']}"
        else:
            rows[insert["head"]] = len(found)
            found.append(insert["head"] + insert["row"])
    return found
