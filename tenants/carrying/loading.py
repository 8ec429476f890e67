"""Filling an empty schema with rows: keys and indexes off, COPY, keys and indexes on; all of it in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from psycopg import Connection, OperationalError, sql
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus

from tenants.provisioning import engines

from .tables import Table

Format = Literal["binary", "csv", "text"]
_FORMATS = {"binary": "(FORMAT binary)", "text": "(FORMAT text)", "csv": "(FORMAT csv, HEADER true, FORCE_QUOTE *)"}
_FORMATS_IN = {"binary": "(FORMAT binary)", "text": "(FORMAT text)", "csv": "(FORMAT csv, HEADER true)"}


def copy_out(connection: Connection[Any], schema: str, table: Table, *, form: Format = "binary", read: sql.Composed | None = None) -> Iterator[bytes]:
    """A table's rows in the order of its key, in pieces; as CSV with a heading, every value quoted, NULL as nothing. `read`: what to select, where not all."""
    order = sql.SQL(", ").join(map(sql.Identifier, table.key)) if table.key else sql.SQL("1")
    statement = sql.SQL("COPY (SELECT {} FROM {} ORDER BY {}) TO STDOUT {}").format(
        read or table.names(), sql.Identifier(schema, table.name), order, sql.SQL(_FORMATS[form])
    )
    yield from _copied(connection, statement)


def _copied(connection: Connection[Any], statement: sql.Composed) -> Iterator[bytes]:
    """Straight from libpq: psycopg's own way waits anew for each row, which takes most of the time of a long copy."""
    server = connection.pgconn
    begun = server.exec_(statement.as_bytes(connection))
    if begun.status != ExecStatus.COPY_OUT:
        raise error_from_result(begun, encoding=connection.info.encoding)
    count = 1
    try:
        while count > 0:
            count, piece = server.get_copy_data(0)
            if count > 0:
                yield bytes(piece)
    finally:
        if count > 0:  # nobody wants the rest: the connection is in the middle of it
            connection.close()
    ended = server.get_result()
    while server.get_result():
        pass
    if ended is None or ended.status != ExecStatus.COMMAND_OK:
        raise error_from_result(ended, encoding=connection.info.encoding) if ended is not None else OperationalError("the connection was lost in a copy")


def copy_in(connection: Connection[Any], schema: str, table: Table, pieces: Iterable[bytes], *, form: Format = "binary", columns: tuple[str, ...] | None = None) -> None:
    """Rows that `copy_out` gave, into the same table elsewhere; the columns are those that were read."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN {}").format(sql.Identifier(schema, table.name), table.names(of=columns), sql.SQL(_FORMATS_IN[form]))
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for piece in pieces:
            copy.write(piece)


_KEYS = """
SELECT c.conrelid::regclass::text, quote_ident(c.conname), pg_get_constraintdef(c.oid)
FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid WHERE t.relnamespace = %s::regnamespace AND c.contype = 'f' ORDER BY 1, 2
"""
# Only indexes that read the same when written again: an expression or a condition would come back in other words.
_INDEXES = """
SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
WHERE t.relnamespace = %s::regnamespace AND NOT i.indisprimary AND i.indpred IS NULL AND i.indexprs IS NULL
  AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.contype IN ('u', 'x'))
ORDER BY 1
"""


@contextmanager
def emptied(connection: Connection[Any], schema: str, tables: Sequence[Table], *, say: Callable[[str], None] = lambda step: None) -> Iterator[None]:
    """Empty a schema for the block to fill, within the caller's transaction; its keys and indexes are off meanwhile and checked at the end.

    Needs the owner's login. Raises psycopg's IntegrityError where what was loaded breaks a key.
    """
    connection.execute(sql.SQL("SET LOCAL search_path = {}; SET LOCAL maintenance_work_mem = '256MB'").format(sql.Identifier(schema)))
    keys = connection.execute(_KEYS, [schema]).fetchall()
    indexes = connection.execute(_INDEXES, [schema]).fetchall()
    for table, name, _definition in keys:
        connection.execute(sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(sql.SQL(table), sql.SQL(name)))  # the catalogue's own writing
    for name, _definition in indexes:
        connection.execute(sql.SQL("DROP INDEX {}").format(sql.SQL(name)))
    if tables:
        connection.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(sql.Identifier(schema, table.name) for table in tables)))
    yield
    say("indexes")
    for _name, definition in indexes:
        connection.execute(definition)
    say("keys")
    for table, name, definition in keys:
        connection.execute(sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}").format(sql.SQL(table), sql.SQL(name), sql.SQL(definition)))
    for table in tables if engines.of(connection).analyses else ():
        connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(schema, table.name)))
