"""Four clients from PyPI, unmodified."""

from __future__ import annotations

from tests.clients.conftest import Play


def test_aioamocrm(play: Play) -> None:
    assert len(play("with_aioamocrm.py", "a.lock")["calls"]) == 28


def test_aioamocrm_for_the_rest(play: Play) -> None:
    assert len(play("with_aioamocrm_more.py", "a.lock", let_in=True)["calls"]) == 49


def test_amocrm_api_wrapper(play: Play) -> None:
    assert len(play("with_wrapper.py", "a.lock")["calls"]) == 77


def test_amocrm_api_wrapper_for_what_is_kept(play: Play) -> None:
    assert len(play("with_wrapper_kept.py", "a.lock", let_in=True)["calls"]) == 28


def test_amocrm_api(play: Play) -> None:
    assert len(play("with_krukov.py", "a.lock", through=True)["calls"]) == 40


def test_amocrm_api_for_the_rest(play: Play) -> None:
    assert len(play("with_krukov_more.py", "a.lock", through=True, let_in=True)["calls"]) == 36


def test_amocrm_sdk(play: Play) -> None:
    assert len(play("with_sdk.py", "b.lock", through=True, let_in=True)["calls"]) == 50
