"""Operators: who comes in, with what, and how far."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner
from django.core.cache import cache
from django.test import Client
from django.urls import get_resolver

from crm_platform.accounts import operators
from crm_platform.accounts.models import User
from crm_platform.accounts.operators import NotYourDuty
from crm_platform.db import sides
from crm_platform.events.models import Event
from crm_platform.kernel.errors import Invalid
from tests.conftest import Door

from .desk import ADMIN, HOST, LOOKER, PASSWORD, TELLER, browser, made, totp

Desk = Callable[..., Client]


def test_a_new_operator_is_announced_and_the_address_is_taken_once(control_side: None) -> None:
    person = operators.create(ADMIN, email=" New@Op.example ", name="", role="money", password=PASSWORD)
    assert (person.email, person.name, person.role.code, person.is_active) == ("new@op.example", "new", "money", True)
    assert Event.objects.get(name="operator.added", record_id=person.pk).after == {"email": "new@op.example", "role": "money"}
    with pytest.raises(Invalid):
        operators.create(ADMIN, email="NEW@op.example", name="", role="admin", password=PASSWORD)
    with pytest.raises(Invalid):
        operators.create(ADMIN, email="weak@op.example", name="", role="admin", password="short")
    assert User.objects.filter(email__in=["weak@op.example"]).count() == 0


@pytest.mark.parametrize("who", [LOOKER, TELLER])
def test_only_who_may_do_everything_makes_and_closes_operators(control_side: None, who: Any) -> None:
    person = operators.create(None, email="one@op.example", name="One", role="admin", password=PASSWORD)
    for refused in (
        lambda: operators.create(who, email="two@op.example", name="", role="viewer", password=PASSWORD),
        lambda: operators.change(who, pk=person.pk, role="viewer"),
        lambda: operators.close(who, pk=person.pk),
    ):
        with pytest.raises(NotYourDuty):
            refused()
    person.refresh_from_db()
    assert person.is_active
    assert person.role.code == "admin"


def test_the_last_one_who_may_do_everything_stays(control_side: None) -> None:
    User.objects.update(is_active=False, access="deactivated")
    one = operators.create(None, email="one@op.example", name="One", role="admin", password=PASSWORD)
    with pytest.raises(operators.LastAdmin):
        operators.close(ADMIN, pk=one.pk)
    with pytest.raises(operators.LastAdmin):
        operators.change(ADMIN, pk=one.pk, role="viewer")
    operators.create(None, email="two@op.example", name="Two", role="admin", password=PASSWORD)
    operators.close(ADMIN, pk=one.pk)
    assert not User.objects.get(pk=one.pk).is_active


def test_a_stranger_is_led_to_the_log_in_from_every_page(desk: Desk) -> None:
    stranger = desk(None)
    for pattern in _paths():
        answer = stranger.get(pattern)
        assert answer.status_code in (302, 404, 405), pattern
        if answer.status_code == 302:
            assert answer.headers["Location"].startswith("/account/login/"), pattern


def test_without_a_second_factor_nothing_is_shown_but_the_way_to_one(desk: Desk) -> None:
    client = desk("admin", second_factor=False)
    for path in _paths():
        answer = client.get(path)
        assert answer.status_code != 200 or path in {"/account/2fa/totp/activate/", "/account/2fa/webauthn/add/", "/account/reauthenticate/", "/account/logout/"}, path
    assert client.get("/").headers["Location"] == "/account/2fa/totp/activate/?next=/"
    assert client.post("/operators", {"email": "x@op.example"}).status_code == 403
    assert not User.objects.using("control").filter(email="x@op.example").exists()


def test_a_session_that_has_not_given_its_factor_can_neither_look_nor_take_the_factor_off(desk: Desk) -> None:
    client = desk("admin", proven=False)
    for path in ("/", "/operators", "/account/2fa/", "/account/2fa/totp/deactivate/", "/account/2fa/recovery-codes/", "/account/2fa/totp/activate/", "/account/reauthenticate/"):
        assert client.get(path).headers["Location"].startswith("/account/2fa/reauthenticate/?next="), path
    assert client.post("/account/2fa/totp/deactivate/").status_code == 403
    answer = client.post("/account/2fa/reauthenticate/?next=/operators", {"code": totp(client.person.seed)})  # type: ignore[attr-defined]
    assert answer.headers["Location"] == "/operators"
    assert client.get("/operators").status_code == 200


def test_log_in_with_password_and_code(desk: Desk) -> None:
    person = desk("viewer").person  # type: ignore[attr-defined]
    client = browser()
    answer = client.post("/account/login/", {"login": person.email, "password": PASSWORD})
    assert answer.headers["Location"] == "/account/2fa/authenticate/"
    assert client.get("/").headers["Location"].startswith("/account/login/")
    answer = client.post("/account/2fa/authenticate/", {"code": totp(person.seed)})
    assert answer.headers["Location"] == "/"
    page = client.get("/")
    assert page.status_code == 200
    assert "Op viewer" in page.content.decode()


def test_setting_up_the_factor_is_proof_of_it(desk: Desk) -> None:
    person = desk("admin", second_factor=False).person  # type: ignore[attr-defined]
    client = browser()
    assert client.post("/account/login/", {"login": person.email, "password": PASSWORD}).headers["Location"] == "/"
    way = client.get("/account/2fa/totp/activate/")
    assert way.headers["Location"].startswith("/account/reauthenticate/")
    client.post("/account/reauthenticate/?next=/account/2fa/totp/activate/", {"password": PASSWORD})
    page = client.get("/account/2fa/totp/activate/")
    secret = re.search(r"\b([A-Z2-7]{32})\b", page.content.decode()).group(1)  # type: ignore[union-attr]
    assert client.post("/account/2fa/totp/activate/", {"code": "000000"}).status_code == 200
    assert client.get("/").status_code == 302
    client.post("/account/2fa/totp/activate/", {"code": totp(secret)})
    assert client.get("/").status_code == 200
    codes = client.get("/account/2fa/recovery-codes/")
    assert (codes.status_code, "Back to the console" in codes.content.decode()) == (200, True)
    assert client.get("/account/2fa/").status_code == 200


def test_a_workspaces_person_is_nobody_here(desk: Desk, doors: Door) -> None:
    client = doors.client()
    session = client.cookies["session"].value
    other = desk(None)
    other.cookies["session"] = session
    assert other.get("/").status_code == 302
    assert other.post("/account/login/", {"login": "olga@veldhuis.example", "password": PASSWORD}).status_code == 200


def test_whoever_is_closed_is_out_at_once(desk: Desk) -> None:
    client = desk("money")
    desk("admin")
    assert client.get("/").status_code == 200
    with sides.control_unit():
        operators.close(None, pk=client.person.pk)  # type: ignore[attr-defined]
    assert client.get("/").status_code == 302


def test_the_page_of_operators(desk: Desk) -> None:
    admin, looker = desk("admin"), desk("viewer")
    assert "A new operator" in admin.get("/operators").content.decode()
    assert "A new operator" not in looker.get("/operators").content.decode()
    given = {"email": "page@op.example", "name": "Page", "role": "viewer", "password": PASSWORD}
    assert looker.post("/operators", given).status_code == 403
    assert admin.post("/operators", {**given, "password": "short"}).status_code == 422
    assert admin.post("/operators", given).status_code == 303
    with sides.control_unit():
        pk = operators.by_email("page@op.example").pk
    assert looker.post(f"/operators/{pk}/close").status_code == 403
    assert admin.post(f"/operators/{pk}", {"role": "money"}).status_code == 303
    assert admin.post(f"/operators/{pk}/close").status_code == 303
    with sides.control_unit():
        assert not operators.get(pk).is_active
    assert "Let in again" in admin.get("/operators").content.decode()
    assert looker.post(f"/operators/{pk}", {"open": "1"}).status_code == 403
    assert admin.post(f"/operators/{pk}", {"open": "1"}).status_code == 303
    with sides.control_unit():
        assert operators.get(pk).is_active
        operators.close(None, pk=pk)
        User.objects.filter(pk=pk).update(email=f"gone-{pk}@op.example")


def test_ones_own_password(desk: Desk) -> None:
    client = desk("viewer")
    person = client.person  # type: ignore[attr-defined]
    client.get("/")
    elsewhere = browser(person)
    assert elsewhere.get("/me").status_code == 200
    page = client.get("/me").content.decode()
    assert person.email in page
    new = "another-long-sentence-8"
    for given, status in (({"old": "wrong", "new": new}, 422), ({"old": PASSWORD, "new": "short"}, 422), ({"old": PASSWORD, "new": PASSWORD}, 422), ({"old": "", "new": new}, 422)):
        assert client.post("/me/password", given).status_code == status
    assert elsewhere.get("/me").status_code == 200
    cache.clear()
    assert client.post("/me/password", {"old": PASSWORD, "new": new}).status_code == 303
    assert client.get("/me").status_code == 200
    assert elsewhere.get("/me").status_code == 302
    with sides.control_unit():
        assert operators.get(person.pk).check_password(new)
        assert Event.objects.get(name="operator.password_changed", record_id=person.pk).after == {"sessions_ended": 1}


def test_a_password_is_not_guessed_by_whoever_finds_a_session(desk: Desk) -> None:
    client = desk("admin")
    answers = [client.post("/me/password", {"old": f"guess {number}", "new": "another-long-sentence-8"}).status_code for number in range(8)]
    assert answers[0] == 422
    assert answers[-1] == 429
    cache.clear()


def test_ones_own_sessions_end_everywhere_else(desk: Desk) -> None:
    client = desk("money")
    person = client.person  # type: ignore[attr-defined]
    stranger = desk("money")
    elsewhere = browser(person)
    for one in (client, elsewhere, stranger):
        assert one.get("/me").status_code == 200
    assert "Log out everywhere else" in client.get("/me").content.decode()
    assert client.post("/me/sessions").status_code == 303
    assert [one.get("/me").status_code for one in (client, elsewhere, stranger)] == [200, 302, 200]
    with sides.control_unit():
        assert Event.objects.get(name="operator.sessions_ended", record_id=person.pk).after == {"sessions_ended": 1}


def test_the_page_asks_the_same_with_one_session_and_with_three(desk: Desk) -> None:
    from django.db import connections
    from django.test.utils import CaptureQueriesContext

    client = desk("viewer")
    client.get("/me")
    counts = []
    for more in (0, 2):
        for _one in range(more):
            browser(client.person)  # type: ignore[attr-defined]
        with CaptureQueriesContext(connections["control"]) as asked:
            page = client.get("/me").content.decode()
        counts.append(len(asked))
    assert page.count("Firefox") == 2 * 3
    assert counts[0] == counts[1]


def test_recovery_codes_are_renewed_after_the_password_and_noted(desk: Desk) -> None:
    client = desk("viewer")
    person = client.person  # type: ignore[attr-defined]
    way = client.get("/account/2fa/recovery-codes/generate/")
    assert "reauthenticate" in way.headers["Location"]
    assert client.post("/account/2fa/recovery-codes/generate/").status_code == 302
    with sides.control_unit():
        assert not Event.objects.filter(name="operator.codes_renewed", record_id=person.pk).exists()
    client.post("/account/reauthenticate/?next=/me", {"password": PASSWORD})
    client.post("/account/2fa/recovery-codes/generate/")
    with sides.control_unit():
        assert Event.objects.filter(name="operator.codes_renewed", record_id=person.pk).count() == 1
    assert "still good: 10" in client.get("/me").content.decode()


def test_the_list_asks_the_same_with_one_and_with_three(desk: Desk, django_assert_max_num_queries: Any) -> None:
    from django.db import connections
    from django.test.utils import CaptureQueriesContext

    admin = desk("admin")
    admin.get("/operators")
    counts = []
    for more in (0, 2):
        for _one in range(more):
            desk("viewer")
        with CaptureQueriesContext(connections["control"]) as asked:
            admin.get("/operators")
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_the_command_reads_the_password_from_standard_input(house: None, django_db_blocker: Any) -> None:
    from crm_platform.accounts.commands import change_operator, create_operator

    with django_db_blocker.unblock():
        made("admin")
        run = CliRunner().invoke(create_operator, ["--email", "cli@op.example", "--role", "money", "--password-stdin", "--json"], input=f"{PASSWORD}\n")
        assert json.loads(run.output) == {"email": "cli@op.example", "role": "money"}
        run = CliRunner().invoke(change_operator, ["--email", "cli@op.example", "--close", "--json"])
        assert json.loads(run.output)["closed"] is True
        with sides.control_unit():
            assert not operators.by_email("cli@op.example").is_active
            User.objects.filter(email="cli@op.example").update(email="cli-gone@op.example")


def _paths() -> list[str]:
    from django.conf import settings

    found = []

    def walk(patterns: Any, before: str) -> None:
        for one in patterns:
            text = before + re.sub(r"<(?:\w+:)?\w+>", "1", str(one.pattern))
            if hasattr(one, "url_patterns"):
                walk(one.url_patterns, text)
            elif one.name not in {"account_login", "account_logout", "account_inactive", "mfa_authenticate", "language"}:
                found.append(f"/{text}")

    walk(get_resolver(settings.OPERATOR_URLCONF).url_patterns, "")
    assert HOST
    return found
