"""What the tests of archives share: a workspace to be archived, and those that come back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tenants.models import Workspace
from tenants.provisioning import pool

from . import archive_kit as kit


@pytest.fixture
def restored(house, django_db_blocker) -> Iterator[list[Workspace]]:
    """What a test restores: discarded after it."""
    with django_db_blocker.unblock():
        made: list[Workspace] = []
        yield made
        for workspace in made:
            pool.discard(workspace)


@pytest.fixture
def furnished(doors):
    """A workspace with something of everything."""
    kit.furnish(doors.place)
    return doors
