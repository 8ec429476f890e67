"""Three logins: what each may not do, asked of the database itself."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from django.conf import settings
from django.db import ProgrammingError, connection, connections

from crm_core.people.contacts import services as contacts
from crm_platform.kernel.permissions import robot
from tenants.models import Workspace
from tenants.provisioning import owner, pool

APP, OWNER = settings.DATABASES["cell1"]["USER"], settings.DATABASES["owner"]["USER"]
# The server's own schemas and those of an extension (Citus has one) hold nothing of a workspace.
OURS = "nspname NOT LIKE 'pg\\_%%' AND nspname <> 'information_schema' AND oid NOT IN (SELECT objid FROM pg_depend WHERE deptype = 'e')"


def asked(statement: str, params: Any = None) -> list[tuple[Any, ...]]:
    with owner.seated():
        return owner.run(statement, params)


def test_the_application_s_login_has_no_right_of_its_own(two_doors) -> None:
    doors, _other = two_doors  # both in the first database, where the shared schema is
    [facts] = asked("SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls, rolinherit FROM pg_roles WHERE rolname = %s", [APP])
    assert facts == (False,) * 6
    schemas = [name for (name,) in asked(f"SELECT nspname FROM pg_namespace WHERE {OURS}")]
    assert doors.place.schema in schemas
    assert settings.PUBLIC_SCHEMA_NAME in schemas
    assert "public" in schemas
    open_to_it = asked("SELECT s FROM unnest(%s::text[]) s WHERE has_schema_privilege(%s, s, 'USAGE') OR has_schema_privilege(%s, s, 'CREATE')", [schemas, APP, APP])
    assert open_to_it == []
    tables = asked(
        "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE relkind IN ('r', 'v', 'm', 'p', 'f') AND n.nspname = ANY(%s::text[])"
        " AND c.oid NOT IN (SELECT objid FROM pg_depend WHERE deptype = 'e') AND has_table_privilege(%s, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')",
        [schemas, APP],
    )
    assert tables == []
    assert asked("SELECT has_database_privilege(%s, current_database(), 'CREATE') OR has_database_privilege(%s, current_database(), 'TEMP')", [APP, APP]) == [(False,)]


def test_a_workspace_s_role_has_its_schema_and_nothing_else(two_doors) -> None:
    mine, other = two_doors
    role = mine.place.schema
    [facts] = asked("SELECT rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolinherit FROM pg_roles WHERE rolname = %s", [role])
    assert facts == (False,) * 5
    assert asked("SELECT 1 FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE r.rolname = %s", [role]) == []
    reachable = asked(f"SELECT nspname FROM pg_namespace WHERE {OURS} AND has_schema_privilege(%s, oid, 'USAGE')", [role])
    assert reachable == [(role,)]
    assert asked("SELECT has_schema_privilege(%s, %s, 'CREATE'), has_schema_privilege(%s, %s, 'USAGE')", [role, role, role, other.place.schema]) == [(False, False)]


def test_what_is_made_later_is_closed_too(house: None, django_db_blocker: Any) -> None:
    """No default privilege opens a new table; one made in the shared schema is nobody's but its owner's."""
    with django_db_blocker.unblock():
        assert asked("SELECT defaclrole::regrole::text, defaclnamespace::regnamespace::text, defaclacl::text FROM pg_default_acl") == []
        asked("CREATE TABLE control.made_later (secret text)")
        try:
            assert asked("SELECT has_table_privilege(%s, 'control.made_later', 'SELECT')", [APP]) == [(False,)]
        finally:
            asked("DROP TABLE control.made_later")


REFUSED = (
    "SELECT pg_read_file('PG_VERSION')", "SELECT pg_ls_dir('.')", "COPY (SELECT 1) TO PROGRAM 'true'", "COPY (SELECT 1) TO '/tmp/isolation'", "SELECT lo_import('/etc/passwd')",
    "CREATE TABLE mine (a int)", "CREATE TABLE public.mine (a int)", "CREATE TEMP TABLE mine (a int)", "CREATE SCHEMA mine", "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "ALTER TABLE contact ADD COLUMN leak text", "DROP TABLE contact", "TRUNCATE contact", "CREATE ROLE mine", "ALTER ROLE app SUPERUSER", f"SET LOCAL ROLE {OWNER}", "SET LOCAL ROLE control",
    "SELECT * FROM pg_authid", "SELECT * FROM control.workspace", f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{OWNER}'",
)  # fmt: skip


@pytest.mark.parametrize("statement", REFUSED)
def test_inside_a_workspace_the_database_refuses(make_door, statement: str) -> None:
    pool.fill(to=1, cell=owner.FIRST)
    with mock.patch.object(pool, "occupancy", return_value={owner.FIRST: 0}):  # where the shared schema is
        doors = make_door()
    with pytest.raises(ProgrammingError, match=r"permission denied|must be|no schema|cannot be terminated|Only roles"), doors.unit(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_a_large_object_of_one_is_closed_to_the_other(two_doors) -> None:
    mine, other = two_doors
    with other.unit(), connection.cursor() as cursor:
        cursor.execute("SELECT lo_from_bytea(0, 'secret'::bytea)")
        number = cursor.fetchone()[0]
    with pytest.raises(ProgrammingError, match="permission denied"), mine.unit(), connection.cursor() as cursor:
        cursor.execute("SELECT lo_get(%s)", [number])
    with other.unit(), connection.cursor() as cursor:
        cursor.execute("SELECT lo_unlink(%s)", [number])


def test_what_others_ask_is_not_shown(two_doors) -> None:
    """Statements of other sessions may hold their values: a workspace's role is not told of them."""
    mine, _other = two_doors
    with mine.unit(), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query NOT IN ('', '<insufficient privilege>')")
        assert cursor.fetchone() == (0,)


def test_statistics_of_another_s_columns_are_not_shown(two_doors) -> None:
    mine, other = two_doors
    with other.unit():
        contacts.create_contact(robot("test"), first_name="Secret")
    asked(f'ANALYZE "{other.place.schema}".contact')
    with mine.unit(), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stats WHERE schemaname = %s", [other.place.schema])
        assert cursor.fetchone() == (0,)


def test_without_a_workspace_the_login_finds_nothing(doors) -> None:
    with connections["cell1"].cursor() as cursor, pytest.raises(ProgrammingError, match="does not exist"):
        cursor.execute("SELECT * FROM contact")


def test_what_holds_against_another_s_role_is_that_no_text_becomes_sql(two_doors) -> None:
    """The login may take every workspace's role, so injected SQL could: decision 0011 says what keeps it out. Here is the fact, so that nobody believes more."""
    mine, other = two_doors
    with mine.unit(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('role', %s, true)", [other.place.schema])
        cursor.execute(f'SELECT count(*) FROM "{other.place.schema}".contact')
        assert cursor.fetchone() == (0,)


def test_the_registry_knows_both(two_doors, django_db_blocker: Any) -> None:
    """The control login may, and only it: the tests above would hold in an empty database too."""
    mine, other = two_doors
    assert Workspace.objects.using("control").filter(schema_name__in=[mine.place.schema, other.place.schema]).count() == 2
