"""An archive's rows into an empty schema, in one transaction, compared row by row before it ends; and its files."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from psycopg import Connection, sql

from crm_platform.kernel.files import house
from crm_platform.kernel.points import reached
from tenants.carrying import loading, tables
from tenants.carrying.tables import Sum, Table
from tenants.provisioning import owner

from . import contents, fitting
from .checking import Given
from .fitting import Fit
from .refusals import BrokenLinks, NoRoom, Tampered, UnsafeName, WrongCounts

Check = Callable[[], None]
# What rows say of their files must stay within the workspace's folder: one of another firm's lies beside it.
_SAFE = r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*$"
# Left for the database and for what others write meanwhile.
_SPARE = 64 << 20


@contextmanager
def full_disk_said() -> Iterator[None]:
    """A disk that fills up is a refusal like another."""
    try:
        yield
    except psycopg.errors.DiskFull:
        raise NoRoom from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoRoom from None
        raise


def check_room(given: Given) -> None:
    """Raise NoRoom where the archive says of itself that it will not fit."""
    root = Path(settings.MEDIA_ROOT)
    while not root.exists():
        root = root.parent
    if given.bytes + _SPARE > shutil.disk_usage(root).free:
        raise NoRoom


def rows(given: Given, *, schema: str, cell: str, prefix: str, check: Check = lambda: None) -> dict[str, Sum]:
    """Fill the schema; `prefix` is the new folder of its files. Gives what came in. Raises what refusals.py lists; then nothing is in it."""
    content = given.content
    with full_disk_said(), owner.direct(cell) as connection:
        fits = fitting.fit(connection, schema, content["tables"], version=content["version"])
        try:
            with connection.transaction():
                _fill(connection, schema, fits, given, check)
                amounts = _compared(connection, schema, fits, content["tables"], check)
                reached("restore.compared")
                _own_folder(connection, schema, fits, prefix)
                numbers = {name: told["next"] for name, told in content["tables"].items() if told["next"] is not None}
                tables.count_on(connection, schema, [one.table for one in fits], numbers)
        except psycopg.IntegrityError:
            raise BrokenLinks from None
        return amounts


def _fill(connection: Connection[Any], schema: str, fits: list[Fit], given: Given, check: Check) -> None:
    with loading.emptied(connection, schema, [one.table for one in fits]):
        fitting.set_defaults(connection, schema, fits)
        for one in fits:
            name = f"rows/{one.table.name}.csv"
            try:
                loading.copy_in(connection, schema, one.table, _checked(given.pieces(name), check), form="csv", columns=one.columns)
            except psycopg.DataError:
                raise Tampered(part=name) from None
        fitting.drop_defaults(connection, schema, fits)


def _checked(pieces: Iterator[bytes], check: Check) -> Iterator[bytes]:
    for piece in pieces:
        check()
        yield piece


def _compared(connection: Connection[Any], schema: str, fits: list[Fit], told: dict[str, Any], check: Check) -> dict[str, Sum]:
    """Before the paths get their new folder: the sums are the archive's."""
    found = {}
    for one in fits:
        check()
        name = one.table.name
        seen = Table(name, tuple(column for column in one.table.columns if column.name in one.columns), one.table.key)
        found.update(tables.sums(connection, schema, [seen], read=contents.compared))
        if found[name] != Sum(told[name]["rows"], told[name]["sum"]):
            raise WrongCounts(part=name)
    return found


def _own_folder(connection: Connection[Any], schema: str, fits: list[Fit], prefix: str) -> None:
    for table, column in sorted(contents.NAMED_FILES):
        if column != "path" or table not in {one.table.name for one in fits}:
            continue
        names = {"table": sql.Identifier(schema, table), "column": sql.Identifier(column)}
        wrong = connection.execute(sql.SQL("SELECT {column} FROM {table} WHERE {column} !~ %s LIMIT 1").format(**names), [_SAFE]).fetchone()
        if wrong:
            raise UnsafeName(part=str(wrong[0])[:200])
        if column in contents.of(table).folder:
            connection.execute(sql.SQL("UPDATE {table} SET {column} = %s || {column}").format(**names), [prefix])


def files(given: Given, home: str | None, *, check: Check = lambda: None) -> int:
    """Write the files under names that begin with a folder's (None: only compare them); gives how many. Raises Tampered, UnsafeName, NoRoom."""
    count = 0
    with full_disk_said():
        for file in given.listed():
            check()
            if home is None:
                for _piece in given.file_pieces(file):
                    pass
            else:
                with house().writing(f"{home}/{file.path}") as written:
                    for piece in given.file_pieces(file):
                        written.write(piece)
            count += 1
            reached("restore.file")
    return count
