"""Many rows at once by COPY: an import writes thousands of rows, and Django's INSERT costs several times as much.

The table and its columns come from the model, the values go as the protocol's own rows: nothing is composed of what people typed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models
from psycopg import sql

from crm_platform.kernel import versions

# From so many rows on, COPY is worth its round trips.
MANY = 20


def number_rows(model: type[models.Model], rows: Sequence[models.Model]) -> None:
    """Give unsaved rows their primary keys from the table's own sequence, ascending, in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)", [model._meta.db_table, model._meta.pk.column, len(rows)]
        )
        for row, (number,) in zip(rows, cursor.fetchall(), strict=True):
            row.pk = number


def copy_values(model: type[models.Model], names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Write rows of values, in the order of the attribute names, in the present transaction.

    All rows are there before the first is sent: a question to the database in between would wait for ever.

    The values are what the columns hold: conversions that fields do on saving (`auto_now`, files) do not happen, nor do
    defaults. Primary keys that are not among the names are given by the database and not read back.
    """
    by_name = {column.attname: column for column in model._meta.concrete_fields}
    columns = [by_name[name] for name in names]
    listed = sql.SQL(", ").join([sql.Identifier(str(column.column)) for column in columns])
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(model._meta.db_table), listed)
    written = [(at, _WRITTEN[type(column)]) for at, column in enumerate(columns) if type(column) in _WRITTEN]
    versions.bump(model._meta.db_table)
    connection.ensure_connection()
    with connection.connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            values = list(row)
            for at, write in written:
                if values[at] is not None:
                    values[at] = write(values[at])
            copy.write_row(values)


_encode = DjangoJSONEncoder(ensure_ascii=False).encode


def _json(value: Any) -> str:
    return _encode(value) if value or not isinstance(value, (dict, list)) else "{}" if isinstance(value, dict) else "[]"


def _array(values: Iterable[Any]) -> str:
    """An array of one dimension as PostgreSQL reads it; several times as fast as the driver's own dumper."""
    texts = [str(value) for value in values]
    joined = '","'.join(texts)
    if "\\" in joined or joined.count('"') != 2 * (len(texts) - 1):
        joined = '","'.join(text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return '{"' + joined + '"}' if texts else "{}"


_WRITTEN: dict[type, Callable[[Any], str]] = {models.JSONField: _json, ArrayField: _array}


def create_rows(model: type[models.Model], rows: Sequence[models.Model]) -> None:
    """Write unsaved rows and give them their primary keys: `bulk_create` for few, COPY for many."""
    if len(rows) < MANY:
        model._default_manager.bulk_create(rows)
        return
    number_rows(model, rows)
    names = [column.attname for column in model._meta.concrete_fields]
    copy_values(model, names, list(map(attrgetter(*names), rows)))
    for row in rows:
        row._state.adding, row._state.db = False, connection.alias
