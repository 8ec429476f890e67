"""From an empty database to a house one can move into: logins, the shared schema, the template, the pool, the plans.

Idempotent: run at every start. Where nothing is to be done it asks a handful of questions.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import OperationalError, connections
from django.db.migrations.executor import MigrationExecutor
from psycopg import sql

from crm_platform.db.sides import OWNER
from crm_platform.kernel.errors import CrmError
from crm_platform.kernel.points import reached
from tenants.rollout import steps

from . import engines, owner, pool, template

Step = Callable[[str], None]
_seeds: list[Callable[[], None]] = []


class UnsafeLogin(CrmError):
    """The application's login could do what only the keeper may."""

    code, status = "unsafe_login", 500
    sentence = "The application's login {user} is a superuser. Give it a plain login: NOSUPERUSER NOINHERIT."


class MissingRights(CrmError):
    """The owner's login may not make the roles and schemas that each workspace needs; an administrator must allow it."""

    code, status = "missing_rights", 500
    sentence = "The login {user} may not make roles and schemas in the database {database}, which each workspace needs. An administrator must run:\n{statements}"


class NoCitus(CrmError):
    """The database named by CRM_CITUS_URL cannot spread schemas over servers."""

    code, status = "no_citus", 500
    sentence = "The database {database} of CRM_CITUS_URL {why}. An administrator must run there:\n{statements}"


class LoginTaken(CrmError):
    """A login of that name is there, but not ours to change or to log in with."""

    code, status = "login_taken", 500
    sentence = (
        "The database server has a login {user} already, which this installation cannot use: {why}. "
        "Name logins of its own in DATABASE_URL, DATABASE_CONTROL_URL and DATABASE_OWNER_URL; or, if it is this installation's, give back its SECRET_KEY and let an administrator run:\n"
        "GRANT {user} TO {owner} WITH ADMIN OPTION;"
    )


def seeds(function: Callable[[], None]) -> Callable[[], None]:
    """Register what must stand on the control side before the first sign-up (the plans). Idempotent functions."""
    _seeds.append(function)
    return function


def run(*, pool_size: int | None = None, say: Step = lambda sentence: None) -> None:
    """Bring the database to this release; needs the owner's login."""
    with owner.seated():
        _need_rights()
        _make_logins("control", owner.FIRST)
        _need_own_logins("control", owner.FIRST)
        _make_control()
        reached("bootstrap.control")
        if _control_is_behind():
            say("migrating the shared side")
            call_command("migrate_schemas", shared=True, verbosity=0, interactive=False, stdout=io.StringIO())
        reached("bootstrap.migrated")
        _grant_control()
        reached("bootstrap.granted")
    for cell in settings.CELLS[1:]:
        with owner.seated(cell):
            _need_rights()
            if cell == settings.CITUS:
                _need_citus(settings.DATABASES[cell]["NAME"])
            _make_logins(cell)
            _need_own_logins(cell)
            _close_cell(cell)
    _refuse_superuser()
    for seed in _seeds:
        seed()
    reached("bootstrap.seeded")
    script = template.current()
    say(f"template of {script.tables} tables")
    made = pool.fill(to=settings.CRM_POOL_SIZE if pool_size is None else pool_size)
    if made:
        say(f"{made} workspaces made ready")
    if steps.start_if_behind(by="bootstrap"):
        say("the workspaces of an earlier release are brought to this one by the keeper")


def _need_rights() -> None:
    [(user, database, roles, schemas)] = owner.run(
        "SELECT rolname, current_database(), rolsuper OR rolcreaterole, has_database_privilege(current_database(), 'CREATE') FROM pg_roles WHERE rolname = current_user"
    )
    role, name = sql.Identifier(user), sql.Identifier(database)
    lacking = [] if roles else [sql.SQL("ALTER ROLE {} CREATEROLE;").format(role)]
    lacking += [] if schemas else [sql.SQL("GRANT CREATE ON DATABASE {} TO {};").format(name, role)]
    if lacking:
        raise MissingRights(user=user, database=database, statements="\n".join(statement.as_string(None) for statement in lacking))


def _need_citus(database: str) -> None:
    if owner.engine().kind != settings.CITUS:
        engines.forget()
        raise NoCitus(database=database, why="is no Citus server", statements="CREATE EXTENSION citus;")
    if not owner.run("SELECT 1 FROM pg_dist_node WHERE shouldhaveshards AND isactive"):
        raise NoCitus(database=database, why="has no server for its schemas", statements="SELECT citus_add_node('HOST', PORT);")


def _make_logins(*aliases: str) -> None:
    for alias in aliases:
        login = settings.DATABASES[alias]
        if owner.run("SELECT 1 FROM pg_roles WHERE rolname = %s", [login["USER"]]):
            continue
        owner.run(
            sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT PASSWORD {}").format(
                sql.Identifier(login["USER"]), sql.Literal(login["PASSWORD"])
            )
        )


def _need_own_logins(*aliases: str) -> None:
    """Roles belong to the whole server, so another installation may have them: said before anything is changed."""
    [(mine,)] = owner.run("SELECT current_user")
    for alias in aliases:
        login = settings.DATABASES[alias]
        [(may,)] = owner.run("SELECT pg_has_role(%s, 'MEMBER WITH ADMIN OPTION') OR (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)", [login["USER"]])
        if not may:
            raise LoginTaken(user=login["USER"], owner=mine, why=f"{mine} may not change it")


def _make_control() -> None:
    control = sql.Identifier(settings.PUBLIC_SCHEMA_NAME)
    owner.run(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(control))
    _close_cell(owner.FIRST, "control")
    login, name = sql.Identifier(settings.DATABASES["control"]["USER"]), sql.Identifier(settings.DATABASES[OWNER]["NAME"])
    owner.run(sql.SQL("ALTER ROLE {} IN DATABASE {} SET search_path = {}").format(login, name, control))


def _close_cell(cell: str, *others: str) -> None:
    """Nobody but the logins named enters a database of workspaces, and the application's finds nothing there without a workspace."""
    name = sql.Identifier(settings.DATABASES[cell]["NAME"])
    owner.run(sql.SQL("REVOKE ALL ON SCHEMA public FROM PUBLIC; REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
    for alias in (*others, cell):
        owner.run(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(name, sql.Identifier(settings.DATABASES[alias]["USER"])))
    owner.run(sql.SQL("ALTER ROLE {} IN DATABASE {} SET search_path = ''").format(sql.Identifier(settings.DATABASES[cell]["USER"]), name))


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
        user = settings.DATABASES[alias]["USER"]
        try:
            cursor = connections[alias].cursor()
        except OperationalError as error:
            raise LoginTaken(user=user, owner=settings.DATABASES[settings.OWNERS.get(alias, OWNER)]["USER"], why=str(error).strip().splitlines()[0]) from None
        with cursor:
            cursor.execute("SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user")
            if cursor.fetchone()[0]:
                raise UnsafeLogin(user=user)
