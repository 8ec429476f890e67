"""A call that rings comes up in a corner of the screen of those whose telephones ring, and of nobody else."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.conf import settings
from django.test import Client
from django.urls import reverse

from crm_core.sales.incoming import lines, ringing
from crm_platform.accounts.models import User
from crm_platform.kernel import clock, seating
from crm_platform.ui.ringing import ADDRESS
from tests.crm_core.incoming.kit import ROBOT, came, source
from tests.doors.conftest import Program, program_of
from tests.doors.test_calls_and_talks import CALL, phone
from tests.doors.test_records import made
from tests.factories.cast import person

KNOWN, UNKNOWN = "+31205550188", "+31655550199"
Seen = Callable[..., str]


def ring(program: Program, number: str, *people: int) -> None:
    answer = program.post("/api/v2/events", {"add": [{"type": "phone_call", "phone_number": number, "users": list(people)}]})
    assert answer.status_code == 200, answer.content


def seen(browser: Client, shown: str = "") -> str:
    """The card, in one line; "" for a 204."""
    answer = browser.get(f"/ringing?shown={shown}", HTTP_HX_REQUEST="true")
    assert answer.status_code == (200 if answer.content or shown else 204)
    return " ".join(answer.content.decode().split())


def call_of(card: str) -> str:
    found = re.search(r'data-call="(\w+)"', card)
    assert found, card
    return found.group(1)


@pytest.fixture
def me(api: Program) -> int:
    return int(api.get("account").json()["current_user_id"])


def test_whose_number_it_is(api: Program, doors: Any, me: int) -> None:
    (anna,) = made(api, "contacts", {"name": "Anna <Smit>", "custom_fields_values": phone(KNOWN)})
    (open_one,) = made(api, "leads", {"name": "Oak shelves", "_embedded": {"contacts": [{"id": anna}]}})
    made(api, "leads", {"name": "Long ago", "status_id": 143, "_embedded": {"contacts": [{"id": anna}]}})
    (firm,) = made(api, "companies", {"name": "Bakery", "custom_fields_values": phone("+79161234567")})
    browser = doors.client()
    assert seen(browser) == ""
    ring(api, "+31 (20) 555-01-88", me)
    card = seen(browser)
    for shown in ("Anna &lt;Smit&gt;", f'href="/contacts/{anna}"', "+31 20 555 0188", f'href="/deals/{open_one}"', "Oak shelves"):
        assert shown in card, shown
    for absent in ("Long ago", "Unknown number", "/contacts/new"):
        assert absent not in card, absent
    assert browser.get(f"/ringing?shown={call_of(card)}").status_code == 204  # it is there: nothing moves
    ring(api, "8 (916) 123-45-67", me)
    later = seen(browser, call_of(card))
    assert (f'href="/companies/{firm}"' in later, "Bakery" in later) == (True, True)


def test_an_unknown_number_becomes_a_contact(api: Program, doors: Any, me: int) -> None:
    ring(api, UNKNOWN, me)
    browser = doors.client()
    card = seen(browser)
    assert "Unknown number" in card
    link = re.search(r'href="(/contacts/new\?phone=[^"]+)"', card)
    assert link
    assert f'value="{UNKNOWN}"' in browser.get(link.group(1)).content.decode()


def test_an_unknown_number_whose_lead_waits(api: Program, doors: Any, me: int) -> None:
    with doors.unit():
        lead = came({"name": "Camille", "phone": UNKNOWN})
    ring(api, UNKNOWN, me)
    card = seen(doors.client())
    assert (f'href="/unsorted/{lead.uid}"' in card, "/contacts/new" in card) == (True, False)


def test_only_those_whose_telephone_rings_are_shown_it(api: Program, doors: Any, make_door: Any, me: int) -> None:
    made(api, "contacts", {"name": "Anna", "custom_fields_values": phone(KNOWN)})
    with doors.unit():
        seller, viewer = (person(role, name=role.title()) for role in ("seller", "viewer"))
    elsewhere = make_door(firm="Eve & Co", email="eve@elsewhere.example")
    ring(api, KNOWN, seller.pk)
    assert [seen(doors.client()), seen(doors.client(viewer.email)), seen(elsewhere.client("eve@elsewhere.example"))] == ["", "", ""]
    with elsewhere.unit():
        assert ringing.of(seller.pk) is None
    card = seen(doors.client(seller.email))  # another team's contact: the number alone
    assert "+31 20 555 0188" in card
    assert not re.search(r"Anna|Unknown|<a ", card)
    assert doors.client(None).get("/ringing").status_code != 200
    assert program_of(doors, viewer.email).post("/api/v2/events", {"add": [{"type": "phone_call", "phone_number": KNOWN, "users": [me]}]}).status_code == 403
    assert seen(doors.client()) == ""  # what was refused rings nowhere


def test_over_when_it_is_told_or_closed_or_after_two_minutes(api: Program, doors: Any, me: int) -> None:
    browser = doors.client()
    ring(api, UNKNOWN, me)
    first = call_of(seen(browser))
    api.post("calls", [{**CALL, "phone": KNOWN}])
    assert browser.get(f"/ringing?shown={first}").status_code == 204  # another call ended
    api.post("calls", [{**CALL, "phone": "+31 6 5555 0199"}])
    assert seen(browser, first) == ""
    ring(api, UNKNOWN, me)
    second = call_of(seen(browser))
    assert browser.post("/ringing/close", {"call": first}).status_code == 204
    assert seen(browser) != ""  # what was closed was another
    assert browser.get("/ringing/close").status_code == 405
    browser.post("/ringing/close", {"call": second})
    assert seen(browser) == ""
    ring(api, UNKNOWN, me)
    with clock.frozen(clock.real_now() + timedelta(seconds=ringing.RINGS_FOR - 5)):
        assert seen(browser) != ""
    with clock.frozen(clock.real_now() + timedelta(seconds=ringing.RINGS_FOR + 1)):
        assert seen(browser) == ""


def test_pages_ask_seldom_until_a_telephone_rings_and_pay_nothing_for_it(api: Program, doors: Any, me: int, count_statements: Any) -> None:
    browser = doors.client()

    def page() -> tuple[list[str], int]:
        browser.get("/bin")
        with count_statements() as count:
            text = browser.get("/bin").content.decode()
        return re.findall(r'data-behaviour="ringing"[^>]* data-every="(\d+)"', text), count()

    asks, before = page()
    assert asks == ["20"]
    ring(api, UNKNOWN, me)
    assert page() == (["5"], before)
    ringing.close(me, "")
    with doors.unit():
        ringing.end([UNKNOWN])
    seen(browser)
    with count_statements() as nothing:
        assert seen(browser) == ""
    assert nothing() < before


def test_a_page_that_is_open_is_told_to_ask_often_from_the_first_call_on(api: Program, doors: Any, me: int) -> None:
    browser = doors.client()
    assert browser.get("/ringing").headers["X-Ask-Every"] == "20"
    ring(api, UNKNOWN, me)
    answers = [browser.get("/ringing"), browser.get("/ringing?shown=1")]
    assert [(answer.status_code, answer.headers["X-Ask-Every"]) for answer in answers] == [(200, "5"), (200, "5")]


def test_where_no_telephone_rings_a_question_costs_no_statement_and_says_nothing_to_a_stranger(api: Program, doors: Any, me: int, count_statements: Any) -> None:
    browser, stranger = doors.client(), doors.client(None)
    assert reverse("ringing", urlconf=settings.WORKSPACE_URLCONF) == ADDRESS
    for one in (browser, stranger):
        one.get("/ringing")
        with count_statements() as count:
            answer = one.get("/ringing")
        assert (answer.status_code, answer.content, answer.headers["X-Ask-Every"], count()) == (204, b"", "20", 0)
    assert browser.get("/ringing?shown=1").status_code == 200  # a card that is there goes
    ring(api, UNKNOWN, me)
    assert seen(browser) != ""
    assert UNKNOWN.encode() not in stranger.get("/ringing").content
    assert stranger.get("/ringing").status_code in (302, 401, 403)


def test_whose_the_lines_are_is_said_and_pages_ask_often(doors: Any) -> None:
    with doors.unit():
        lines.set_lines(ROBOT, source("calls").pk, [("101", person("seller", name="Seller").pk)])
    assert doors.client().get("/ringing").headers["X-Ask-Every"] == "5"


def test_without_redis_nothing_comes_up_and_nothing_breaks(api: Program, doors: Any, me: int, monkeypatch: Any) -> None:
    away = redis.Redis(host="127.0.0.1", port=1, socket_connect_timeout=1)
    monkeypatch.setattr(ringing, "_redis", lambda: away)
    ring(api, UNKNOWN, me)
    browser = doors.client()
    assert seen(browser) == ""
    assert browser.post("/ringing/close", {"call": "1"}).status_code == 204
    assert api.post("calls", [{**CALL, "phone": UNKNOWN}]).status_code == 200


def test_a_page_that_is_open_takes_no_place_at_work_and_is_no_visit(api: Program, doors: Any, monkeypatch: Any) -> None:
    with doors.unit():
        seller = person("seller", name="Seller")
    taken: list[int] = []
    monkeypatch.setattr(seating, "admit", lambda pk, *, occasional: taken.append(pk))
    browser = doors.client(seller.email)
    with doors.unit():
        User.objects.filter(pk=seller.pk).update(last_seen_at=None)
    assert (seen(browser), taken, last_seen(doors, seller.pk)) == ("", [], None)
    browser.get("/bin")
    assert (taken, last_seen(doors, seller.pk) is None) == ([seller.pk], False)


def last_seen(doors: Any, pk: int) -> Any:
    with doors.unit():
        return User.objects.get(pk=pk).last_seen_at
