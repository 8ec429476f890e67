"""Expand, backfill, tighten: what the previous release, which still serves, survives (decision 0010)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from . import reading
from .releases import Marks, Past

_TABLE = reading.TABLE
_QUOTED = re.compile(r'"([^"]+)"')


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE | re.DOTALL)


_CREATE = _pattern(rf"CREATE\s+(UNLOGGED\s+)?TABLE\s+(IF\s+NOT\s+EXISTS\s+)?{_TABLE}")
_DROP_TABLE = _pattern(rf"DROP\s+(TABLE|VIEW)\s+(IF\s+EXISTS\s+)?{_TABLE}")
_UNIQUE_INDEX = _pattern(rf"CREATE\s+UNIQUE\s+INDEX\b.*?\bON\s+(ONLY\s+)?{_TABLE}(?P<rest>.*)")
_DATA = _pattern(rf"(INSERT\s+INTO|UPDATE(\s+ONLY)?|DELETE\s+FROM(\s+ONLY)?|TRUNCATE(\s+TABLE)?|COPY)\s+{_TABLE}|WITH\b.*\b(INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+(?P<other>\S+)")
_DDL = _pattern(r"(CREATE|ALTER|DROP)\b")
_CONCURRENTLY = _pattern(r"(CREATE\s+(UNIQUE\s+)?|DROP\s+|RE)INDEX\s+CONCURRENTLY\b")
_ADDED = _pattern(r'ADD\s+(COLUMN\s+)?(IF\s+NOT\s+EXISTS\s+)?(?!(CONSTRAINT|CHECK|UNIQUE|PRIMARY|FOREIGN|EXCLUDE|GENERATED)\b)"?(?P<column>\w+)"?(?P<rest>.*)')
_DROPPED = _pattern(r'DROP\s+(?!(CONSTRAINT|DEFAULT|NOT)\b)(COLUMN\s+)?(IF\s+EXISTS\s+)?"?(?P<column>\w+)"?')
_STRICT = _pattern(r'ALTER\s+(COLUMN\s+)?"?(?P<column>\w+)"?\s+((?P<null>SET\s+NOT\s+NULL)|DROP\s+DEFAULT)')
_TYPE = _pattern(r'ALTER\s+(COLUMN\s+)?"?\w+"?\s+(SET\s+DATA\s+)?TYPE\b')
_STRICTER = _pattern(r'ADD\s+(CONSTRAINT\s+"?\w+"?\s+)?(CHECK|UNIQUE|PRIMARY|FOREIGN|EXCLUDE)\b|VALIDATE\s+CONSTRAINT\b')


@dataclass(slots=True)
class Column:
    """A column that this migration adds: the previous release's INSERT says nothing about it."""

    required: bool
    default: bool


@dataclass(slots=True)
class Course:
    """A migration on its way: what it may do, and what it has made so far."""

    past: Past
    release: int
    marks: Marks
    may_tighten: bool = False
    has_backfill: bool = False
    fresh: set[str] = field(default_factory=set)
    added: dict[tuple[str, str], Column] = field(default_factory=dict)

    def knows(self, table: str, column: str = "") -> bool:
        """Whether the models of the previous release name a table, or a column of it."""
        columns = self.past.columns(self.release - 1).get(table)
        return columns is not None and (not column or column in columns)


def of_statement(course: Course, statement: str, *, widened: bool = False) -> Iterator[str]:
    """The codes of the rules of order that a plain statement breaks; notes what it makes."""
    if made := _CREATE.match(statement):
        course.fresh.add(reading.bare(made["table"]))
        return
    yield from _of_data(course, statement)
    if course.marks.step == "backfill" and _DDL.match(statement):
        yield "data-beside-ddl"
    if dropped := _DROP_TABLE.match(statement):
        yield from _of_drop(course, reading.bare(dropped["table"]))
    if unique := _UNIQUE_INDEX.match(statement):
        yield from _of_stricter(course, reading.bare(unique["table"]), unique["rest"])
    table, actions = reading.changes(statement)
    if table and table not in course.fresh:
        for action in actions:
            yield from _of_action(course, table, action, widened=widened)


def of_python(course: Course) -> Iterator[str]:
    """The same for a step in Python, whose tables nobody can see from outside."""
    if course.marks.step != "backfill":
        yield "unmarked-data"


def concurrent(statement: str) -> bool:
    """Whether a statement cannot run in a transaction."""
    return bool(_CONCURRENTLY.match(statement))


def _of_data(course: Course, statement: str) -> Iterator[str]:
    found = _DATA.match(statement)
    if found and course.marks.step != "backfill" and reading.bare(found["table"] or found["other"] or "") not in course.fresh:
        yield "unmarked-data"


def _of_drop(course: Course, table: str, column: str = "") -> Iterator[str]:
    if table in course.fresh or (table, column) in course.added:
        return
    if course.knows(table, column):
        yield "still-used"
    else:
        yield from _of_late(course)


def _of_stricter(course: Course, table: str, text: str) -> Iterator[str]:
    """CHECK, UNIQUE, keys: free over columns that this migration adds. UNIQUE is not, where all rows get the same default."""
    named = [course.added.get((table, column)) for column in _QUOTED.findall(text.partition("(")[2].partition("REFERENCES")[0])]
    equal = re.search(r"\bUNIQUE\b", text, re.IGNORECASE) and all(column and column.default for column in named)
    if table not in course.fresh and (not named or None in named or equal):
        yield from _of_filled(course)


def _of_late(course: Course) -> Iterator[str]:
    if not course.may_tighten:
        yield "needs-tighten"


def _of_filled(course: Course) -> Iterator[str]:
    yield from _of_late(course)
    if course.may_tighten and not course.has_backfill:
        yield "needs-backfill"


def _of_action(course: Course, table: str, action: str, *, widened: bool) -> Iterator[str]:
    if re.match(r"RENAME\b(?!\s+CONSTRAINT\b)", action, re.IGNORECASE):
        yield "rename"
    elif dropped := _DROPPED.match(action):
        yield from _of_drop(course, table, dropped["column"])
    elif _STRICTER.match(action):
        yield from _of_stricter(course, table, action)
    elif _TYPE.match(action):
        yield from () if widened else _of_filled(course)
    else:
        yield from _of_column(course, table, action)


def _of_column(course: Course, table: str, action: str) -> Iterator[str]:
    """A column comes, or an existing one loses its default or takes no NULL any more."""
    if added := _ADDED.match(action):
        rest = added["rest"].upper()
        course.added[table, added["column"]] = column = Column("NOT NULL" in rest, "DEFAULT" in rest)
    elif strict := _STRICT.match(action):
        known = course.added.get((table, strict["column"]))
        if known is None:
            yield from _of_filled(course) if strict["null"] else _of_late(course)
            return
        column = known
        column.required, column.default = column.required or bool(strict["null"]), column.default and bool(strict["null"])
    else:
        return
    if column.required and not column.default:
        yield "new-column"
