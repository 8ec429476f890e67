"""A call comes up by itself on a page that is open, takes no focus, and a key puts it away."""

from __future__ import annotations

import json
import urllib.request
from typing import Any
from urllib.parse import urlsplit

import axe_core_python.sync_playwright as axe
import pytest

from .conftest import Run, log_in
from .test_journey import until

pytestmark = pytest.mark.browser


def test_a_call_comes_up_by_itself_and_escape_puts_it_away(up: Run, page: Any) -> None:
    home = log_in(page, up)
    page.goto(f"{home}/settings/tokens")
    page.fill("[name=name]", "Exchange")
    page.click("form.row--bottom [type=submit]")
    headers = {"Authorization": f"Bearer {page.inner_text('.copyable__value')}"}

    def ask(path: str, body: Any = None) -> Any:
        there = urllib.request.Request(f"http://127.0.0.1:{up.port}{path}", data=None if body is None else json.dumps(body).encode(), headers={**headers, "Host": urlsplit(home).netloc, "Content-Type": "application/json"})
        with urllib.request.urlopen(there, timeout=30) as answer:  # noqa: S310 (our own server)
            return json.load(answer)

    me = ask("/api/v4/account")["current_user_id"]
    contact = ask("/api/v4/contacts?limit=1")["_embedded"]["contacts"][0]
    number = next(field["values"][0]["value"] for field in contact["custom_fields_values"] if field["field_code"] == "PHONE")

    def ring(phone: str) -> None:
        ask("/api/v2/events", {"add": [{"type": "phone_call", "phone_number": phone, "users": [me]}]})

    card = page.locator(".ringing__card")
    page.goto(f"{home}/contacts")
    assert page.get_attribute(".ringing", "data-every") == "20"  # nobody was ever rung here
    ring("+31655550199")
    card.wait_for(timeout=40_000)  # the page has been open since before the first call
    assert "Unknown number" in card.inner_text()
    page.keyboard.press("Escape")
    until(page, lambda: card.count() == 0)
    page.focus("[name=q]")
    ring(number)
    card.wait_for(timeout=20_000)  # nobody asked for it
    assert contact["name"] in card.inner_text()
    assert page.evaluate("document.activeElement.name") == "q"
    for theme in ("light", "dark"):
        page.evaluate("(theme) => (document.documentElement.dataset.theme = theme)", theme)
        assert not [(one["id"], one["nodes"][0]["html"]) for one in axe.Axe().run(page, context=".ringing")["violations"]], theme
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    card.get_by_role("button").click()
    until(page, lambda: card.count() == 0)
    page.reload()
    page.wait_for_timeout(1500)
    assert card.count() == 0
    ring("+31655550199")
    card.wait_for(timeout=20_000)
    call = {"direction": "inbound", "uniq": "1", "duration": 5, "source": "pbx", "phone": "+31655550199"}
    ask("/api/v4/calls", [call])
    until(page, lambda: card.count() == 0)
