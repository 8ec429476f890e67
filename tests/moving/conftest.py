"""A workspace with a life behind it, and an empty one that it moves into."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from crm_core.doors.moving import foreign
from crm_platform.kernel import ids
from tests.conftest import Door
from webhooks.outbound import addresses

from .kit import Foreign, standing


@pytest.fixture(autouse=True)
def loopback(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The accounts of the tests stand on this machine, and are in no hurry."""
    settings.CRM_HOOKS_TO_LOOPBACK = True
    monkeypatch.setattr(addresses, "resolve", lambda host, port: ["127.0.0.1"])
    monkeypatch.setattr(foreign, "PACE", 1000)


@pytest.fixture
def here(make_door: Callable[..., Door]) -> Door:
    """Who moves in: another firm, on a plan with room."""
    return make_door(firm=f"Mover {ids.random_id(4)}", email="mia@mover.example")


@pytest.fixture
def there(doors: Door) -> Iterator[tuple[Door, Foreign]]:
    """The account over there."""
    with standing(doors) as account:
        yield doors, account
