"""Sign-up: one makes one; clear answers to bad wishes; limits on tries; find my workspaces."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
from django.core import mail

from crm_platform.accounts import services
from crm_platform.accounts.models import Role, User
from crm_platform.db import sides
from crm_platform.jobs import serving
from crm_platform.kernel import clock
from crm_platform.kernel.errors import Invalid
from tenants import creating, keeper
from tenants.models import Domain, Signup, Workspace
from tenants.provisioning import pool
from tenants.reserved import appearance
from tenants.suggesting import free_addresses
from tests.conftest import PASSWORD


def wish(**given):
    return {"email": "founder@new.example", "firm": "New Firm", "slug": f"new-{uuid.uuid4().hex[:8]}", "password": PASSWORD, "operation": str(uuid.uuid4()), **given}


@pytest.fixture
def ready(public):
    pool.fill(to=3)
    return public


def test_a_founder_lands_in_an_own_workspace(ready) -> None:
    form = wish(time_zone="Europe/Amsterdam")
    answer = ready.post("/start", form)
    assert answer.status_code == 303
    host = f"{form['slug']}.localhost"
    assert answer.headers["Location"].startswith(f"http://{host}")
    path = "/" + answer.headers["Location"].split("/", 3)[3]
    entered = ready.get(path, HTTP_HOST=host)
    assert (entered.status_code, entered.headers["Location"]) == (303, "/")
    board = ready.get("/board", HTTP_HOST=host)
    assert board.status_code == 200
    assert b"New enquiry" in board.content
    assert b"21 days left" in board.content


def test_a_replay_and_a_double_click_make_one_workspace(ready) -> None:
    form = wish()
    first, second = ready.post("/start", form), ready.post("/start", form)
    assert first.status_code == second.status_code == 303
    with sides.control_unit():
        assert Workspace.objects.filter(slug=form["slug"]).count() == 1
        assert Workspace.objects.filter(signup__operation=form["operation"]).count() == 1


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"slug": "ab"}, "at least 3"),
        ({"slug": "admin"}, "kept for the service"),
        ({"slug": "adm1n"}, "looks too much like"),
        ({"slug": "Ünïcode"}, "letters a to z"),
        ({"slug": "a" * 41}, "at most 40"),
        ({"password": "short"}, "at least 10 characters"),
        ({"password": "1234567890123"}, "Figures alone"),
        ({"password": "founder@new.example"}, "too much like your name"),
        ({"email": "nonsense"}, "valid email"),
        ({"firm": ""}, "required"),
        ({"operation": "x"}, "operation"),
    ],
)
def test_a_bad_wish_gets_a_clear_answer_and_makes_nothing(ready, given, sentence) -> None:
    form = wish(**given)
    with sides.control_unit():
        before = Workspace.objects.exclude(state="pool").count()
    answer = ready.post("/start", form)
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    if form["firm"]:
        assert form["firm"] in answer.content.decode()
    with sides.control_unit():
        assert Workspace.objects.exclude(state="pool").count() == before


def test_a_taken_address_offers_free_ones(ready) -> None:
    form = wish()
    ready.post("/start", form)
    again = ready.post("/start", wish(slug=form["slug"]))
    assert again.status_code == 422
    assert "belongs to another firm" in again.content.decode()
    assert 'data-fill="id_slug"' in again.content.decode()


def test_an_address_is_suggested_in_any_alphabet(ready) -> None:
    for firm, slug in (("ООО «Зерно и пар»", "zerno-i-par"), ("Oʻzbegim Invest MCHJ", "ozbegim-invest"), ("Boutique Lumière SARL", "boutique-lumiere")):
        assert f'value="{slug}"' in ready.get("/start/address", {"firm": firm}).content.decode()


def test_too_many_tries_are_told_to_wait(ready) -> None:
    for _ in range(10):
        ready.post("/start", wish(slug="admin1x" + uuid.uuid4().hex[:4], operation="x"))
    form = wish(email="eager@new.example")
    answers = [ready.post("/start", form).status_code for _ in range(11)]
    assert answers[-1] == 429


def test_find_my_workspaces_tells_the_mail_alone(ready) -> None:
    form = wish(email="finder@new.example")
    ready.post("/start", form)
    for email in ("finder@new.example", "nobody@new.example"):
        page = ready.post("/find", {"email": email})
        assert page.status_code == 200
        assert form["slug"] not in page.content.decode()
    serving.serve_side(sides.control_unit, seconds=60)
    letters = {letter.to[0]: letter.body for letter in mail.outbox if "@new.example" in letter.to[0]}
    assert form["slug"] in letters["finder@new.example"]
    assert "No workspace knows it" in letters["nobody@new.example"]


def test_no_schema_is_made_by_a_sign_up(ready) -> None:
    """A claim is one UPDATE: the schema was there before."""
    with sides.control_unit():
        waiting = set(Workspace.objects.filter(state="pool").values_list("schema_name", flat=True))
    form = wish()
    ready.post("/start", form)
    with sides.control_unit():
        assert Workspace.objects.get(slug=form["slug"]).schema_name in waiting


def _entered(client, answer, slug: str) -> bool:
    assert answer.status_code == 303
    return "/enter/" in answer.headers["Location"] and client.get("/" + answer.headers["Location"].split("/", 3)[3], HTTP_HOST=f"{slug}.localhost").status_code == 303


@pytest.mark.parametrize(
    ("given", "later", "status", "enters"),
    [
        ({}, 0, 303, True), ({"password": "a-stranger-s-sentence-9"}, 0, 303, False), ({"email": "newboss@evil.example"}, 0, 303, False), ({}, 11, 303, False),
        ({"slug": "another-free-one"}, 0, 409, False),
    ],
)  # fmt: skip
def test_a_replay_lets_in_only_the_founder_and_only_soon(ready, given, later, status, enters, monkeypatch) -> None:
    form = wish()
    ready.post("/start", form)
    with sides.control_unit():
        made = Workspace.objects.get(slug=form["slug"])
        if later:
            Signup.objects.filter(workspace=made).update(finished_at=clock.real_now() - timedelta(minutes=later))
        count = Workspace.objects.exclude(state="pool").count()
    with sides.unit(made.place):
        services._new_person(email="newboss@evil.example", name="Boss", role=Role.objects.get(code="owner")).save()
        User.objects.filter(email="newboss@evil.example").update(is_active=True, access="active")
    answer = ready.post("/start", {**form, **given})
    assert answer.status_code == status
    if status == 303:
        assert _entered(ready, answer, form["slug"]) is enters
    with sides.control_unit():
        assert Workspace.objects.exclude(state="pool").count() == count


@pytest.mark.parametrize("like", ["firm-0ne", "firmone", "f1rm-one", "firrn-one"])
def test_an_address_that_reads_like_another_firm_s_is_refused(ready, like) -> None:
    with sides.control_unit():
        there = Domain.objects.filter(domain="firm-one").exists()
    if not there:
        assert ready.post("/start", wish(slug="firm-one")).status_code == 303
    answer = ready.post("/start", wish(slug=like, firm="Firm One"))
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "reads like" in page or "looks too much" in page
    with sides.control_unit():
        assert not Domain.objects.filter(domain=like).exists()
        assert all(appearance(free) != appearance("firm-one") for free in free_addresses("Firm One", wished=like))


def test_what_fails_half_way_gives_the_address_back(ready) -> None:
    asked = creating.Wish(firm="Half", slug=f"half-{uuid.uuid4().hex[:6]}", email="half@new.example", password=PASSWORD, plan="nope")
    operation = uuid.uuid4()
    for _again in range(2):
        with pytest.raises(Invalid):
            creating.create_once(asked, operation=operation)
    with sides.control_unit():
        assert not Domain.objects.filter(domain=asked.slug).exists()
        left = list(Workspace.objects.filter(state="claiming", slug=None))
    assert left
    keeper.round_once()
    with sides.control_unit():
        assert not Workspace.objects.filter(pk__in=[one.pk for one in left]).exists()
    made, fresh = creating.create_once(replace(asked, plan="trial"), operation=operation)
    assert (made.slug, fresh) == (asked.slug, True)


@pytest.mark.parametrize(("given", "field"), [({"password": "x"}, "password"), ({"email": "notanemail"}, "email"), ({"firm": " "}, "firm")])
def test_a_wish_without_sense_is_refused_at_the_command_line_too(ready, given, field) -> None:
    asked = creating.Wish(**{"firm": "Firm", "slug": f"bad-{uuid.uuid4().hex[:6]}", "email": "a@new.example", "password": PASSWORD, **given})
    with pytest.raises(Invalid) as refused:
        creating.create_workspace(asked)
    assert field in refused.value.fields
