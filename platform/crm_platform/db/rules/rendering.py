"""The SQL of a migration, made without a database: operation by operation, on a connection of paper.

`sqlmigrate` asks the database for the names of constraints and the server's version; here both are made up, since no
rule looks at the name of what is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connections, models
from django.db.backends.postgresql import base
from django.db.backends.postgresql.schema import DatabaseSchemaEditor
from django.db.migrations import Migration, operations
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.utils.connection import ConnectionDoesNotExist
from psycopg import sql

_LOWEST_SERVER = 150000
_GIVEN: dict[str, Any] = {
    "ENGINE": "django.db.backends.postgresql", "NAME": "paper", "USER": "", "PASSWORD": "", "HOST": "/nonexistent", "PORT": "", "OPTIONS": {},
    "TIME_ZONE": None, "CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": False, "AUTOCOMMIT": True, "ATOMIC_REQUESTS": False, "TEST": {},
}  # fmt: skip
_LENGTH = re.compile(r"(varchar|char)\((\d+)\)")
_DIGITS = re.compile(r"numeric\((\d+), ?(\d+)\)")
_WHOLE = ("smallint", "integer", "bigint")


class _Paper(DatabaseSchemaEditor):
    """Collects statements with their parameters filled in; believes every constraint that is asked for."""

    collected: list[str]

    def __init__(self, connection: Any) -> None:
        super().__init__(connection, collect_sql=True, atomic=False)
        self.collected = []

    def execute(self, statement: Any, params: Any = ()) -> None:
        text = str(statement)
        self.collected.append(text % tuple(self.quote_value(value) for value in params) if params else text)

    def quote_value(self, value: Any) -> str:
        return sql.Literal(value).as_string(None)

    def _constraint_names(self, model: Any, column_names: Any = None, *_given: Any, **_more: Any) -> list[str]:
        return ["of_that_kind"]

    def _get_sequence_name(self, table: str, column: str) -> str:
        return f"{table}_{column}_seq"

    def _is_collation_deterministic(self, collation_name: str) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Rendered:
    """One operation that touches the database: its texts as they are sent; None for Python. `widened`: an altered column takes all it took."""

    operation: Operation
    texts: list[str] | None
    widened: bool = False


def inside_workspaces(label: str) -> bool:
    """Whether an application stands in workspaces."""
    return apps.get_app_config(label).name in settings.TENANT_APPS


def control_tables() -> set[str]:
    """The tables that no workspace has."""
    return {model._meta.db_table for model in apps.get_models(include_auto_created=True) if not inside_workspaces(model._meta.app_label)}


def rendered(migration: Migration, state: ProjectState) -> Iterator[Rendered]:
    """The operations of a migration with their SQL; `state` is that of before, and becomes that of after."""
    with _paper(migration.app_label) as connection:
        for operation in migration.operations:
            before = state.clone()
            operation.state_forwards(migration.app_label, state)
            yield from _rendered(connection, migration.app_label, operation, before, state)


def _rendered(connection: Any, label: str, operation: Operation, before: ProjectState, after: ProjectState) -> Iterator[Rendered]:
    if isinstance(operation, operations.SeparateDatabaseAndState):
        for part in operation.database_operations:
            following = before.clone()
            part.state_forwards(label, following)
            yield from _rendered(connection, label, part, before, following)
            before = following
    elif isinstance(operation, operations.RunPython):
        yield Rendered(operation, None)
    elif isinstance(operation, operations.RunSQL):
        yield Rendered(operation, _texts(operation))
    else:
        with _Paper(connection) as editor:
            operation.database_forwards(label, editor, before, after)
        yield Rendered(operation, editor.collected, _widened(connection, label, operation, before, after))


def _texts(operation: operations.RunSQL) -> list[str]:
    given = operation.sql
    if given == operations.RunSQL.noop:
        return []
    parts = given if isinstance(given, (list, tuple)) else [given]
    return [str(part[0] if isinstance(part, (list, tuple)) else part) for part in parts]


def _widened(connection: Any, label: str, operation: Operation, before: ProjectState, after: ProjectState) -> bool:
    if not isinstance(operation, operations.AlterField):
        return False
    old, new = (_type(connection, state, label, operation) for state in (before, after))
    return widens(old, new)


def _type(connection: Any, state: ProjectState, label: str, operation: operations.AlterField) -> str:
    field: models.Field[Any, Any] = state.apps.get_model(label, operation.model_name)._meta.get_field(operation.name)
    return field.db_type(connection) or ""


def widens(old: str, new: str) -> bool:
    """Whether a column of the new type takes every value of the old."""
    if old == new or (new in ("text", "varchar") and old.startswith(("varchar", "text"))):
        return True
    if old in _WHOLE and new in _WHOLE:
        return _WHOLE.index(old) <= _WHOLE.index(new)
    lengths = _LENGTH.fullmatch(old), _LENGTH.fullmatch(new)
    if lengths[0] and lengths[1]:
        return lengths[0][1] == lengths[1][1] and int(lengths[0][2]) <= int(lengths[1][2])
    digits = _DIGITS.fullmatch(old), _DIGITS.fullmatch(new)
    if digits[0] and digits[1]:
        (total, after), (more, later) = (map(int, found.groups()) for found in digits if found)
        return after <= later and total - after <= more - later
    return False


@contextmanager
def _paper(label: str) -> Iterator[Any]:
    """A connection that is never opened, in the place of the owner's: the router lets migrations run there alone."""
    connection: Any = base.DatabaseWrapper(_GIVEN, settings.TENANT_DB_ALIAS)
    connection.pg_version = _LOWEST_SERVER
    connection.schema_name = settings.TEMPLATE_SCHEMA if inside_workspaces(label) else settings.PUBLIC_SCHEMA_NAME
    try:
        before = connections[settings.TENANT_DB_ALIAS]
    except ConnectionDoesNotExist:
        before = None
    connections[settings.TENANT_DB_ALIAS] = connection
    try:
        yield connection
    finally:
        if before is None:
            del connections[settings.TENANT_DB_ALIAS]
        else:
            connections[settings.TENANT_DB_ALIAS] = before
