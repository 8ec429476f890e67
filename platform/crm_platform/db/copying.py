"""Many rows at once by COPY: an import writes thousands of rows whose ids nobody asks for, and Django's INSERT costs ten times as much.

The table and its columns come from the model, the values go as the protocol's own rows: nothing is composed of what people typed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection, models
from psycopg import sql
from psycopg.types.json import Json


def copy_rows(model: type[models.Model], rows: Iterable[models.Model]) -> None:
    """Write unsaved rows of a model, in the present transaction; their primary keys are given by the database and not read back."""
    columns = [column for column in model._meta.concrete_fields if not column.primary_key]
    names = sql.SQL(", ").join([sql.Identifier(str(column.column)) for column in columns])
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(model._meta.db_table), names)
    json_at = {at for at, column in enumerate(columns) if isinstance(column, models.JSONField)}
    attributes = [column.attname for column in columns]
    connection.ensure_connection()
    with connection.connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(_values(row, attributes, json_at))


def _values(row: models.Model, attributes: Sequence[str], json_at: set[int]) -> list[Any]:
    values = [getattr(row, name) for name in attributes]
    for at in json_at:
        values[at] = Json(values[at])
    return values
