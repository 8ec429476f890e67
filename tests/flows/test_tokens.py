"""Tokens of programs: one can be tried, and a program is never led to the log-in page."""

from __future__ import annotations

from datetime import timedelta

import pytest

from crm_platform.accounts import tokens
from crm_platform.accounts.models import ApiToken, User
from crm_platform.kernel import clock, workspace

OWNER = "olga@veldhuis.example"
ME = "/api/v1/me"


@pytest.fixture
def token(doors) -> str:
    """A token as the settings make it."""
    import re

    page = doors.client().post("/settings/tokens", {"name": "Zapier", "days": 365}).content.decode()
    return re.search(r'<code class="code copyable__value">([^<]+)</code>', page).group(1)


def bearing(text: str, scheme: str = "Bearer") -> dict[str, str]:
    return {"HTTP_AUTHORIZATION": f"{scheme} {text}"}


def test_a_token_says_whose_it_is(doors, token: str) -> None:
    answer = doors.client(email=None).get(ME, **bearing(token))
    assert answer.status_code == 200
    with doors.unit():
        address = workspace.url("/")
    assert answer.json() == {"name": "Olga de Wit", "email": OWNER, "role": "owner", "workspace": {"name": "Atelier Veldhuis", "address": address}}
    assert doors.client().get(ME).json()["email"] == OWNER
    with doors.unit():
        assert ApiToken.objects.get().last_used_at is not None


def test_a_program_without_a_good_token_is_told_so_in_its_own_way(doors, token: str, make_door) -> None:
    stranger = doors.client(email=None)
    for path, given in (
        (ME, {}), (ME, bearing("nonsense")), (ME, bearing("")), (ME, bearing(token, "Basic")), (ME, bearing(f"{token}x")), ("/contacts", bearing(token)), ("/contacts", bearing("x")), ("/contacts/new", bearing(token, "Token")),
    ):  # fmt: skip
        answer = stranger.get(path, **given)
        assert (answer.status_code, answer.headers["Content-Type"], answer.headers.get("WWW-Authenticate")) == (401, "application/json", "Bearer"), (path, given)
        assert answer.json()["message"]
    assert stranger.post("/contacts/new", {"first_name": "A"}, **bearing(token)).status_code == 401
    assert stranger.get("/contacts").status_code == 302
    assert stranger.get("/contacts", HTTP_ACCEPT="text/html", **bearing("dTpw", "Basic")).status_code == 302  # a browser behind a proxy that asks
    assert doors.client().get("/contacts", **bearing("dTpw", "Basic")).status_code == 200
    elsewhere = make_door(firm="Eve & Co", email="eve@elsewhere.example")
    assert elsewhere.client(email=None).get(ME, **bearing(token)).status_code == 401
    assert elsewhere.client("eve@elsewhere.example").get(ME, **bearing(token)).status_code == 401


def test_a_token_ends(doors, token: str) -> None:
    stranger = doors.client(email=None)
    with doors.unit():
        ApiToken.objects.update(expires_at=clock.real_now() - timedelta(seconds=1))
    assert stranger.get(ME, **bearing(token)).json()["code"] == "token_refused"
    with doors.unit():
        ApiToken.objects.update(expires_at=None)
        pk = ApiToken.objects.get().pk
    assert stranger.get(ME, **bearing(token)).status_code == 200
    assert doors.client().post(f"/settings/tokens/{pk}/revoke").status_code == 303
    assert stranger.get(ME, **bearing(token)).status_code == 401
    with doors.unit():
        fresh = tokens.make_api_token(User.objects.get(email=OWNER), name="Other")
        User.objects.filter(email=OWNER).update(is_active=False, access="deactivated")
    assert stranger.get(ME, **bearing(fresh)).status_code == 401
