"""What an erasure asks of the owner's login. Nothing here minds that a schema or a role is gone already."""

from __future__ import annotations

from psycopg import sql

from tenants.provisioning import owner


def _has_role(name: str) -> bool:
    return bool(owner.run("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]))


def shut_out(name: str, *, login: str) -> None:
    """The application's login may no longer take the workspace's role."""
    if _has_role(name):
        owner.run(sql.SQL("REVOKE {} FROM {}").format(sql.Identifier(name), sql.Identifier(login)))


def counted(name: str) -> dict[str, int]:
    """How many tables, rows and bytes a schema holds; noughts where there is none."""
    asked = "SELECT c.relname, {}(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relkind IN ('r', 'p') ORDER BY 1"
    found = owner.run(asked.format(owner.engine().size), [name])
    if not found:
        return {"tables": 0, "rows": 0, "database_bytes": 0}
    each = sql.SQL(" UNION ALL ").join(sql.SQL("SELECT count(*) AS held FROM {}.{}").format(sql.Identifier(name), sql.Identifier(table)) for table, _size in found)
    [(rows,)] = owner.run(sql.SQL("SELECT sum(held)::bigint FROM ({}) AS every_table").format(each))
    return {"tables": len(found), "rows": int(rows), "database_bytes": int(sum(size for _table, size in found))}
