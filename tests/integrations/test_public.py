"""Programs at the public host: the workspace is found by what they bring."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings

from crm_platform.integrations.models import Grant
from crm_platform.kernel import workspace
from tenants.signup.programs import REMEMBERED

from .kit import ASK, TOKEN, program

LOOKUP, OLD_LOOKUP = "/oauth2/account/current/subdomain", "/oauth2/account/subdomain"


def at_home(door) -> str:
    """A workspace's own address, with the port of the product's."""
    return workspace.host(place=door.place)


def test_the_token_endpoint_finds_the_workspace(two_doors, public) -> None:
    mine, other = two_doors
    shop, theirs = program(mine), program(other)
    first = shop.fetch(at=public, grant_type="authorization_code", code=shop.code())
    assert first.status_code == 200
    second = shop.fetch(at=public, grant_type="refresh_token", refresh_token=first.json()["refresh_token"])
    assert shop.call(second.json()["access_token"]).status_code == 200
    code = theirs.code(email="eve@elsewhere.example")
    crossed = shop.fetch(at=public, grant_type="authorization_code", code=code)
    assert (crossed.status_code, crossed.json()["hint"]) == (401, "Client authentication failed")
    with other.unit():
        assert Grant.objects.get().code_used_at is None
    assert theirs.fetch(at=public, grant_type="authorization_code", code=code).status_code == 200


@pytest.mark.parametrize("given", [{}, {"client_id": "x"}, {"client_id": "0b6f2a11-8c1d-4f7e-9a55-0d6a3f4b5c6d"}, {"refresh_token": "a" * 16 + "." + "b" * 20 + "." + "c" * 64}, {"code": "x" * 5000}])
def test_what_leads_nowhere_is_refused_in_the_same_shape(doors, public, given: dict[str, str]) -> None:
    answer = public.post(TOKEN, {"grant_type": "refresh_token", **given}, content_type="application/json")
    assert (answer.status_code, answer.headers["Content-Type"], answer.json()["hint"]) == (401, "application/problem+json", "Client authentication failed")


def test_the_account_is_found_by_a_token(doors, public) -> None:
    shop = program(doors)
    first = shop.first()
    facts = {"id": doors.place.number, "subdomain": doors.place.slug, "top_level_domain": settings.PUBLIC_HOST.rpartition(".")[2]}
    for client, host in ((public, at_home(doors)), (doors.client(email=None), doors.host)):
        for answer in (client.get(LOOKUP, headers={"X-Refresh-Token": first["refresh_token"]}), client.get(OLD_LOOKUP, headers={"Authorization": f"bearer {first['access_token']}"})):
            assert (answer.status_code, answer.json()) == (200, {**facts, "domain": host})
        for answer in (client.get(LOOKUP, headers={"X-Refresh-Token": "x"}), client.get(LOOKUP), client.get(OLD_LOOKUP, headers={"Authorization": "Bearer x.y.z"}), client.get(OLD_LOOKUP)):
            assert answer.status_code in (401, 302)
    who = shop.call(first["access_token"], "/v3/user")
    assert (who.status_code, who.json()["email"], set(who.json())) == (200, "olga@veldhuis.example", {"id", "name", "email"})


def test_a_token_of_another_does_not_find_ones_own(two_doors) -> None:
    mine, other = two_doors
    theirs = program(other).first(email="eve@elsewhere.example")
    assert mine.client(email=None).get(LOOKUP, headers={"X-Refresh-Token": theirs["refresh_token"]}).status_code == 401
    assert mine.client(email=None).get(OLD_LOOKUP, headers={"Authorization": f"Bearer {theirs['access_token']}"}).status_code == 401


def test_the_question_leads_on_to_the_workspace(doors, public) -> None:
    shop = program(doors)
    led = public.get(f"{ASK}/", {"client_id": shop.client_id, "state": "a&b", "mode": "popup"})
    address = urlsplit(led.headers["Location"])
    assert (led.status_code, address.netloc, address.path, parse_qs(address.query)["state"]) == (303, at_home(doors), "/oauth", ["a&b"])


def test_who_brings_no_known_id_is_asked_which_workspace_and_it_is_remembered(doors, public) -> None:
    asked = public.get(ASK, {"client_id": "nonsense"})
    assert (asked.status_code, "Which workspace?" in asked.content.decode()) == (200, True)
    wrong = public.post(ASK, {"address": "no-such-place"}, query_params={"client_id": "nonsense"})
    assert (wrong.status_code, "No workspace lives at this address" in wrong.content.decode()) == (422, True)
    led = public.post(ASK, {"address": f" {doors.host.upper()} "}, query_params={"client_id": "nonsense"})
    assert (led.status_code, led.headers["Location"]) == (303, f"http://{at_home(doors)}/oauth?client_id=nonsense")
    assert led.cookies[REMEMBERED]["httponly"]
    assert f'value="{doors.place.slug}"' in public.get(ASK, {"client_id": "nonsense"}).content.decode()
