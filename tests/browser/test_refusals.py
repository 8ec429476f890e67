"""A stage is deleted in another window while the board stands open."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Run, log_in
from .test_journey import _drag

pytestmark = pytest.mark.browser


def _add_stage(page: Any, home: str, name: str) -> None:
    page.goto(f"{home}/settings/pipelines")
    page.locator("input[id^='n-']").first.fill(name)
    with page.expect_navigation():
        page.locator("button >> text=Add a stage").first.click()


def _delete_stage(page: Any, home: str, name: str) -> None:
    """Where no deal stands in it."""
    page.goto(f"{home}/settings/pipelines")
    row = page.locator("tr", has=page.locator(f"input[value='{name}']"))
    row.locator("[aria-label='Delete this stage']").click()
    with page.expect_navigation():
        row.locator("button[value=delete]").click()


def test_a_card_dropped_or_moved_to_a_stage_that_is_gone(up: Run, page: Any) -> None:
    home = log_in(page, up)
    other = page.context.new_page()
    for name in ("Gone by hand", "Gone by drag"):
        _add_stage(other, home, name)
    page.goto(f"{home}/board")
    page.wait_for_selector(".stage >> text=Gone by drag")
    page.wait_for_timeout(500)  # the drag's module comes after the page
    name = page.locator(".stage .deal__name").first.inner_text()
    home_stage = page.locator(".stage", has_text=name).first.get_attribute("id")
    card = f".deal:has-text('{name}')"
    page.locator(card).locator(".deal__move").click()
    page.wait_for_selector("#modal[open] [name=stage]")
    page.select_option("#modal [name=stage]", label="Gone by hand")
    _delete_stage(other, home, "Gone by hand")
    page.locator("#modal [type=submit]").click()
    page.wait_for_selector("#modal[open] [role=alert] >> text=That stage has been deleted meanwhile")
    assert page.locator("#modal [name=stage] option", has_text="Gone by hand").count() == 0
    page.keyboard.press("Escape")
    page.wait_for_selector("#modal", state="hidden")
    page.wait_for_selector(".stage >> text=Gone by hand", state="detached")
    gone = page.locator(".stage", has=page.locator("h2", has_text="Gone by drag"))
    page.wait_for_timeout(500)
    _delete_stage(other, home, "Gone by drag")
    _drag(page, card, f"#{gone.get_attribute('id')}")
    page.wait_for_selector(".toast[role=alert] >> text=That stage has been deleted meanwhile")
    page.wait_for_selector(".stage >> text=Gone by drag", state="detached")
    assert page.locator(f"#{home_stage} .deal__name", has_text=name).count() == 1
