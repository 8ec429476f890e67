"""Changing one workspace: its own transactions, a lock timeout, indexes of large tables beside them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from psycopg import Connection, errors, sql

from crm_platform.db.sides import control_unit
from crm_platform.kernel.points import reached
from tenants.models import Workspace
from tenants.provisioning import engines, owner, template

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
    pieces = plan.pieces(applied(connection, schema))
    indexed = _indexed(pieces)
    big = engines.of(connection).large(connection, schema, indexed, least=large) if indexed else frozenset()
    open_indexes = list(indexes)
    for piece in pieces:
        if piece.statements is None:
            plan.by_django(cell, schema, piece.names)
            reached("rollout.python")
            continue
        inside, beside = _split(piece.statements, big)
        if beside:
            open_indexes += [statement for statement in beside if statement not in open_indexes]
            keep_indexes(open_indexes)
            reached("rollout.postponed")
        _replay(connection, schema, inside, grants=piece.makes_tables)
        reached("rollout.piece")
    for statement in open_indexes:
        _index_beside(connection, schema, statement)
        reached("rollout.index")


def bring_alone(workspace: Workspace) -> None:
    """Bring a schema that nobody works in yet, a spare or a restored one, to this release, and note it on its row. Needs the owner's login; opens a control unit.

    Indexes left to be made are noted nowhere: where this is cut short, such a schema is dropped and made anew.
    """
    with owner.direct(workspace.alias) as connection:
        bring(connection, cell=workspace.alias, schema=workspace.schema_name, keep_indexes=lambda left: None)
    with control_unit():
        workspace.template_version = template.fingerprint()
        workspace.save(update_fields=["template_version"])


def applied(connection: Connection[Any], schema: str) -> plan.Applied:
    """The migrations of workspace applications that a schema has, by its own list ("label.name")."""
    ours = plan.labels()
    rows = connection.execute(sql.SQL("SELECT app, name FROM {}.django_migrations").format(sql.Identifier(schema))).fetchall()
    return frozenset(f"{app}.{name}" for app, name in rows if app in ours)


def _indexed(pieces: Iterable[plan.Piece]) -> list[str]:
    """The tables that get an index."""
    found = (_INDEX.match(statement) for piece in pieces for statement in piece.statements or ())
    return sorted({match[3].strip('"') for match in found if match})


def _split(statements: Iterable[str], big: frozenset[str]) -> tuple[list[str], list[str]]:
    inside: list[str] = []
    beside: list[str] = []
    for statement in statements:
        found = _INDEX.match(statement)
        (beside if found and found[3].strip('"') in big else inside).append(statement)
    return inside, beside


def _replay(connection: Connection[Any], schema: str, statements: Sequence[str], *, grants: bool) -> None:
    name = sql.Identifier(schema)
    packet: list[sql.SQL | sql.Composed] = [sql.SQL("BEGIN"), sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(LOCK_TIMEOUT)), sql.SQL("SET LOCAL search_path = {}").format(name)]
    packet += [sql.SQL(one) for one in statements]  # recorded from the release's own migrations
    packet += [sql.SQL(owner.RIGHTS).format(name)] if grants else []
    try:
        engines.of(connection).send(connection, [*packet, sql.SQL("COMMIT")])
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
