"""Sign-up: one makes one; clear answers to bad wishes; limits on tries; find my workspaces."""

from __future__ import annotations

import uuid

import pytest
from django.core import mail

from crm_platform.db import sides
from crm_platform.jobs import serving
from tenants.models import Workspace
from tenants.provisioning import pool
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
        ({"password": "1234567890123"}, "entirely numeric"),
        ({"password": "founder@new.example"}, "too similar"),
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
    serving.serve_side(sides.control_unit)
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
