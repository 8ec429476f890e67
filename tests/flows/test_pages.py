"""Every page of a workspace answers, for its owner; and none for a stranger."""

from __future__ import annotations

import pytest

from tests.conftest import Door

PAGES = [
    "/board", "/deals", "/deals/new", "/contacts", "/contacts/new", "/companies", "/companies/new", "/products", "/products/new", "/day", "/funnel", "/search?q=an",
    "/search/as-one-types?q=an", "/bin", "/settings/profile", "/settings/people", "/settings/people/invite", "/settings/roles", "/settings/tokens", "/settings/plan",
    "/settings/firm", "/settings/pipelines", "/settings/fields", "/settings/journal", "/account/2fa/", "/account/sessions/", "/account/password/change/",
]  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_a_page_answers_its_owner_and_refuses_a_stranger(doors: Door, path: str) -> None:
    answer = doors.client().get(path)
    assert answer.status_code == 200, answer.content.decode()[:3000]
    stranger = doors.client(email=None).get(path)
    assert stranger.status_code == 302
    assert stranger.headers["Location"].startswith("/account/login/")
