"""PostgreSQL or Redis is killed (-9) while a work is at one of its points; the run brings it back, and whoever is due finishes the work.

The commit that a point follows is there, the transaction it lies within is not: so each is finished, resumed or rolled back as after
the death of the process itself.
"""

from __future__ import annotations

import pytest

from . import test_killed
from .world import World

# One within a transaction or just behind its commit; with all of them `bin/test --all`.
TELLING = {"rolling_out": ("rollout.brought",), "moving": ("move.fenced",), "restoring": ("restore.files",), "erasing": ("erase.schema",)}


@pytest.mark.parametrize(("work", "point"), test_killed.cases(TELLING))
def test_postgres_killed_at(world: World, work: str, point: str) -> None:
    given = world.do(f"{work}.prepare", point)
    world.fell(f"{work}.work", given, at=point, server="postgres")
    world.settles(f"{work}.after", {**given, "by_server": True})


@pytest.mark.parametrize(("work", "point"), [("archiving", "archive.kept"), pytest.param("erasing", "erase.files", marks=pytest.mark.live), ("signing_up", "signup.filled")])
def test_redis_killed_at(world: World, work: str, point: str) -> None:
    given = world.do(f"{work}.prepare", point)
    world.fell(f"{work}.work", given, at=point, server="redis")
    world.settles(f"{work}.after", given)
