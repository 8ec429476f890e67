"""A person is asked, and answers: the code, its way back, and what nobody is sent anywhere for."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import override_settings

from crm_platform.accounts import roles
from crm_platform.events.models import Event
from crm_platform.integrations import granting, naming, returning, services
from crm_platform.integrations.models import Grant
from crm_platform.kernel import clock, workspace
from tests.factories.cast import cast, person

from .kit import ASK, OWNER, RETURN, program


def answer_of(response) -> dict[str, str]:
    assert response.status_code == 302, response.content[:300]
    address = response.headers["Location"]
    assert address.startswith("https://shop.example/back?from=crm&")
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items() if name != "from"}


def test_a_person_is_asked_and_goes_back_with_a_code(doors) -> None:
    shop = program(doors, scopes=["crm", "files"])
    page = doors.client().get(f"{ASK}/", {"client_id": shop.client_id, "state": "s-1", "mode": "post_message"})
    text = page.content.decode()
    assert (page.status_code, page.headers["Cross-Origin-Opener-Policy"], "Shop" in text, "Files: read and add" in text) == (200, "unsafe-none", True, True)
    assert "https://shop.example" in page.headers["Content-Security-Policy"].partition("form-action")[2]
    given = answer_of(shop.ask())
    with doors.unit():
        assert given["code"].startswith(f"{doors.place.public_id}.")
        grant, event = Grant.objects.get(), Event.objects.filter(name="integration.granted").get()
        assert (grant.person.email, grant.by_administrator, grant.scopes, grant.code_digest != given["code"]) == (OWNER, True, ["crm", "files"], True)
        assert (event.record_id, event.after["administrator"]) == (shop.pk, True)
    assert {name: given[name] for name in ("state", "referer", "platform")} == {"state": "s-1", "referer": doors.host, "platform": "2"}


def test_a_person_says_no(doors) -> None:
    shop = program(doors)
    assert answer_of(shop.ask(answer="no")) == {"error": "access_denied", "state": "s-1"}
    with doors.unit():
        assert (Grant.objects.count(), Event.objects.filter(name="integration.refused").count()) == (0, 1)


def test_a_popup_leads_its_opener_on(doors) -> None:
    shop = program(doors)
    page = shop.ask(mode="popup")
    text = page.content.decode()
    assert (page.status_code, 'data-behaviour="to-opener"' in text, "https://shop.example/back?from=crm&amp;code=" in text) == (200, True, True)
    assert (page.headers["Cross-Origin-Opener-Policy"], page.headers["Cache-Control"]) == ("unsafe-none", "no-store")


def test_who_is_not_logged_in_logs_in_first_and_comes_back(doors) -> None:
    shop = program(doors)
    refused = doors.client(email=None).get(ASK, {"client_id": shop.client_id, "state": "a b"})
    assert (refused.status_code, "client_id%3D" in refused.headers["Location"], "state%3Da" in refused.headers["Location"]) == (302, True, True)


@pytest.mark.parametrize("query", [{"client_id": "nonsense"}, {"client_id": ""}, {"redirect_uri": "https://evil.example/"}, {"client_id": "0b6f2a11-8c1d-4f7e-9a55-0d6a3f4b5c6d"}])
def test_nobody_is_sent_anywhere_by_what_is_not_known(doors, query: dict[str, str]) -> None:
    shop = program(doors)
    for answer in (doors.client().get(ASK, {"client_id": shop.client_id, **query}), shop.ask(**query)):
        assert (answer.status_code, answer.headers.get("Location")) == (422, None)
    with doors.unit():
        assert not Grant.objects.exists()


def test_paused_revoked_and_foreign_ones_ask_nobody(two_doors) -> None:
    mine, other = two_doors
    shop, theirs = program(mine), program(other)
    assert mine.client().get(ASK, {"client_id": theirs.client_id}).status_code == 422
    assert other.client("eve@elsewhere.example").get(ASK, {"client_id": theirs.client_id}).status_code == 200
    shop.act(services.pause)
    assert mine.client().get(ASK, {"client_id": shop.client_id}).status_code == 422
    shop.act(services.resume)
    assert mine.client().get(ASK, {"client_id": shop.client_id}).status_code == 200
    shop.act(services.revoke)
    assert mine.client().get(ASK, {"client_id": shop.client_id}).status_code == 422


def test_who_gives_what(doors) -> None:
    shop = program(doors)
    with doors.unit():
        actors = cast()
        row = shop_row = services.get(actors["owner"], shop.pk)
        for who in ("owner", "administrator", "manager", "seller"):
            granting.give(actors[who], row)
        with pytest.raises(granting.MayNotGive):
            granting.give(actors["viewer"], shop_row)
        given = dict(Grant.objects.values_list("person__name", "by_administrator"))
    assert given == {"Otto": True, "Ada": True, "Mia": False, "Sam": False}


def test_codes_that_nobody_fetched_go(doors) -> None:
    shop = program(doors)
    shop.code()
    with doors.unit():
        Grant.objects.update(code_until=clock.real_now() - timedelta(days=2))
    shop.code()
    with doors.unit():
        assert Grant.objects.count() == 1


def test_a_client_id_holds_its_workspace(inside) -> None:
    for _ in range(50):
        made = naming.new_client_id()
        assert (made.version, naming.workspace_of_client(str(made))) == (8, workspace.here().public_id)
    assert naming.workspace_of_client("0b6f2a11-8c1d-4f7e-9a55-0d6a3f4b5c6d") == naming.workspace_of_client("x") == ""


@pytest.mark.parametrize(
    ("address", "good"),
    [
        (RETURN, True), ("https://shop.example", True), ("http://localhost:8080/cb", True), ("http://shop.example/cb", False), ("javascript:alert(1)", False), ("https://a@shop.example/", False),
        ("https://shop.example/#x", False), ("//shop.example", False), ("https://shop.example; script-src *", False), ("https://пример.рф/", False), ("https://" + "a" * 600, False),
    ],
)  # fmt: skip
def test_addresses_to_return_to(address: str, good: bool) -> None:
    with override_settings(SECURE=True):
        assert returning.is_good(address) is good


def test_a_seller_gives_only_what_is_theirs_and_a_viewer_is_told_so(doors) -> None:
    shop = program(doors)
    with doors.unit():
        person(roles.SELLER, name="Sam")
        person(roles.VIEWER, name="Vera")
    assert "no more" in doors.client("sam@veldhuis.example").get(ASK, {"client_id": shop.client_id}).content.decode()
    assert shop.ask(email="vera@veldhuis.example").status_code == 403
