"""One at a time: whoever carries a workspace (moves it, puts it to sleep, restores it) holds its turn, and loses it with the process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from crm_platform.kernel.errors import CrmError
from tenants.provisioning import owner


class Busy(CrmError):
    """Somebody carries the workspace already."""

    code, status = "workspace_is_carried", 409
    sentence = "The workspace {slug} is being moved, restored or put to sleep at this moment. Look again in a minute."


@contextmanager
def turn(number: int) -> Iterator[bool]:
    """The workspace's turn for the block; False where another process or thread has it. Ends with the connection, so a killed holder keeps nothing."""
    with owner.direct() as connection, owner.tried(connection, "carrying", number) as mine:
        yield mine
