"""Rows laid aside for a transaction: what is asked of two schemas at once is asked of one and of what was laid aside of the other.

So it is understood by PostgreSQL and by Citus, where each schema is a shard of its own and no statement may join two of them (decision 0017).
"""

from __future__ import annotations

from typing import Any

from psycopg import Connection, sql


def named(name: str) -> sql.Identifier:
    """The table that holds what was laid aside under a name."""
    return sql.Identifier("pg_temp", name[:60])


def lay(connection: Connection[Any], name: str, query: sql.Composable, *, filled: bool = True) -> sql.Identifier:
    """Lay a query's rows aside (or its columns alone), in the place of what lay there; until the end of the transaction, which is open and may write."""
    at = named(name)
    connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(at))
    connection.execute(sql.SQL("CREATE TEMP TABLE {} ON COMMIT DROP AS {} {}").format(at, query, sql.SQL("" if filled else "WITH NO DATA")))
    return at


def without(connection: Connection[Any], one: sql.Identifier, other: sql.Identifier, key: str) -> None:
    """Leave of what was laid aside only what the other has not, by a column of both."""
    connection.execute(sql.SQL("DELETE FROM {0} g USING {1} k WHERE g.{2} = k.{2}").format(one, other, sql.Identifier(key)))
