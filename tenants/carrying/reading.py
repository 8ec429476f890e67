"""Reading a workspace with its own role alone: what a worker may do, which holds no owner's login."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.conf import settings
from psycopg import sql

from crm_platform.kernel.workspace import Place

from . import tables


@contextmanager
def standing(place: Place) -> Iterator[psycopg.Connection[Any]]:
    """A connection of its own that sees one moment of the workspace, in its role and with its rights, until the block ends."""
    login, link = settings.DATABASES[place.alias], settings.DATABASE_LINK
    with psycopg.connect(
        host=login["HOST"], port=login["PORT"] or None, user=login["USER"], password=login["PASSWORD"], dbname=login["NAME"],
        autocommit=True, application_name="kartoteka", prepare_threshold=None, **link,
    ) as connection, tables.snapshot(connection):  # fmt: skip
        name = sql.Identifier(place.schema)
        connection.execute(sql.SQL("SET LOCAL ROLE {0}; SET LOCAL search_path = {0}; SET LOCAL statement_timeout = 0; {1}").format(name, sql.SQL(tables.SAME_TEXT)))
        yield connection
