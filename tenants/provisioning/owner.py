"""The keeper's connections, one to each database: DDL, roles, grants. Only its process has the aliases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

import psycopg
from django.conf import settings
from django.db import connections
from psycopg import ClientCursor, sql
from psycopg.pq import TransactionStatus

from crm_platform.db.sides import seat
from crm_platform.kernel.errors import CrmError

from . import engines


class NotTheKeeper(CrmError):
    """This process does not hold the owner's login."""

    code, status = "not_the_keeper", 500
    sentence = "This needs the owner's login (DATABASE_OWNER_URL), which only the keeper and the command line hold."


FIRST = "cell1"
# What a workspace's role may do with all that stands in its schema; {0} is the name of both.
RIGHTS = "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {0} TO {0}; GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {0} TO {0}"
# The same by name: ON ALL reads the whole catalogue, six times over, which grows with every workspace. What stands in a schema is found by its dependence on it, by an index.
_RIGHTS_BY_NAME = "GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE {tables} TO {role}; GRANT USAGE, SELECT ON SEQUENCE {counters} TO {role}"
_HOLDS = """
SELECT c.relkind = 'S', c.relname FROM pg_depend d JOIN pg_class c ON c.oid = d.objid
WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = %s::regnamespace AND d.classid = 'pg_class'::regclass AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') ORDER BY c.relname
"""
_cell: ContextVar[str] = ContextVar("owner_cell", default=FIRST)


def held(cell: str = FIRST) -> bool:
    """Whether this process holds the owner's login of a database."""
    return settings.OWNERS.get(cell) in connections.settings


@contextmanager
def seated(cell: str = FIRST) -> Iterator[Any]:
    """Seat the owner's connection to a database of workspaces and give it; `run` speaks to it. Raises NotTheKeeper."""
    if not held(cell):
        raise NotTheKeeper
    token = _cell.set(cell)
    try:
        with seat(settings.OWNERS[cell]):
            yield connection()
    finally:
        _cell.reset(token)


def connection() -> Any:
    """The owner's connection that is seated, the first database's where none is."""
    return connections[settings.OWNERS[_cell.get()]]


def run(statement: Any, params: Any = None) -> list[tuple[Any, ...]]:
    """One statement, or a script of several, on the seated owner's connection; returns rows where there are any.

    It is made anew where its server has gone: Django learns of that only by its own cursors.
    """
    seated_here = connection()
    if seated_here.connection is not None and seated_here.connection.closed and not seated_here.in_atomic_block:
        seated_here.close()
    seated_here.ensure_connection()
    with ClientCursor(seated_here.connection) as cursor:
        try:
            cursor.execute(statement, params)
        except psycopg.Error:
            if not seated_here.in_atomic_block and seated_here.connection.info.transaction_status == TransactionStatus.INERROR:
                seated_here.connection.rollback()  # a packet that began one must not swallow what comes next
            raise
        return cursor.fetchall() if cursor.description else []


def engine() -> engines.Engine:
    """What kind of server the seated database is on."""
    seated_here = connection()
    seated_here.ensure_connection()
    return engines.of(seated_here.connection)


@contextmanager
def direct(cell: str = FIRST) -> Iterator[psycopg.Connection[Any]]:
    """A connection of its own to a database, in autocommit, closed at the end: for long copies and for work in threads. Raises NotTheKeeper."""
    if not held(cell):
        raise NotTheKeeper
    login, link = settings.DATABASES[settings.OWNERS[cell]], settings.DATABASE_LINK
    with psycopg.connect(
        host=login["HOST"], port=login["PORT"] or None, user=login["USER"], password=login["PASSWORD"], dbname=login["NAME"],
        autocommit=True, application_name="kartoteka", **link,
    ) as made:  # fmt: skip
        engines.of(made).prepare(made)
        yield made


def holds(schema: str) -> dict[str, list[str]]:
    """The names of what stands in a schema of the seated database: `tables` and `counters`."""
    found = run(_HOLDS, [schema])
    return {"tables": [name for counts, name in found if not counts], "counters": [name for counts, name in found if counts]}


def rights(schema: str, names: Mapping[str, Sequence[str]]) -> sql.Composed:
    """The grants of a workspace's role on what stands in its schema, by the names that `holds` gives; on all there is where they are not known."""
    if not names.get("tables") or not names.get("counters"):
        return sql.SQL(RIGHTS).format(sql.Identifier(schema))
    lists = {kind: sql.SQL(", ").join(sql.Identifier(schema, name) for name in names[kind]) for kind in ("tables", "counters")}
    return sql.SQL(_RIGHTS_BY_NAME).format(role=sql.Identifier(schema), **lists)


@contextmanager
def alone(number: int) -> Iterator[None]:
    """Work on a workspace that no other keeper or command works on meanwhile."""
    run("SELECT pg_advisory_lock(hashtext('workspace'), %s::int)", [number % 2**31])
    try:
        yield
    finally:
        run("SELECT pg_advisory_unlock(hashtext('workspace'), %s::int)", [number % 2**31])


@contextmanager
def tried(connection: psycopg.Connection[Any], matter: str, number: int) -> Iterator[bool]:
    """A workspace's turn in a matter for the block, without waiting for it; False where another process or thread has it.

    It ends with the connection, so a killed holder keeps nothing. Let go of at the end all the same: a server lets go of a
    closed connection's a moment later, and who comes next would find the turn taken. The matter "workspace" is that of `alone`.
    """
    asked = [matter, number % 2**31]
    [(mine,)] = connection.execute("SELECT pg_try_advisory_lock(hashtext(%s), %s::int)", asked)
    try:
        yield bool(mine)
    finally:
        if mine:
            with suppress(psycopg.Error):  # gone with the connection, if that is gone
                connection.execute("SELECT pg_advisory_unlock(hashtext(%s), %s::int)", asked)


def has_workspace(name: str) -> bool:
    """Whether the seated database has a schema or (the server) a role of this name."""
    [(found,)] = run("SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = %s) OR EXISTS (SELECT 1 FROM pg_roles WHERE rolname = %s)", [name, name])
    return bool(found)


def has_schema(name: str) -> bool:
    """Whether the seated database has a schema of this name."""
    return bool(run("SELECT 1 FROM pg_namespace WHERE nspname = %s", [name]))


def drop_workspace(name: str) -> None:
    """Drop a workspace's schema and role, both or neither; what of them is missing already is no hindrance.

    Who made a role may take membership in it; without, only a superuser may drop what it owns, and a rented server gives no such.
    """
    schema = sql.Identifier(name)
    packet = "BEGIN; DROP SCHEMA IF EXISTS {0} CASCADE; COMMIT"
    if run("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]):
        packet = f"BEGIN; {engine().turn}" + " GRANT {0} TO CURRENT_USER; DROP SCHEMA IF EXISTS {0} CASCADE; DROP OWNED BY {0}; DROP ROLE {0}; COMMIT"
    run(sql.SQL(packet).format(schema))


def version() -> int:
    """The server's version, like 180001."""
    [(found,)] = run("SELECT current_setting('server_version_num')::int")
    return int(found)
