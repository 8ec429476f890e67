"""The first start dies at each of its points; started again it comes up, and a firm can sign up."""

from __future__ import annotations

import pytest

from . import world as worlds

pytestmark = pytest.mark.live


@pytest.mark.parametrize("point", ["bootstrap.control", "bootstrap.migrated", "bootstrap.granted", "bootstrap.seeded", "template.migrated", "template.cast", "pool.made"])
def test_killed_at(point: str) -> None:
    with worlds.world() as made:
        made.kill("whole.begin", at=point)
        made.do("whole.begin")
        made.settles("signing_up.after", made.do("signing_up.prepare", point))
