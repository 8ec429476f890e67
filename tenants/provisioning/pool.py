"""The pool: empty, migrated schemas under opaque names, each with its role, made ahead and claimed by one UPDATE."""

from __future__ import annotations

from django.conf import settings
from psycopg import sql

from crm_platform.db.sides import CONTROL, control_unit
from crm_platform.kernel import ids
from tenants.models import State, TemplateScript, Workspace

from . import owner, template

# One packet per workspace: role, schema, script, grants, registry row, commit. Nothing is half there if it fails.
_PACKET = """
BEGIN;
CREATE ROLE {role} NOLOGIN NOINHERIT;
CREATE SCHEMA {schema};
SET LOCAL search_path = {schema};
{script}
GRANT USAGE ON SCHEMA {schema} TO {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role};
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {role};
GRANT {role} TO {app} WITH INHERIT FALSE, SET TRUE;
INSERT INTO {control}.workspace
    (schema_name, public_id, generation, alias, state, name, template_version, suspended_reason, created_at)
    VALUES ({name}, {public_id}, 1, {alias}, 'pool', '', {version}, '', now());
COMMIT;
"""

# From PostgreSQL 16 a grant says whether it is inherited; on 15 the login itself is NOINHERIT.
_GRANT_15 = "GRANT {role} TO {app};"
_GRANT_16 = "GRANT {role} TO {app} WITH INHERIT FALSE, SET TRUE;"

_CLAIM = """
UPDATE workspace SET state = 'claiming'
WHERE id = (SELECT id FROM workspace WHERE state = 'pool' AND template_version = %s ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING *
"""


def make(script: TemplateScript, *, alias: str = "cell1") -> str:
    """Make one ready workspace from the script in one round trip; returns its schema's name."""
    name = f"w_{ids.random_id(12)}"
    schema = sql.Identifier(name)
    version_16 = owner.version() >= 160000
    packet = _PACKET if version_16 else _PACKET.replace(_GRANT_16, _GRANT_15)
    owner.run(
        sql.SQL(packet).format(
            role=schema,
            schema=schema,
            app=sql.Identifier(settings.DATABASES[alias]["USER"]),
            control=sql.Identifier(settings.PUBLIC_SCHEMA_NAME),
            script=sql.SQL(script.script),
            name=sql.Literal(name),
            public_id=sql.Literal(ids.random_id()),
            alias=sql.Literal(alias),
            version=sql.Literal(script.version),
        )
    )
    return name


def ready(*, version: str) -> int:
    """How many workspaces of this version wait to be claimed."""
    with control_unit():
        return Workspace.objects.filter(state=State.POOL, template_version=version).count()


def fill(*, to: int) -> int:
    """Make as many as are missing to `to`; returns how many were made. Needs the owner's login."""
    script = template.current()
    missing = max(0, to - ready(version=script.version))
    with owner.seated():
        for _ in range(missing):
            make(script)
    return missing


def claim() -> Workspace | None:
    """Take one ready workspace of this release, by one statement; None when the pool is empty. Inside a control unit."""
    return next(iter(Workspace.objects.using(CONTROL).raw(_CLAIM, [template.fingerprint()])), None)


def discard(workspace: Workspace) -> None:
    """Drop schema and role of a workspace and its registry row: for outdated pool members. Needs the owner's login."""
    with owner.seated():
        if owner.run("SELECT 1 FROM pg_roles WHERE rolname = %s", [workspace.schema_name]):
            owner.drop_workspace(workspace.schema_name)
    with control_unit():
        workspace.delete()


def count_from(start: int) -> Workspace:
    """Let every identity of the workspace that is claimed next begin at `start`: ids apart from all others'. Needs the owner's seat."""
    with control_unit():
        following = Workspace.objects.filter(state=State.POOL, template_version=template.fingerprint()).order_by("id").first()
    if following is None:
        raise LookupError("no workspace is ready")
    columns = owner.run(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = %s AND is_identity = 'YES'", [following.schema_name]
    )
    for table, column in columns:
        owner.run(
            sql.SQL("ALTER TABLE {}.{} ALTER COLUMN {} RESTART WITH {}").format(
                sql.Identifier(following.schema_name), sql.Identifier(table), sql.Identifier(column), sql.Literal(start)
            )
        )
    return following
