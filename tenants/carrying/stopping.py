"""The read-only moment: writers of a schema wait, readers go on; for as long as the block lasts."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import Connection, pq, sql

from crm_platform.kernel.errors import CrmError

from .tables import Table

# Milliseconds. Below PostgreSQL's deadlock_timeout of a second, so that where we and a writer wait for each other it is
# always we who yield; now and then longer, since only then an autovacuum gives way.
PATIENCE, LONGER = 700, 1500
TRIES = 40


class NeverStill(CrmError):
    """A writer held on for longer than we tried."""

    code, status = "workspace_never_still", 409
    sentence = "Somebody writes to the workspace without a pause (a long import?), so the moment for the change did not come. It is tried again by itself."


@contextmanager
def still(connection: Connection[Any], schema: str, tables: Sequence[Table]) -> Iterator[None]:
    """A transaction on the owner's connection in which nobody else writes to these tables. Raises NeverStill."""
    names = sql.SQL(", ").join(sql.Identifier(schema, table.name) for table in tables)
    for attempt in range(1, TRIES + 1):
        connection.execute("BEGIN")
        try:
            connection.execute(sql.SQL("SET LOCAL statement_timeout = {}").format(LONGER if attempt % 4 == 0 else PATIENCE))
            connection.execute(sql.SQL("LOCK TABLE {} IN SHARE MODE").format(names))
            connection.execute("SET LOCAL statement_timeout = 0")
        except (psycopg.errors.QueryCanceled, psycopg.errors.DeadlockDetected, psycopg.errors.LockNotAvailable):
            connection.execute("ROLLBACK")
            time.sleep(random.uniform(0.1, 0.6))  # noqa: S311 (jitter)
            continue
        break
    else:
        raise NeverStill
    try:
        yield
    except BaseException:
        if connection.info.transaction_status != pq.TransactionStatus.IDLE and not connection.closed:
            connection.execute("ROLLBACK")
        raise
    if connection.info.transaction_status == pq.TransactionStatus.INTRANS:  # the block may have ended it itself
        connection.execute("COMMIT")
