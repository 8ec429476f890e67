"""The database that every server has beside those of workspaces: from there a server is spoken to, whichever of ours is closed or on another server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.conf import settings


@contextmanager
def beside(cell: str) -> Iterator[psycopg.Connection[Any]]:
    """The owner's connection to it, on the server of a database of workspaces; in autocommit."""
    login = settings.DATABASES[settings.OWNERS[cell]]
    with psycopg.connect(host=login["HOST"], port=login["PORT"] or None, user=login["USER"], password=login["PASSWORD"], dbname="postgres", autocommit=True) as one:
        yield one
