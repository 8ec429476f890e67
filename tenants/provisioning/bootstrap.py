"""From an empty database to a house one can move into: logins, the shared schema, the template, the pool, the plans.

Idempotent: run at every start. Where nothing is to be done it asks a handful of questions.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.db.migrations.executor import MigrationExecutor
from psycopg import sql

from crm_platform.db.sides import OWNER
from crm_platform.kernel.errors import CrmError

from . import owner, pool, template

Step = Callable[[str], None]
_seeds: list[Callable[[], None]] = []


class UnsafeLogin(CrmError):
    """The application's login could do what only the keeper may."""

    code, status = "unsafe_login", 500
    sentence = "The application's login {user} is a superuser. Give it a plain login: NOSUPERUSER NOINHERIT."


class MissingLogins(CrmError):
    """The owner's login may not make roles; an administrator must."""

    code, status = "missing_logins", 500
    sentence = "The database lacks the logins of the service. An administrator must run:\n{statements}"


def seeds(function: Callable[[], None]) -> Callable[[], None]:
    """Register what must stand on the control side before the first sign-up (the plans). Idempotent functions."""
    _seeds.append(function)
    return function


def run(*, pool_size: int | None = None, say: Step = lambda sentence: None) -> None:
    """Bring the database to this release; needs the owner's login."""
    with owner.seated():
        _make_logins()
        _make_control()
        if _control_is_behind():
            say("migrating the shared side")
            call_command("migrate_schemas", shared=True, verbosity=0, interactive=False, stdout=io.StringIO())
        _grant_control()
    _refuse_superuser()
    for seed in _seeds:
        seed()
    script = template.current()
    say(f"template of {script.tables} tables")
    made = pool.fill(to=settings.CRM_POOL_SIZE if pool_size is None else pool_size)
    if made:
        say(f"{made} workspaces made ready")


def _make_logins() -> None:
    statements = []
    for alias in ("control", *settings.CELLS):
        login = settings.DATABASES[alias]
        if owner.run("SELECT 1 FROM pg_roles WHERE rolname = %s", [login["USER"]]):
            continue
        statements.append(
            sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT PASSWORD {}").format(
                sql.Identifier(login["USER"]), sql.Literal(login["PASSWORD"])
            )
        )
    if not statements:
        return
    [(may,)] = owner.run("SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user")
    if not may:
        shown = [statement.as_string(None).rsplit("PASSWORD", 1)[0] + "PASSWORD '…'" for statement in statements]
        raise MissingLogins(statements="\n".join(shown))
    for statement in statements:
        owner.run(statement)


def _make_control() -> None:
    control, name = sql.Identifier(settings.PUBLIC_SCHEMA_NAME), sql.Identifier(settings.DATABASES[OWNER]["NAME"])
    owner.run(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(control))
    owner.run(sql.SQL("REVOKE ALL ON SCHEMA public FROM PUBLIC; REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
    for alias in ("control", *settings.CELLS):
        login = sql.Identifier(settings.DATABASES[alias]["USER"])
        owner.run(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(name, login))
    login = sql.Identifier(settings.DATABASES["control"]["USER"])
    owner.run(sql.SQL("ALTER ROLE {} IN DATABASE {} SET search_path = {}").format(login, name, control))
    for alias in settings.CELLS:
        app = sql.Identifier(settings.DATABASES[alias]["USER"])
        owner.run(sql.SQL("ALTER ROLE {} IN DATABASE {} SET search_path = ''").format(app, name))


def _control_is_behind() -> bool:
    connection: Any = connections[OWNER]
    connection.set_schema_to_public()
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _grant_control() -> None:
    control, login = sql.Identifier(settings.PUBLIC_SCHEMA_NAME), sql.Identifier(settings.DATABASES["control"]["USER"])
    owner.run(
        sql.SQL(
            "GRANT USAGE ON SCHEMA {0} TO {1}; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {0} TO {1};"
            "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {0} TO {1}"
        ).format(control, login)
    )


def _refuse_superuser() -> None:
    for alias in ("control", *settings.CELLS):
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user")
            if cursor.fetchone()[0]:
                raise UnsafeLogin(user=settings.DATABASES[alias]["USER"])
