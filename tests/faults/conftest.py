"""One world for all that die in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .world import World
from .world import world as made


@pytest.fixture(scope="package")
def world() -> Iterator[World]:
    """Servers of their own, brought to this release."""
    with made() as one:
        one.do("whole.begin")
        yield one
