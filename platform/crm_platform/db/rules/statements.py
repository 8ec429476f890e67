"""What Citus takes of a statement (tenancy.md section 8). Each rule looks at one plain statement and names itself if broken."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from . import reading


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE | re.DOTALL)


_SIMPLE = {
    "top-level": _pattern(r"\A\s*DO\s*(\$|''|LANGUAGE\b)|\bCREATE\s+(OR\s+REPLACE\s+)?(FUNCTION|PROCEDURE|RULE|AGGREGATE)\b|\A\s*CALL\s+\w+\s*\("),
    "trigger": _pattern(r"\bCREATE\s+(OR\s+REPLACE\s+)?((CONSTRAINT|EVENT)\s+)?TRIGGER\b|\A\s*ALTER\s+TABLE\b.*\b(ENABLE|DISABLE)\s+((ALWAYS|REPLICA)\s+)?TRIGGER\b"),
    "merge": _pattern(r"\bMERGE\s+INTO\b.*\bUSING\b"),
    "size": _pattern(r"\breltuples\b|\bpg_(total_relation|relation|table|indexes)_size\b"),
    "setting": _pattern(r"\A\s*SET\s+((LOCAL|SESSION)\s+)?(?!(CONSTRAINTS|ROLE|search_path|statement_timeout|LOCAL|SESSION)\b)|\bset_config\s*\("),
}  # fmt: skip
_VOLATILE = _pattern(
    r"\b(random|random_normal|gen_random_uuid|uuid_generate_v\w+|uuidv4|uuidv7|clock_timestamp|timeofday|nextval|setval|currval|lastval|pg_sleep\w*|set_config|pg_advisory\w*)\s*\("
)
_UPDATE = _pattern(r'\bUPDATE\s+(ONLY\s+)?([\w".{}%]+\s+(AS\s+)?([\w"]+\s+)?)?SET\b')
_INSERT = _pattern(r"\bINSERT\s+INTO\b")
_SETVAL = _pattern(r"(?<=\bsetval\()")
_TAILS = _pattern(r"\b(ON\s+CONFLICT|RETURNING)\b")
_SELECT, _VALUES = _pattern(r"\bSELECT\b"), _pattern(r"\bVALUES\b")
_IDENTITY = _pattern(r"\bAS\s+IDENTITY\b|\b(small|big)?serial\b")
_BIGINT = _pattern(r"\bbigint\b")
_INLINE = _pattern(r"\A\s*ADD\s+(COLUMN\s+)?.*\b(CHECK\s*\(|UNIQUE\b|PRIMARY\s+KEY\b)")
_ADDS_COLUMN = _pattern(r"\A\s*ADD\s+(?!(CONSTRAINT|CHECK|UNIQUE|PRIMARY|FOREIGN|EXCLUDE|GENERATED)\b)")
_LATE_IDENTITY = _pattern(r"\bIDENTITY\b|\b(small|big)?serial\b|\bSET\s+DEFAULT\s+nextval\b|\bSET\s+GENERATED\b")
_REFERENCES = _pattern(r'\bREFERENCES\s+(?P<table>"?[\w{}%]+"?(\."?[\w{}%]+"?)?)')


def of_statement(statement: str) -> Iterator[str]:
    """The codes of the rules that a statement breaks, whoever runs it."""
    yield from (code for code, pattern in _SIMPLE.items() if pattern.search(statement))
    if any(_VOLATILE.search(part) for part in reading.groups(_UPDATE, statement)):
        yield "volatile"
    if any(_SELECT.search(part) for part in reading.groups(_SETVAL, statement)):
        yield "setval"
    for part in reading.groups(_INSERT, statement):
        yield from _of_insert(part)


def _of_insert(statement: str) -> Iterator[str]:
    outside = _flat(statement)
    tail = _TAILS.search(outside)
    end = tail.start() if tail else len(statement)
    if _SELECT.search(statement, end):
        yield "sub-select"
    values, selects = _VALUES.search(outside, 0, end), _SELECT.search(outside, 0, end)
    if values and not selects and _SELECT.search(statement, values.start(), end):
        yield "sub-select"
    if selects and re.search(r"\bNOT\s+EXISTS\b", statement[selects.start() : end], re.IGNORECASE):
        yield "not-exists"


def _flat(statement: str) -> str:
    """The statement with everything in parentheses blanked, of the same length."""
    signs, depth = [], 0
    for sign in statement:
        depth -= sign == ")"
        signs.append(" " if depth else sign)
        depth += sign == "("
    return "".join(signs)


def of_ddl(statement: str, forbidden_tables: Iterable[str] = ()) -> Iterator[str]:
    """The codes of the rules that a statement of a migration breaks: `forbidden_tables` are those of the control side."""
    yield from of_statement(statement)
    yield from _of_alter(statement)
    if re.match(r"\s*CREATE\s+(UNLOGGED\s+)?TABLE\b", statement, re.IGNORECASE):
        body = statement.partition("(")[2]
        if any(_IDENTITY.search(column) and not _bigint_identity(column) for column in reading.parted(body.rsplit(")", 1)[0], ",")):
            yield "identity"
    if re.match(r"\s*ALTER\s+SEQUENCE\b", statement, re.IGNORECASE):
        yield "identity"
    for found in _REFERENCES.finditer(statement):
        name = reading.bare(found["table"])
        if "." in name or name in forbidden_tables:
            yield "shared-key"


def _bigint_identity(column: str) -> bool:
    return bool(_BIGINT.search(column) and not re.search(r"\bserial\b|\bsmallserial\b", column, re.IGNORECASE))


def _of_alter(statement: str) -> Iterator[str]:
    _table, actions = reading.changes(statement)
    if len(actions) > 1:
        yield "one-change"
    for action in actions:
        if re.match(r"\s*RENAME\s+CONSTRAINT\b", action, re.IGNORECASE):
            yield "rename-constraint"
        if _LATE_IDENTITY.search(action):
            yield "identity"
        if _ADDS_COLUMN.match(action) and _INLINE.match(action):
            yield "inline"


def several(text: str) -> bool:
    """Whether a text holds several statements; Django's own SET CONSTRAINTS beside a foreign key is taken by Citus (tried)."""
    return len([one for one in reading.statements(text) if not re.match(r"SET\s+CONSTRAINTS\b", one, re.IGNORECASE)]) > 1
