"""What a schema holds: its tables, columns, keys and counters, by the catalogue of that schema alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from psycopg import Connection, sql

from tenants.provisioning import engines

# Rows as text must read the same on every server.
SAME_TEXT = "SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO'; SET LOCAL IntervalStyle = 'postgres'; SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'"


@dataclass(frozen=True, slots=True)
class Column:
    """`type` is PostgreSQL's own writing of it ("bigint", "character varying(40)"); `counted` where an identity gives the numbers."""

    name: str
    type: str
    nullable: bool
    counted: bool


@dataclass(frozen=True, slots=True)
class Table:
    """One table: columns in the schema's order, `key` the columns of its primary key."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    def names(self, *, of: tuple[str, ...] | None = None) -> sql.Composed:
        """Its columns for a statement, sorted, so that schemas grown in another order agree."""
        return sql.SQL(", ").join(sql.Identifier(name) for name in of or self.sorted_names)

    @property
    def sorted_names(self) -> tuple[str, ...]:
        """The names of its columns, sorted."""
        return tuple(sorted(column.name for column in self.columns))


@dataclass(frozen=True, slots=True)
class Sum:
    """What a table amounts to: how many rows, and a sum over them that does not depend on their order."""

    rows: int
    sum: str


_TABLES = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull, a.attidentity <> '',
       coalesce(array_position(i.indkey::smallint[], a.attnum), -1)
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
WHERE c.relnamespace = %s::regnamespace AND c.relkind IN ('r', 'p') ORDER BY c.relname, a.attnum
"""


def tables(connection: Connection[Any], schema: str) -> list[Table]:
    """The tables of a schema, by name."""
    found: dict[str, list[tuple[Column, int]]] = {}
    for table, name, kind, nullable, counted, position in connection.execute(_TABLES, [schema]):
        found.setdefault(table, []).append((Column(name, kind, nullable, counted), position))
    return [_table(name, columns) for name, columns in found.items()]


def _table(name: str, columns: list[tuple[Column, int]]) -> Table:
    key = sorted((position, column.name) for column, position in columns if position >= 0)
    return Table(name, tuple(column for column, _position in columns), tuple(column for _position, column in key))


def counters(connection: Connection[Any], schema: str, found: list[Table]) -> dict[str, int]:
    """The next number that each table with an identity will give, by table."""
    numbers = {}
    for table in found:
        for column in (column.name for column in table.columns if column.counted):
            [(sequence,)] = connection.execute("SELECT pg_get_serial_sequence(%s, %s)", [sql.Identifier(schema, table.name).as_string(connection), column])
            [(last, called)] = connection.execute(sql.SQL("SELECT last_value, is_called FROM {}").format(_qualified(sequence)))
            numbers[table.name] = last + 1 if called else last
    return numbers


def count_on(connection: Connection[Any], schema: str, found: list[Table], numbers: dict[str, int]) -> None:
    """Let each identity go on with the number given, at once and for good; a table not named keeps its own."""
    for table in found:
        for column in (column.name for column in table.columns if column.counted and table.name in numbers):
            named = sql.Identifier(schema, table.name).as_string(connection)
            connection.execute("SELECT setval(pg_get_serial_sequence(%s, %s), %s, false)", [named, column, numbers[table.name]])


def _qualified(sequence: str) -> sql.Identifier:
    """PostgreSQL quotes such a name only where it must; ours are plain words."""
    return sql.Identifier(*(part.strip('"') for part in sequence.split(".")))


def sums(connection: Connection[Any], schema: str, found: list[Table], *, read: Callable[[Table], sql.Composed] = Table.names) -> dict[str, Sum]:
    """Rows and sum of each table, as the transaction sees them; `read` says what of a row counts, where not all of it does."""
    with connection.transaction():
        connection.execute(SAME_TEXT)
        return {table.name: _sum(connection, schema, table, read(table)) for table in found}


def _sum(connection: Connection[Any], schema: str, table: Table, read: sql.Composed) -> Sum:
    # 60 bits of each row's hash, added up as numerics: the order of rows does not matter, a doubled row does.
    statement = sql.SQL("SELECT count(*), coalesce(sum(('x' || substr(md5(ROW({})::text), 1, 15))::bit(60)::bigint), 0)::text FROM {}")
    [(rows, total)] = connection.execute(statement.format(read, sql.Identifier(schema, table.name)))
    return Sum(rows, total)


@contextmanager
def snapshot(connection: Connection[Any]) -> Iterator[None]:
    """One moment for everything read in the block, on a connection in autocommit; it begins with the first statement."""
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


def oldest(connection: Connection[Any], schema: str) -> int:
    """The oldest transaction that the present snapshot of a schema does not see yet."""
    [(found,)] = connection.execute(sql.SQL(engines.of(connection).oldest).format(sql.Identifier(schema, "django_migrations")))
    return int(found)
