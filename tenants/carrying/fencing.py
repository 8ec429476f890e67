"""The fence around a schema whose workspace has gone elsewhere: whoever still believes the old place gets no row, and asks again."""

from __future__ import annotations

from psycopg import sql

from tenants.provisioning import owner


def close(schema: str) -> None:
    """Take the workspace role's rights on its schema away, in the transaction the caller holds on the owner's connection."""
    owner.run(
        sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA {0} FROM {0}; REVOKE ALL ON ALL SEQUENCES IN SCHEMA {0} FROM {0}; REVOKE ALL ON SCHEMA {0} FROM {0}").format(
            sql.Identifier(schema)
        )
    )


def open_again(schema: str) -> None:
    """Give them back: what was fenced off is the workspace's place again."""
    owner.run(
        sql.SQL(
            "GRANT USAGE ON SCHEMA {0} TO {0}; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {0} TO {0};"
            "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {0} TO {0}"
        ).format(sql.Identifier(schema))
    )
