"""How a workspace is opened: by Place or public id, with or without a transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from crm_platform.db import sides
from crm_platform.kernel import context, preferences
from crm_platform.kernel.workspace import Place

from . import routing


def _place(which: Place | str) -> Place:
    return which if isinstance(which, Place) else routing.find_by_public_id(which)


@contextmanager
def enter(which: Place | str) -> Iterator[Place]:
    """Answer to `kernel.workspace.enter`."""
    place = _place(which)
    with context.bind(workspace=place.public_id), sides.inside(place):
        yield place


@contextmanager
def unit(which: Place | str) -> Iterator[Place]:
    """Answer to `kernel.workspace.unit`."""
    place = _place(which)
    with context.bind(workspace=place.public_id), sides.unit(place), preferences.local_time():
        yield place
