"""What is to be done to a workspace that has some migrations to have them all: rendered once, replayed for each.

The statements of a real run on a scratch schema at the old version are recorded, as the template is (template.py):
`sqlmigrate` cannot name constraints that it must look up. What is not pure DDL, or wants no transaction, runs Django's way.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ProjectState
from psycopg import sql

from crm_platform.db.rules.purity import is_pure_ddl
from crm_platform.db.sides import control_unit
from crm_platform.kernel import ids
from tenants.models import TemplateScript
from tenants.provisioning import owner, template

Applied = frozenset[str]


@dataclass(frozen=True, slots=True)
class Piece:
    """Migrations in a row: `statements` to replay, or None where each workspace needs Django's own way."""

    names: tuple[str, ...]
    statements: tuple[str, ...] | None

    @property
    def makes_tables(self) -> bool:
        """Whether the workspace's role needs rights on something new."""
        return any(re.match(r"CREATE (TABLE|SEQUENCE)\b", statement) for statement in self.statements or ())


_lock = threading.Lock()
_rendered: dict[tuple[str, Applied], tuple[Piece, ...]] = {}


def pieces(applied: Applied) -> tuple[Piece, ...]:
    """From the migrations a workspace has ("label.name", those of workspace applications) to this release's. Needs the owner's login."""
    key = template.fingerprint(), applied
    with _lock:
        if key not in _rendered:
            _rendered[key] = _joined(_render(applied)) if template.names() - applied else ()
        return _rendered[key]


def _render(applied: Applied) -> Iterator[Piece]:
    with control_unit():
        known = next((row for row in TemplateScript.objects.order_by("-created_at") if frozenset(row.migrations) == applied), None)
    if known is None:  # of no version we ever made: Django looks at each workspace itself
        yield Piece(tuple(sorted(template.names() - applied)), None)
        return
    with _scratch(known) as connection:
        while missing := _missing(connection):
            migration = missing[0]
            name = f"{migration.app_label}.{migration.name}"
            with template.recording(connection, skipping=template.READS) as statements:
                MigrationExecutor(connection).migrate([(migration.app_label, migration.name)])
            yield Piece((name,), tuple(statements) if is_pure_ddl(migration) else None)


def _missing(connection: Any) -> list[Migration]:
    """What the schema the connection stands in has not yet, in order, of workspace applications."""
    executor = MigrationExecutor(connection)
    targets = [key for key in executor.loader.graph.leaf_nodes() if any(name.startswith(f"{key[0]}.") for name in template.names())]
    plan = executor.migration_plan(targets)
    return [migration for migration, _backwards in plan if f"{migration.app_label}.{migration.name}" in template.names()]


@contextmanager
def _scratch(known: TemplateScript) -> Iterator[Any]:
    name = f"w_scratch{ids.random_id(8)}"
    schema = sql.Identifier(name)
    with owner.seated() as connection:
        owner.run(sql.SQL("BEGIN; CREATE SCHEMA {0}; SET LOCAL search_path = {0}; {1} COMMIT").format(schema, sql.SQL(known.script)))
        try:
            with standing_in(connection, name):
                yield connection
        finally:
            owner.run(sql.SQL("DROP SCHEMA {} CASCADE").format(schema))


@contextmanager
def standing_in(connection: Any, schema: str) -> Iterator[None]:
    """Let an owner's connection mean one workspace's schema, for Django's migrations."""
    connection.set_schema(schema, include_public=False)
    try:
        yield
    finally:
        connection.set_schema_to_public()


def _joined(found: Iterator[Piece]) -> tuple[Piece, ...]:
    """Neighbours of one kind are one piece, so that a workspace needs few transactions."""
    joined: list[Piece] = []
    for piece in found:
        if joined and (joined[-1].statements is None) == (piece.statements is None):
            before = joined.pop()
            statements = None if piece.statements is None or before.statements is None else before.statements + piece.statements
            piece = Piece(before.names + piece.names, statements)
        joined.append(piece)
    return tuple(joined)


def by_django(cell: str, schema: str, names: tuple[str, ...]) -> None:
    """Run migrations in one workspace as Django does, each in its own transaction, on the owner's connection of this thread."""
    with owner.seated(cell) as connection, standing_in(connection, schema):
        done = MigrationRecorder(connection).applied_migrations()
        for migration in _in_order(names):
            if (migration.app_label, migration.name) in done:
                continue
            with connection.schema_editor(atomic=migration.atomic) as editor:
                migration.apply(_state_before(migration), editor)
                MigrationRecorder(connection).record_applied(migration.app_label, migration.name)
                for statement in sql.SQL(owner.RIGHTS).format(sql.Identifier(schema)).as_string(None).split(";"):
                    editor.execute(statement)


_states: dict[tuple[str, str, str], ProjectState] = {}


def _in_order(names: tuple[str, ...]) -> list[Migration]:
    loader = MigrationLoader(None)
    ordered: list[tuple[str, str]] = []
    for leaf in loader.graph.leaf_nodes():
        ordered += [key for key in loader.graph.forwards_plan(leaf) if key not in ordered]
    return [loader.graph.nodes[key] for key in ordered if ".".join(key) in names]


def _state_before(migration: Migration) -> ProjectState:
    """The models as they were before a migration, put together once and copied for each workspace: that takes most of the time."""
    key = template.fingerprint(), migration.app_label, migration.name
    with _lock:
        if key not in _states:
            state = MigrationLoader(None).project_state((migration.app_label, migration.name), at_end=False)
            state.apps  # noqa: B018 (made now, so that copies have it)
            _states[key] = state
        return _states[key].clone()


def labels() -> frozenset[str]:
    """The labels of workspace applications with migrations: what other applications are noted as is Django's matter."""
    return frozenset(name.partition(".")[0] for name in template.names())
