"""The fence around a schema whose workspace has gone elsewhere: whoever still believes the old place gets no row, and asks again."""

from __future__ import annotations

from typing import Any

from psycopg import Connection, sql

from tenants.provisioning import owner


def close(schema: str, *, connection: Connection[Any] | None = None) -> None:
    """Take the workspace role's rights on its schema away, in the transaction the caller holds on the owner's connection (the seated one)."""
    statement = sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA {0} FROM {0}; REVOKE ALL ON ALL SEQUENCES IN SCHEMA {0} FROM {0}; REVOKE ALL ON SCHEMA {0} FROM {0}")
    _run(statement.format(sql.Identifier(schema)), connection)


def open_again(schema: str, *, connection: Connection[Any] | None = None) -> None:
    """Give them back: what was fenced off is the workspace's place again."""
    statement = sql.SQL("GRANT USAGE ON SCHEMA {0} TO {0}; " + owner.RIGHTS)
    _run(statement.format(sql.Identifier(schema)), connection)


def closed(schema: str) -> bool:
    """Whether the fence is up, in the seated database."""
    [(may,)] = owner.run("SELECT has_schema_privilege(%s, %s, 'USAGE')", [schema, schema])
    return not may


def _run(statement: sql.Composed, connection: Connection[Any] | None) -> None:
    if connection is None:
        owner.run(statement)
    else:
        connection.execute(statement)
