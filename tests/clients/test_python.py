"""Four clients from PyPI, unmodified."""

from __future__ import annotations

from tests.clients.conftest import Play


def test_aioamocrm(play: Play) -> None:
    assert len(play("with_aioamocrm.py", "a.lock")["calls"]) == 28
