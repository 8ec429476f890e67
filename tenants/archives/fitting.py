"""From the tables of an archive to those of a schema: the same, or an older shape that only lacks what was added since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db.models import NOT_PROVIDED
from psycopg import Connection, sql
from psycopg.types.json import Jsonb

from tenants.carrying import tables
from tenants.carrying.tables import Table

from . import contents
from .refusals import TooOld, UnknownTable


@dataclass(frozen=True, slots=True)
class Fit:
    """A table here, the columns that the archive has of it, and what fills those it has not: SQL, by column."""

    table: Table
    columns: tuple[str, ...]
    filled: Mapping[str, sql.Composable]


def fit(connection: Connection[Any], schema: str, told: Mapping[str, Any], *, version: str) -> list[Fit]:
    """How each table of the archive goes into the schema. Raises UnknownTable, TooOld."""
    everything = {table.name: table for table in tables.tables(connection, schema)}
    known = {table.name: table for table in contents.travelling(list(everything.values()))}
    if unknown := set(told) - set(known):
        raise UnknownTable(part=min(unknown))
    return [_fit(everything[name], known[name], tuple(one["columns"]), version=version) for name, one in sorted(told.items())]


def _fit(whole: Table, table: Table, columns: tuple[str, ...], *, version: str) -> Fit:
    names = {column.name for column in table.columns}
    if len(set(columns)) < len(columns) or (gone := set(columns) - names):
        raise TooOld(theirs=version, part=f"{table.name}.{min(gone, default='')}" if len(set(columns)) == len(columns) else table.name)
    filled: dict[str, sql.Composable] = {name: sql.SQL(text) for name, text in contents.of(table.name).blanked.items()}
    for column in whole.columns:
        if column.name not in columns and column.name not in filled and not column.nullable:
            value = _default(table.name, column.name, version=version)
            if value is not None:
                filled[column.name] = value
    return Fit(table, columns, filled)


def _default(table: str, column: str, *, version: str) -> sql.Composable | None:
    """What a row made before the column was gets, as the model says it; None where the database has its own answer. Raises TooOld."""
    for model in apps.get_models():
        if model._meta.db_table == table:
            field = next(field for field in model._meta.concrete_fields if field.column == column)
            if field.db_default is not NOT_PROVIDED:
                return None
            if not (field.has_default() or field.empty_strings_allowed):
                break
            value = field.get_default()
            return sql.Literal(Jsonb(value) if isinstance(value, (dict, list)) and field.get_internal_type() == "JSONField" else value)
    raise TooOld(theirs=version, part=f"{table}.{column}")


def set_defaults(connection: Connection[Any], schema: str, fits: list[Fit]) -> None:
    """While rows go in, what they lack is filled by the database."""
    for one in fits:
        for column, text in one.filled.items():
            connection.execute(sql.SQL("ALTER TABLE {} ALTER COLUMN {} SET DEFAULT {}").format(sql.Identifier(schema, one.table.name), sql.Identifier(column), text))


def drop_defaults(connection: Connection[Any], schema: str, fits: list[Fit]) -> None:
    """As the migrations made them: without defaults."""
    for one in fits:
        for column in one.filled:
            connection.execute(sql.SQL("ALTER TABLE {} ALTER COLUMN {} DROP DEFAULT").format(sql.Identifier(schema, one.table.name), sql.Identifier(column)))
