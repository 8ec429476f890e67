"""One at a time: whoever carries a workspace (moves it, puts it to sleep, restores it) holds its turn, and loses it with the process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg

from crm_platform.kernel.errors import CrmError
from tenants.provisioning import owner


class Busy(CrmError):
    """Somebody carries the workspace already."""

    code, status = "workspace_is_carried", 409
    sentence = "The workspace {slug} is being moved, restored or put to sleep at this moment. Look again in a minute."


@contextmanager
def turn(number: int) -> Iterator[bool]:
    """The workspace's turn for the block; False where another process or thread has it. Ends with the connection, so a killed holder keeps nothing."""
    key = [number % 2**31]
    with owner.direct() as connection:
        [(mine,)] = connection.execute("SELECT pg_try_advisory_lock(hashtext('carrying'), %s::int)", key)
        try:
            yield bool(mine)
        finally:
            with suppress(psycopg.Error):  # gone with the connection, if that is gone
                # A closed connection's server lets go of it a moment later, and who comes next would find the turn taken.
                connection.execute("SELECT pg_advisory_unlock(hashtext('carrying'), %s::int)", key)
