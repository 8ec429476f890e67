"""What changed in a schema since a snapshot was copied out of it, carried after: changed rows by their transaction, deleted ones by their count.

A row written after the snapshot has an `xmin` at or after the oldest transaction that the snapshot did not see. Ages are
compared, so that the numbers may wrap around; a row so old that its number has come round again is carried once too often,
which does no harm. A deleted row leaves no trace, but after the changed ones have been put right the target has as many rows
too much as were deleted, and only then keys are compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection, sql

from . import asides, loading
from .tables import SAME_TEXT, Sum, Table


@dataclass(frozen=True, slots=True)
class End:
    """One end of the carrying: a connection with an open transaction, and the schema."""

    connection: Connection[Any]
    schema: str

    def name(self, table: Table) -> sql.Identifier:
        """A table of the schema, by its full name."""
        return sql.Identifier(self.schema, table.name)


@dataclass(frozen=True, slots=True)
class Changed:
    """How a table stands at the source: all its rows, and those written since."""

    table: Table
    rows: int
    written: int


def carry(source: End, target: End, found: Sequence[Table], *, since: int) -> int:
    """Make the target equal to the source as its transaction sees it; returns how many rows were written or deleted.

    `since` is what `tables.oldest` gave for the copy that the target holds; a second time is harmless.
    """
    target.connection.execute("SET CONSTRAINTS ALL DEFERRED")
    changes = [_changed(source, table, since) for table in found]
    moved = [(change, _take_out(source, target, change, since)) for change in changes]
    for change, _removed in moved:
        if change.written:
            names = change.table.names()
            target.connection.execute(sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {}").format(target.name(change.table), names, names, _aside(change.table)))
    target.connection.execute("SET CONSTRAINTS ALL IMMEDIATE")  # checked here, and the counters may be set in the same transaction
    return sum(change.written + removed for change, removed in moved)


def differing(source: End, target: End, found: Sequence[Table], *, since: int) -> list[str]:
    """Tables of which the target does not hold what the source does: by counts, and by the sums of the rows written since.

    Within the transactions in which `carry` was done; what was not written since was proved when it was copied.
    """
    return [table.name for table in found if not _same(source, target, _changed(source, table, since), since)]


def differences(ours: dict[str, Sum], theirs: dict[str, Sum]) -> list[str]:
    """Tables whose counts or sums are not the same on both sides."""
    return sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))


def _since(since: int) -> sql.Composed:
    return sql.SQL("age(xmin) <= age({}::xid8::xid)").format(sql.Literal(str(since)))


def _changed(source: End, table: Table, since: int) -> Changed:
    asked = sql.SQL("SELECT count(*), count(*) FILTER (WHERE {}) FROM {}").format(_since(since), source.name(table))
    [(rows, written)] = source.connection.execute(asked)
    return Changed(table, rows, written)


def _aside(table: Table, what: str = "new") -> sql.Identifier:
    return asides.named(f"{what}_{table.name}")


def _equal(table: Table, one: sql.Composable, two: sql.Composable) -> sql.Composed:
    return sql.SQL(" AND ").join(sql.SQL("{0}.{2} = {1}.{2}").format(one, two, sql.Identifier(column)) for column in table.key)


def _take_out(source: End, target: End, change: Changed, since: int) -> int:
    """Lay the changed rows aside in the target and take their old ones out, and the deleted ones; returns how many those were."""
    table, at = change.table, target.name(change.table)
    [(there,)] = target.connection.execute(sql.SQL("SELECT count(*) FROM {}").format(at))
    if change.written:
        _copy(source, target, table, where=_since(since), into="new", columns=table.sorted_names)
        gone = target.connection.execute(sql.SQL("DELETE FROM {} t USING {} n WHERE {}").format(at, _aside(table), _equal(table, sql.SQL("t"), sql.SQL("n"))))
        there -= gone.rowcount
    deleted: int = there + change.written - change.rows
    if deleted:
        _copy(source, target, table, where=sql.SQL("true"), into="kept", columns=table.key)
        _delete_others(target, table)
    return max(deleted, 0)


def _delete_others(target: End, table: Table) -> None:
    """Delete what is not among the keys laid aside. The keys that go are listed first: Citus joins a distributed table to a list, not to an absence."""
    gone = _lay_aside(target, table, "gone", table.key)
    target.connection.execute(sql.SQL("DELETE FROM {0} g USING {1} k WHERE {2}").format(gone, _aside(table, "kept"), _equal(table, sql.SQL("g"), sql.SQL("k"))))
    target.connection.execute(sql.SQL("DELETE FROM {0} t USING {1} g WHERE {2}").format(target.name(table), gone, _equal(table, sql.SQL("t"), sql.SQL("g"))))


def _lay_aside(target: End, table: Table, what: str, columns: tuple[str, ...], *, filled: bool = True) -> sql.Identifier:
    """A temporary table of some columns, made anew, with the target's own rows or with none."""
    return asides.lay(target.connection, f"{what}_{table.name}", sql.SQL("SELECT {} FROM {}").format(table.names(of=columns), target.name(table)), filled=filled)


def _copy(source: End, target: End, table: Table, *, where: sql.Composable, into: str, columns: tuple[str, ...]) -> None:
    name = _lay_aside(target, table, into, columns, filled=False)
    out = sql.SQL("COPY (SELECT {} FROM {} WHERE {}) TO STDOUT (FORMAT binary)").format(table.names(of=columns), source.name(table), where)
    into_it = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(name, table.names(of=columns))
    with source.connection.cursor() as reading, reading.copy(out) as pieces, target.connection.cursor() as writing, writing.copy(into_it) as copy:
        for piece in pieces:
            copy.write(piece)
    target.connection.execute(sql.SQL("ANALYZE {}").format(name))


def _same(source: End, target: End, change: Changed, since: int) -> bool:
    table = change.table
    [(rows,)] = target.connection.execute(sql.SQL("SELECT count(*) FROM {}").format(target.name(table)))
    if rows != change.rows:
        return False
    if not change.written:
        return True
    key = table.names(of=table.key)
    these = sql.SQL("({}) IN (SELECT {} FROM {})").format(key, key, _aside(table))
    return _sum(source, table, _since(since)) == _sum(target, table, these)


def _sum(end: End, table: Table, where: sql.Composable) -> tuple[int, str]:
    end.connection.execute(SAME_TEXT)
    asked = sql.SQL("SELECT count(*), coalesce(sum(('x' || substr(md5(ROW({})::text), 1, 15))::bit(60)::bigint), 0)::text FROM {} t WHERE {}")
    [(rows, total)] = end.connection.execute(asked.format(table.names(), end.name(table), where))
    return rows, total


def copy_all(source: End, target: End, found: Sequence[Table]) -> int:
    """All rows of the source's snapshot into the target, which is emptied first; within the target's transaction. Returns how many."""
    rows = 0
    with loading.emptied(target.connection, target.schema, found):
        for table in found:
            with target.connection.cursor() as cursor:
                pieces = loading.copy_out(source.connection, source.schema, table)
                with cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(target.name(table), table.names())) as copy:
                    for piece in pieces:
                        copy.write(piece)
                rows += cursor.rowcount
    return rows

