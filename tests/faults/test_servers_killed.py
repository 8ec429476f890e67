"""PostgreSQL or Redis is killed (-9) while a work is at one of its points; the run brings it back, and whoever is due finishes the work.

The commit that a point follows is there, the transaction it lies within is not: so each is finished, resumed or rolled back as after
the death of the process itself.
"""

from __future__ import annotations

import pytest

from . import test_killed
from .world import World

# One within a transaction or just behind its commit, for each work; with all of them `bin/test --all`.
TELLING = {
    "provisioning": ("pool.filled",), "signing_up": ("signup.filled",), "rolling_out": ("rollout.brought",), "moving": ("move.rows", "move.fenced"),
    "archiving": ("archive.kept",), "restoring": ("restore.files",), "erasing": ("erase.schema",),
}  # fmt: skip


def _cases() -> list[object]:
    found = list[object]()
    for work in (*test_killed.ALWAYS, *test_killed.WITH_ALL):
        for point in test_killed._module(work).POINTS:
            marks = () if point in TELLING.get(work, ()) else pytest.mark.live
            found.append(pytest.param(work, point, id=f"{work}-{point}", marks=marks))
    return found


@pytest.mark.parametrize(("work", "point"), _cases())
def test_postgres_killed_at(world: World, work: str, point: str) -> None:
    given = world.do(f"{work}.prepare", point)
    world.fell(f"{work}.work", given, at=point, server="postgres")
    world.do(f"{work}.after", {**given, "by_server": True})
    world.do("whole.check")


@pytest.mark.parametrize(("work", "point"), [("archiving", "archive.kept"), ("erasing", "erase.files"), ("signing_up", "signup.filled")])
def test_redis_killed_at(world: World, work: str, point: str) -> None:
    given = world.do(f"{work}.prepare", point)
    world.fell(f"{work}.work", given, at=point, server="redis")
    world.do(f"{work}.after", given)
    world.do("whole.check")
