"""What differs between a workspace and the copy beside it, and single rows taken back with what hangs on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from psycopg import Connection, sql

from crm_platform.db import sides
from crm_platform.events.models import Event
from crm_platform.kernel import versions
from crm_platform.kernel.errors import CrmError
from tenants.carrying import asides, tables, turns
from tenants.carrying.tables import Table
from tenants.models import Beside, Workspace
from tenants.provisioning import owner

# Never taken back row by row: the history is written, not rewritten, and the rest is the house's own.
KEPT_OUT = frozenset({"event", "job", "django_migrations", "django_session", "usersessions_usersession", "workspace_state", "inbox_message", "letter", "counter"})
SAMPLE = 20


class NoSuchRows(CrmError):
    """The table cannot be taken back, or does not exist."""

    code, status = "no_such_table", 422
    sentence = "Rows of {table} are not taken back one by one. Choose of: {known}."


class HangsOnNothing(CrmError):
    """A row needs another that is gone."""

    code, status = "row_needs_another", 409
    sentence = "The rows need others that are gone, or somebody else has taken their place: {why}. Take those back first."


@dataclass(frozen=True, slots=True)
class Difference:
    """One table: rows only in the copy, only in the workspace, and different in both; keys of the first few of each."""

    table: str
    only_there: int
    only_here: int
    different: int
    keys: dict[str, list[str]] = field(default_factory=dict)


_COMPARED = """
WITH both_of AS (
    SELECT coalesce({key_then}, {key_now})::text AS key, {key_now} IS NULL AS gone, {key_then} IS NULL AS added, t.row_sum IS DISTINCT FROM n.row_sum AS differs
    FROM pg_temp.rows_then t FULL JOIN pg_temp.rows_now n ON {on})
SELECT count(*) FILTER (WHERE gone), count(*) FILTER (WHERE added), count(*) FILTER (WHERE differs AND NOT gone AND NOT added),
    (array_agg(key ORDER BY key) FILTER (WHERE gone))[1:{sample}], (array_agg(key ORDER BY key) FILTER (WHERE added))[1:{sample}],
    (array_agg(key ORDER BY key) FILTER (WHERE differs AND NOT gone AND NOT added))[1:{sample}]
FROM both_of WHERE differs
"""


def compare(beside: Beside) -> list[Difference]:
    """Tables in which the copy and the workspace differ, by name. Needs the owner's login."""
    now, then = _schemas(beside)
    with owner.direct(beside.workspace.alias) as connection, connection.transaction(force_rollback=True):
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        found = [table for table in tables.tables(connection, now) if table.key]
        ours, theirs = tables.sums(connection, now, found), tables.sums(connection, then, found)
        return [_compared(connection, table, now, then) for table in found if ours[table.name] != theirs[table.name]]


def _compared(connection: Connection[Any], table: Table, now: str, then: str) -> Difference:
    """How a table differs that does: its rows' keys and sums are laid aside from each side, and compared there."""
    for name, schema in (("rows_now", now), ("rows_then", then)):
        read = sql.SQL("SELECT {}, md5(ROW({})::text) AS row_sum FROM {}")
        asides.lay(connection, name, read.format(table.names(of=table.key), table.names(), sql.Identifier(schema, table.name)))
    key = sql.Identifier(table.key[0])
    statement = sql.SQL(_COMPARED).format(
        key_then=sql.SQL("t.{}").format(key), key_now=sql.SQL("n.{}").format(key), sample=sql.Literal(SAMPLE),
        on=sql.SQL(" AND ").join(sql.SQL("t.{0} = n.{0}").format(sql.Identifier(column)) for column in table.key),
    )  # fmt: skip
    [(gone, added, differs, *samples)] = connection.execute(statement).fetchall()
    return Difference(table.name, gone, added, differs, dict(zip(("only_there", "only_here", "different"), (list(sample or ()) for sample in samples), strict=True)))


def take_back(beside: Beside, *, table: str, keys: Sequence[str], operator: str = "command line") -> dict[str, int]:
    """Rows of a table as they were, under their own keys, with what hangs on them and is gone; returns how many by table.

    Each leaves an event. Raises NoSuchRows, HangsOnNothing, turns.Busy.
    """
    now, then = _schemas(beside)
    with turns.turn(beside.workspace_id) as mine, owner.direct(beside.workspace.alias) as connection:
        if not mine:
            raise turns.Busy(slug=beside.workspace.slug)
        found = {one.name: one for one in tables.tables(connection, now)}
        if table not in found or table in KEPT_OUT or len(found[table].key) != 1:
            raise NoSuchRows(table=table, known=", ".join(sorted(found.keys() - KEPT_OUT)))
        try:
            with connection.transaction():
                connection.execute("SET CONSTRAINTS ALL DEFERRED")
                done = {table: _replace(connection, found[table], now, then, list(keys))}
                done |= _along(connection, found, table, now, then, list(keys))
                _tell(connection, table, now, beside, operator)
                connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        except (psycopg.IntegrityError, psycopg.InternalError) as error:
            if isinstance(error, psycopg.InternalError) and "duplicate key" not in str(error):  # Citus tells a place that is taken as an error of its own
                raise
            raise HangsOnNothing(why=error.diag.message_detail or error.diag.message_primary or "") from None
    with sides.unit(beside.workspace.place):
        for name in done:
            versions.bump(name)  # written behind the back of what is kept
    return {name: number for name, number in done.items() if number}


def _replace(connection: Connection[Any], table: Table, now: str, then: str, keys: list[str]) -> int:
    """The rows as they were are laid aside as "back", and take the place of those that are."""
    key, columns, at = sql.Identifier(table.key[0]), table.names(), sql.Identifier(now, table.name)
    back = asides.lay(connection, "back", sql.SQL("SELECT {} FROM {} WHERE {}::text = ANY({})").format(columns, sql.Identifier(then, table.name), key, sql.Literal(keys)))
    connection.execute(sql.SQL("DELETE FROM {0} n USING {1} t WHERE n.{2} = t.{2}").format(at, back, key))
    return connection.execute(sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {}").format(at, columns, columns, back)).rowcount


_REFERENCES = """
SELECT c.conrelid::regclass::text, a.attname, t.relname, b.attname FROM pg_constraint c
JOIN pg_class t ON t.oid = c.confrelid
JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = c.confkey[1]
WHERE c.connamespace = %s::regnamespace AND c.contype = 'f'
"""
Reference = tuple[str, str, str]


def _references(connection: Connection[Any], schema: str) -> dict[str, list[Reference]]:
    """Table → (its column, the table it points to, that one's column)."""
    found: dict[str, list[Reference]] = {}
    for name, column, target, other in connection.execute(_REFERENCES, [schema]):
        found.setdefault(str(name).rpartition(".")[2].strip('"'), []).append((column, target, other))
    return found


def _along(connection: Connection[Any], found: dict[str, Table], table: str, now: str, then: str, keys: list[str]) -> dict[str, int]:
    """What hangs on the rows (by a key, or by entity and number) and is gone, as far as the other ends are still there."""
    references = _references(connection, now)
    done: dict[str, int] = {}
    for name, one in found.items():
        conditions = [] if name in KEPT_OUT or name == table else _hanging(one, references.get(name, []), found, table, then, sql.Literal(keys))
        for condition in conditions:
            along = asides.lay(connection, "along", sql.SQL("SELECT {} FROM {} t WHERE {}").format(one.names(), sql.Identifier(then, name), condition))
            _keep_those_that_hold(connection, along, references.get(name, []), now)
            statement = sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {} ON CONFLICT DO NOTHING").format(sql.Identifier(now, name), one.names(), one.names(), along)
            done[name] = done.get(name, 0) + connection.execute(statement).rowcount
    return done


def _hanging(one: Table, references: list[Reference], found: dict[str, Table], table: str, then: str, keys: sql.Composable) -> list[sql.Composable]:
    """Conditions on the rows of the copy that hang on some rows of a table."""
    columns = set(one.sorted_names)
    if {"entity", "record_id"} <= columns:
        return [sql.SQL("t.entity = {} AND t.record_id::text = ANY({})").format(sql.Literal(table), keys)]
    if "record_id" in columns:  # the entity stands where it points to: an own field
        return [
            sql.SQL("t.record_id::text = ANY({}) AND EXISTS (SELECT FROM {} o WHERE o.{} = t.{} AND o.entity = {})").format(
                keys, sql.Identifier(then, target), sql.Identifier(other), sql.Identifier(column), sql.Literal(table)
            )
            for column, target, other in references
            if "entity" in found[target].sorted_names
        ]
    return [sql.SQL("t.{}::text = ANY({})").format(sql.Identifier(column), keys) for column, target, _other in references if target == table]


def _keep_those_that_hold(connection: Connection[Any], along: sql.Identifier, references: list[Reference], now: str) -> None:
    """Of the rows laid aside only those stay whose other ends are there."""
    for column, target, other in references:
        at = {"along": along, "column": sql.Identifier(column), "other": sql.Identifier(other), "target": sql.Identifier(now, target)}
        ends = asides.lay(connection, "ends", sql.SQL("SELECT DISTINCT o.{other} AS key FROM {target} o JOIN {along} a ON a.{column} = o.{other}").format(**at))
        connection.execute(sql.SQL("DELETE FROM {along} t WHERE {column} IS NOT NULL AND NOT EXISTS (SELECT FROM {ends} e WHERE e.key = t.{column})").format(ends=ends, **at))


def _tell(connection: Connection[Any], table: str, now: str, beside: Beside, operator: str) -> None:
    """An event for each of the rows that were laid aside as "back"."""
    statement = sql.SQL(
        "INSERT INTO {event} (name, entity, record_id, subjects, before, after, actor_kind, actor_name, via, request, at, pending) "
        "SELECT 'record.returned', {table}, id, ARRAY[{table} || ':' || id], '{{}}'::jsonb, jsonb_build_object('name', to_jsonb(t)->>'name', 'moment', {moment}::text), "
        "'robot', {operator}, '', '', now(), false FROM {back} t"
    ).format(event=sql.Identifier(now, "event"), back=asides.named("back"), table=sql.Literal(table), moment=sql.Literal(str(beside.moment)), operator=sql.Literal(operator))
    connection.execute(statement)


def _schemas(beside: Beside) -> tuple[str, str]:
    if beside.spare is None:
        raise ValueError("the copy is gone")
    return beside.workspace.schema_name, beside.spare.schema_name


def earlier(workspace: Workspace, *, subject: str, at: datetime) -> dict[str, Any]:
    """What was different of one record at a moment, by its event rows alone: field → its value then. For any minute, without a copy."""
    entity, _colon, number = subject.partition(":")
    fields: dict[str, Any] = {}
    with sides.unit(workspace.place):
        for event in Event.objects.filter(entity=entity, record_id=int(number), at__gt=at).order_by("-id"):
            fields.update(event.before)
    return fields
