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
from psycopg import ClientCursor, sql

from crm_platform.db.sides import control_unit
from tenants.models import TemplateScript

from . import owner

_SKIP = ("SELECT", "UPDATE", "SAVEPOINT", "RELEASE", "ROLLBACK", "SET SEARCH_PATH", "SHOW")


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
        with _recording(connection) as statements:
            call_command("migrate_schemas", schema_name=schema, verbosity=0, interactive=False, stdout=io.StringIO())
        [(tables, relations)] = owner.run(
            "SELECT count(*) FILTER (WHERE relkind = 'r'), count(*) FROM pg_class WHERE relnamespace = %s::regnamespace", [schema]
        )
    return ";\n".join(statements) + ";\n", tables, relations


@contextmanager
def _recording(connection: Any) -> Iterator[list[str]]:
    statements: list[str] = []

    def keep(execute: Callable[..., Any], query: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
        text = str(query).strip().rstrip(";")
        if text and not text.upper().startswith(_SKIP):
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


def drop() -> None:
    """Remove the template schema: the script is kept, the schema is only its mould."""
    with owner.seated():
        owner.run(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(settings.TEMPLATE_SCHEMA)))


