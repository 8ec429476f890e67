"""The template script: what the migrations make of an empty schema, rendered once, replayed for each workspace.

`sqlmigrate` on an empty schema fails and `pg_dump` re-parses expressions (foundation section 5), so the statements of a
real `migrate` into the template schema are recorded, parameters filled in. The script names no schema.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader
from psycopg import ClientCursor, Connection, sql

from crm_platform.db.sides import control_unit
from crm_platform.kernel import ids
from crm_platform.kernel.errors import CrmError
from crm_platform.kernel.points import reached
from tenants.models import TemplateScript

from . import owner

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
    return list(TemplateScript.objects.filter(migrations__contains=sorted(names())).order_by("-created_at").values_list("version", flat=True))


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
    script, tables, relations = render()
    with control_unit():
        row, _made = TemplateScript.objects.get_or_create(
            version=version, defaults={"script": script, "tables": tables, "relations": relations, "migrations": sorted(names())}
        )
    return row


def render() -> tuple[str, int, int]:
    """Migrate an empty template schema and record it: (script, tables, relations)."""
    schema = settings.TEMPLATE_SCHEMA
    with owner.seated() as connection:
        owner.run(sql.SQL("DROP SCHEMA IF EXISTS {0} CASCADE; CREATE SCHEMA {0}").format(sql.Identifier(schema)))
        with recording(connection) as statements:
            call_command("migrate_schemas", schema_name=schema, verbosity=0, interactive=False, stdout=io.StringIO())
        [(tables, relations)] = owner.run(
            "SELECT count(*) FILTER (WHERE relkind = 'r'), count(*) FROM pg_class WHERE relnamespace = %s::regnamespace", [schema]
        )
    script = ";\n".join(statements) + ";\n"
    reached("template.migrated")
    _prove(script)
    reached("template.proved")
    return script, tables, relations


def _prove(script: str) -> None:
    """What the script makes must be, object by object, what the migrations have made in the template schema."""
    name = f"w_proof{ids.random_id(8)}"
    schema = sql.Identifier(name)
    # Never committed: no registry knows this schema, so that nobody would drop what a killed process leaves.
    with owner.direct() as connection, connection.transaction(force_rollback=True):
        connection.execute(sql.SQL("CREATE SCHEMA {0}; SET LOCAL search_path = {0}; {1} RESET search_path").format(schema, sql.SQL(script)))
        reached("template.cast")
        mould, cast = describe(connection, settings.TEMPLATE_SCHEMA), describe(connection, name)
    if mould != cast:
        raise ScriptDiffers(lines="\n".join(sorted(set(mould) ^ set(cast))[:10]))


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


