"""Changing one workspace: its own transactions, a lock timeout, indexes of large tables beside them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from psycopg import Connection, errors, sql

from . import plan

# How long a change waits for those who use the table, holding up whoever comes after.
LOCK_TIMEOUT = "2s"
# From so many rows on, an index is made without stopping writers (design section 5).
LARGE = 200_000
_INDEX = re.compile(r'CREATE (UNIQUE )?INDEX ("[^"]+"|\w+) ON ("[^"]+"|\w+) ')
# Worth another try: somebody held the table, or the server went away.
TRANSIENT = (errors.LockNotAvailable, errors.DeadlockDetected, errors.SerializationFailure, errors.OperationalError, errors.ConnectionException)

KeepIndexes = Callable[[list[str]], None]


def bring(connection: Connection[Any], *, cell: str, schema: str, indexes: Sequence[str] = (), keep_indexes: KeepIndexes, large: int = LARGE) -> None:
    """Bring one workspace to this release. Done before or half-way, it does what is missing.

    `connection` is an owner's of the workspace's database, in autocommit. `indexes` are those an earlier try has left to be
    made; `keep_indexes` is told of such before they are left. Raises what PostgreSQL says, with nothing of the piece done.
    """
    applied, big = _look(connection, schema, large=large)
    open_indexes = list(indexes)
    for piece in plan.pieces(applied):
        if piece.statements is None:
            plan.by_django(cell, schema, piece.names)
            continue
        inside, beside = _split(piece.statements, big)
        if beside:
            open_indexes += [statement for statement in beside if statement not in open_indexes]
            keep_indexes(open_indexes)
        _replay(connection, schema, inside, grants=piece.makes_tables)
    for statement in open_indexes:
        _index_beside(connection, schema, statement)


def _look(connection: Connection[Any], schema: str, *, large: int) -> tuple[plan.Applied, frozenset[str]]:
    """What the workspace has, and its large tables, in one round trip."""
    query = sql.SQL(
        "SELECT app || '.' || name, true FROM {}.django_migrations UNION ALL"
        " SELECT relname, false FROM pg_class WHERE relnamespace = {}::regnamespace AND relkind = 'r' AND reltuples >= {}"
    )
    rows = connection.execute(query.format(sql.Identifier(schema), sql.Literal(schema), sql.Literal(large))).fetchall()
    ours = plan.labels()
    applied = frozenset(name for name, is_migration in rows if is_migration and name.partition(".")[0] in ours)
    return applied, frozenset(name for name, is_migration in rows if not is_migration)


def _split(statements: Iterable[str], big: frozenset[str]) -> tuple[list[str], list[str]]:
    inside: list[str] = []
    beside: list[str] = []
    for statement in statements:
        found = _INDEX.match(statement)
        (beside if found and found[3].strip('"') in big else inside).append(statement)
    return inside, beside


def _replay(connection: Connection[Any], schema: str, statements: Sequence[str], *, grants: bool) -> None:
    packet = (
        sql.SQL("BEGIN; SET LOCAL lock_timeout = {}; SET LOCAL search_path = {}; ").format(sql.Literal(LOCK_TIMEOUT), sql.Identifier(schema))
        + sql.SQL(";\n".join(statements))  # recorded from the release's own migrations
        + (sql.SQL("; ") + plan.GRANTS.format(sql.Identifier(schema)) if grants else sql.SQL(""))
        + sql.SQL("; COMMIT")
    )
    try:
        connection.execute(packet)
    except BaseException:
        if not connection.closed:
            connection.execute("ROLLBACK")
        raise


def _index_beside(connection: Connection[Any], schema: str, statement: str) -> None:
    """Make an index without stopping writers; what an interrupted try has left is made anew."""
    found = _INDEX.match(statement)
    if found is None:
        raise ValueError("not an index")
    name = found[2].strip('"')
    connection.execute(sql.SQL("SET search_path = {}").format(sql.Identifier(schema)))
    try:
        state = connection.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [sql.Identifier(name).as_string(connection)]).fetchone()
        if state == (True,):
            return
        if state is not None:
            connection.execute(sql.SQL("DROP INDEX CONCURRENTLY {}").format(sql.Identifier(name)))
        connection.execute(sql.SQL(statement.replace("INDEX ", "INDEX CONCURRENTLY ", 1)))
    finally:
        if not connection.closed:
            connection.execute("RESET search_path")
