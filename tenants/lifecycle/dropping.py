"""What an erasure asks of the owner's login. Nothing here minds that a schema or a role is gone already."""

from __future__ import annotations

from contextlib import suppress

import psycopg
from psycopg import sql

from tenants.provisioning import owner


def _has_schema(name: str) -> bool:
    return bool(owner.run("SELECT 1 FROM pg_namespace WHERE nspname = %s", [name]))


def _has_role(name: str) -> bool:
    return bool(owner.run("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]))


def shut_out(name: str, *, login: str) -> None:
    """The application's login may no longer take the workspace's role."""
    if _has_role(name):
        owner.run(sql.SQL("REVOKE {} FROM {}").format(sql.Identifier(name), sql.Identifier(login)))


def counted(name: str) -> dict[str, int]:
    """How many tables, rows and bytes a schema holds; noughts where there is none."""
    found = owner.run(
        "SELECT c.relname, pg_total_relation_size(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relkind IN ('r', 'p') ORDER BY 1", [name]
    )
    if not found:
        return {"tables": 0, "rows": 0, "database_bytes": 0}
    each = sql.SQL(" UNION ALL ").join(sql.SQL("SELECT count(*) AS held FROM {}.{}").format(sql.Identifier(name), sql.Identifier(table)) for table, _size in found)
    [(rows,)] = owner.run(sql.SQL("SELECT sum(held)::bigint FROM ({}) AS every_table").format(each))
    return {"tables": len(found), "rows": int(rows), "database_bytes": int(sum(size for _table, size in found))}


def drop(name: str) -> None:
    """Drop schema and role, whichever is still there, both or neither. Who made a role may take membership in it, and only a member drops what it owns."""
    one = sql.Identifier(name)
    schema, role = _has_schema(name), _has_role(name)
    steps = [sql.SQL("GRANT {} TO CURRENT_USER").format(one)] if role else []
    steps += [sql.SQL("DROP SCHEMA {} CASCADE").format(one)] if schema else []
    steps += [sql.SQL("DROP OWNED BY {}").format(one), sql.SQL("DROP ROLE {}").format(one)] if role else []
    if not steps:
        return
    try:
        owner.run(sql.SQL("BEGIN; {}; COMMIT").format(sql.SQL("; ").join(steps)))
    except psycopg.Error:
        with suppress(psycopg.Error):  # the open transaction must not swallow what comes next
            owner.run("ROLLBACK")
        raise
