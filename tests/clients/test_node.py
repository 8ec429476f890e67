"""Three clients from npm, unmodified, over TLS."""

from __future__ import annotations

import shutil

import pytest

from tests.clients.conftest import Play

pytestmark = pytest.mark.skipif(shutil.which("node") is None or shutil.which("npm") is None, reason="NODE IS NOT HERE: the clients from npm are untested")


def test_shevernitskiy_amo(play: Play) -> None:
    assert len(play("with_amo.js")["calls"]) == 103


def test_shevernitskiy_amo_for_what_is_kept(play: Play) -> None:
    assert len(play("with_amo_kept.js", let_in=True)["calls"]) == 83


def test_amotop(play: Play) -> None:
    assert len(play("with_amotop.js")["calls"]) == 69


def test_amotop_for_what_is_kept(play: Play) -> None:
    assert len(play("with_amotop_kept.js", let_in=True)["calls"]) == 59


def test_amocrm_js(play: Play) -> None:
    assert len(play("with_amocrm_js.js")["calls"]) == 40
