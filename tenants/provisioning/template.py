"""The template script: what the migrations make of an empty schema, rendered once, replayed for each workspace.

`sqlmigrate` on an empty schema fails and `pg_dump` re-parses expressions (foundation section 5), so the statements of a
real `migrate` into the template schema are recorded, parameters filled in. The script names no schema.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import psycopg
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader
from django.db.models import QuerySet
from psycopg import ClientCursor, Connection, sql

from crm_platform.db.sides import control_unit
from crm_platform.kernel import ids
from crm_platform.kernel.errors import CrmError
from crm_platform.kernel.points import reached
from tenants.models import TemplateScript

from . import engines, joining, owner

_log = logging.getLogger("kartoteka.keeper")
READS = ("SELECT", "SAVEPOINT", "RELEASE", "ROLLBACK", "SET SEARCH_PATH", "SHOW")
# In an empty schema an update changes nothing.
_SKIP = (*READS, "UPDATE")


class ScriptDiffers(CrmError):
    """The rendered script makes something else than the migrations: no workspace may be made of it."""

    code, status = "script_differs", 500
    sentence = "The template script and the migrations make different schemas:\n{lines}"


def _files() -> dict[str, Path]:
    """The migration files of all workspace applications, by "label.name"."""
    found: dict[str, Path] = {}
    for label in sorted(config.label for config in apps.get_app_configs() if config.name in settings.TENANT_APPS):
        name, _given = MigrationLoader.migrations_module(label)
        if name is None:
            continue
        try:
            module = import_module(name)
        except ModuleNotFoundError:
            continue
        found |= {f"{label}.{path.stem}": path for path in sorted(Path(str(module.__file__)).parent.glob("[0-9]*.py"))}
    return found


@functools.cache
def fingerprint() -> str:
    """What the migrations of all workspace applications amount to: changes when one of their files does. Read once a process: a release does not change under it."""
    digest = hashlib.sha256()
    for name, path in _files().items():
        digest.update(f"{name.replace('.', '/')}.py".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:32]


@functools.cache
def names() -> frozenset[str]:
    """The migrations of this release, as "label.name": a workspace that has them all can be served, also one that has more."""
    return frozenset(_files())


@functools.cache
def names_as_json() -> str:
    """`names` as the registry compares them."""
    return json.dumps(sorted(names()))


def served() -> list[str]:
    """The versions that have all this release needs, the newest first. Inside a control unit."""
    return list(serving().order_by("-created_at").values_list("version", flat=True))


def serving() -> QuerySet[TemplateScript]:
    """The scripts that make all this release needs."""
    return TemplateScript.objects.filter(migrations__contains=sorted(names()))


def current() -> TemplateScript:
    """The script of this release; rendered and kept if it is not yet. Needs the owner's login only then."""
    version = fingerprint()
    with control_unit():
        kept = TemplateScript.objects.filter(pk=version).first()
        if kept is not None and not kept.migrations:  # of a time before their names were kept
            kept.migrations = sorted(names())
            kept.save(update_fields=["migrations"])
    if kept is not None:
        return kept
    script, holds, relations = render()
    values = {"script": script, "holds": holds, "tables": len(holds["tables"]), "relations": relations, "migrations": sorted(names())}
    with control_unit():
        row, _made = TemplateScript.objects.get_or_create(version=version, defaults=values)
    return row


def render() -> tuple[str, dict[str, list[str]], int]:
    """Migrate an empty template schema and record it: (script, names of its tables and counters, number of relations)."""
    statements = migrated()
    with owner.seated():
        [(relations,)] = owner.run("SELECT count(*) FROM pg_class WHERE relnamespace = %s::regnamespace", [settings.TEMPLATE_SCHEMA])
        holds = owner.holds(settings.TEMPLATE_SCHEMA)
    script = _shortest(statements, holds)
    reached("template.proved")
    return script, holds, relations


def migrated() -> list[str]:
    """Make the template schema anew by the migrations; gives the statements they sent."""
    schema = settings.TEMPLATE_SCHEMA
    with owner.seated() as connection:
        owner.run(sql.SQL("DROP SCHEMA IF EXISTS {0} CASCADE; CREATE SCHEMA {0}").format(sql.Identifier(schema)))
        with recording(connection) as statements:
            call_command("migrate_schemas", schema_name=schema, verbosity=0, interactive=False, stdout=io.StringIO())
    reached("template.migrated")
    return statements


def _shortest(statements: list[str], holds: dict[str, list[str]]) -> str:
    """The joined script where it makes the same, else the one that was recorded: slower, and never wrong."""
    script = _script(joining.joined(statements))
    try:
        _prove(script, holds)
    except ScriptDiffers:
        _log.exception("the statements of the migrations cannot be joined")
        script = _script(statements)
        _prove(script, holds)
    return script


def _script(statements: list[str]) -> str:
    return ";\n".join(statements) + ";\n"


def _prove(script: str, holds: dict[str, list[str]]) -> None:
    """What the script makes must be, object by object, what the migrations have made in the template schema, and its role may do with it what it should."""
    name = f"w_proof{ids.random_id(8)}"
    schema = sql.Identifier(name)
    # Never committed: no registry knows this schema, so that nobody would drop what a killed process leaves.
    with owner.direct() as connection, connection.transaction(force_rollback=True):
        before = [sql.SQL(one).format(schema) for one in ("CREATE ROLE {} NOLOGIN NOINHERIT", "CREATE SCHEMA {}", "SET LOCAL search_path = {}")]
        try:
            engines.of(connection).send(connection, [*before, sql.SQL("{} {}").format(sql.SQL(script), owner.rights(name, holds)), sql.SQL("RESET search_path")])
        except psycopg.Error as error:
            raise ScriptDiffers(lines=str(error)) from error
        reached("template.cast")
        mould, cast = ([*describe(connection, one), *_details(connection, one)] for one in (settings.TEMPLATE_SCHEMA, name))
        without = connection.execute(_WITHOUT_RIGHTS, {"schema": name, "role": name}).fetchall()
    differing = sorted(set(mould) ^ set(cast)) or [f"rights on {table}" for (table,) in without]
    if differing or len(mould) != len(cast):
        raise ScriptDiffers(lines="\n".join(differing[:10]))


@contextmanager
def recording(connection: Any, *, skipping: tuple[str, ...] = _SKIP) -> Iterator[list[str]]:
    """The statements that the block sends over a connection, parameters filled in; those that begin like `skipping` are left out."""
    statements: list[str] = []

    def keep(execute: Callable[..., Any], query: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
        text = str(query).strip().rstrip(";")
        if text and not text.upper().startswith(skipping):
            statements.extend(_filled(connection, text, values) for values in (params if many else [params]))
        return execute(query, params, many, context)

    # migrate_schemas closes the connection in between; the wrapper lives on the wrapper object, not on the socket.
    connection.execute_wrappers.append(keep)
    try:
        yield statements
    finally:
        connection.execute_wrappers.remove(keep)


def _filled(connection: Any, text: str, values: Any) -> str:
    if not values:
        return text
    connection.ensure_connection()
    return str(ClientCursor(connection.connection).mogrify(text, values))


_SHAPE = """
SELECT 'table ' || c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
       || ' ' || a.attidentity::text || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = %(schema)s::regnamespace AND c.relkind IN ('r', 'p')
UNION ALL SELECT 'constraint ' || conrelid::regclass::text || '.' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = %(schema)s::regnamespace
UNION ALL SELECT 'index ' || pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class t ON t.oid = indrelid WHERE t.relnamespace = %(schema)s::regnamespace
UNION ALL SELECT 'sequence ' || relname FROM pg_class WHERE relnamespace = %(schema)s::regnamespace AND relkind = 'S'
"""
# What is the same to the product and would still be no copy: the order of columns and indexes, how columns are kept, counters' steps, comments,
# settings. What a server itself notes among a column's settings (pg_attver in some builds of PostgreSQL 15) is of no table's making.
_DETAILS = r"""
SELECT 'column ' || c.relname || '.' || a.attname || ' ' || row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum) || ' ' || a.attstorage::text || a.attcompression::text
       || a.attgenerated::text || a.attcollation || ' ' || coalesce(a.attstattarget, -1) || ' '
       || ARRAY(SELECT said FROM unnest(a.attoptions) AS said WHERE said NOT LIKE 'pg\_%%' ORDER BY said)::text
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped WHERE c.relnamespace = %(schema)s::regnamespace AND c.relkind IN ('r', 'p')
UNION ALL SELECT 'place of ' || i.relname || ' ' || row_number() OVER (PARTITION BY indrelid ORDER BY indexrelid) || ' ' || indisvalid || indisprimary || indisclustered || indisreplident
FROM pg_index JOIN pg_class i ON i.oid = indexrelid WHERE i.relnamespace = %(schema)s::regnamespace
UNION ALL SELECT 'kept ' || relname || ' ' || relkind::text || relpersistence::text || relreplident::text || relrowsecurity || (reltoastrelid <> 0) || ' ' || coalesce(reloptions::text, '')
FROM pg_class WHERE relnamespace = %(schema)s::regnamespace
UNION ALL SELECT 'counter ' || c.relname || ' ' || ROW(seqtypid, seqstart, seqincrement, seqmax, seqmin, seqcache, seqcycle)::text || ' of ' || coalesce(d.refobjid::regclass || '.' || d.refobjsubid, '')
FROM pg_sequence JOIN pg_class c ON c.oid = seqrelid LEFT JOIN pg_depend d ON d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
WHERE c.relnamespace = %(schema)s::regnamespace
UNION ALL SELECT 'trigger of ' || c.relname || ' ' || coalesce(k.conname, t.tgname) || ' ' || tgfoid::regproc || ' ' || tgenabled::text || tgtype || tgdeferrable || tginitdeferred
FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid LEFT JOIN pg_constraint k ON k.oid = tgconstraint WHERE c.relnamespace = %(schema)s::regnamespace
UNION ALL SELECT 'comment ' || c.relname || ' ' || objsubid || ' ' || description FROM pg_description JOIN pg_class c ON c.oid = objoid AND classoid = 'pg_class'::regclass
WHERE c.relnamespace = %(schema)s::regnamespace
"""
_WITHOUT_RIGHTS = """
SELECT relname FROM pg_class WHERE relnamespace = %(schema)s::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S')
AND ARRAY(SELECT granted.privilege_type::text FROM aclexplode(relacl) granted WHERE granted.grantee = %(role)s::regrole ORDER BY 1)
    <> CASE relkind WHEN 'S' THEN ARRAY['SELECT', 'USAGE'] ELSE ARRAY['DELETE', 'INSERT', 'SELECT', 'UPDATE'] END
"""


def _details(connection: Connection[Any], schema: str) -> list[str]:
    with connection.transaction():
        connection.execute(sql.SQL("SET LOCAL search_path = {}").format(sql.Identifier(schema)))
        return [line.replace(f"{schema}.", "") for (line,) in connection.execute(_DETAILS, {"schema": schema})]


def describe(connection: Connection[Any], schema: str, *, seeds: bool = True) -> list[str]:
    """Everything a schema holds, object by object, in words without its name: columns, defaults, keys, indexes, counters, recorded migrations and (`seeds`) every row.

    `connection` is an owner's, in autocommit. Two schemas with equal descriptions are the same to the product.
    """
    name = sql.Identifier(schema)
    with connection.transaction():
        connection.execute(sql.SQL("SET LOCAL search_path = {}").format(name))
        lines = [line for (line,) in connection.execute(_SHAPE, {"schema": schema})]
        tables = [table for (table,) in connection.execute("SELECT relname FROM pg_class WHERE relnamespace = %s::regnamespace AND relkind IN ('r', 'p')", [schema])]
        for table in tables if seeds else ["django_migrations"]:
            columns = sql.SQL("app, name") if table == "django_migrations" else sql.SQL("*")
            rows = connection.execute(sql.SQL("SELECT ROW(seed.*)::text FROM (SELECT {} FROM {}) seed").format(columns, sql.Identifier(table)))
            lines += [f"row of {table}: {row}" for (row,) in rows]
    return sorted(line.replace(f"{schema}.", "") for line in lines)


def drop() -> None:
    """Remove the template schema: the script is kept, the schema is only its mould."""
    with owner.seated():
        owner.run(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(settings.TEMPLATE_SCHEMA)))


