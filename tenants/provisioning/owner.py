"""The keeper's connection: DDL, roles, grants. Only its process has the alias."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from django.db import connections
from psycopg import ClientCursor, sql

from crm_platform.db.sides import OWNER, seat
from crm_platform.kernel.errors import CrmError


class NotTheKeeper(CrmError):
    """This process does not hold the owner's login."""

    code, status = "not_the_keeper", 500
    sentence = "This needs the owner's login (DATABASE_OWNER_URL), which only the keeper and the command line hold."


def held() -> bool:
    """Whether this process holds the owner's login."""
    return OWNER in connections.settings


@contextmanager
def seated() -> Iterator[Any]:
    """Seat the owner's connection and give it; raises NotTheKeeper."""
    if not held():
        raise NotTheKeeper
    with seat(OWNER):
        yield connections[OWNER]


def run(statement: Any, params: Any = None) -> list[tuple[Any, ...]]:
    """One statement, or a script of several, on the owner's connection; returns rows where there are any."""
    connection = connections[OWNER]
    connection.ensure_connection()
    with ClientCursor(connection.connection) as cursor:
        cursor.execute(statement, params)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def alone(number: int) -> Iterator[None]:
    """Work on a workspace that no other keeper or command works on meanwhile."""
    run("SELECT pg_advisory_lock(hashtext('workspace'), %s::int)", [number % 2**31])
    try:
        yield
    finally:
        run("SELECT pg_advisory_unlock(hashtext('workspace'), %s::int)", [number % 2**31])


def drop_workspace(name: str) -> None:
    """Drop a workspace's schema and role, both or neither.

    Who made a role may take membership in it; without, only a superuser may drop what it owns, and a rented server gives no such.
    """
    schema = sql.Identifier(name)
    try:
        run(sql.SQL("BEGIN; GRANT {0} TO CURRENT_USER; DROP SCHEMA IF EXISTS {0} CASCADE; DROP OWNED BY {0}; DROP ROLE {0}; COMMIT").format(schema))
    except psycopg.Error:
        with suppress(psycopg.Error):  # the open transaction must not swallow what comes next
            run("ROLLBACK")
        raise


def version() -> int:
    """The server's version, like 180001."""
    [(found,)] = run("SELECT current_setting('server_version_num')::int")
    return int(found)
