"""The administrators' pages and the verbs behind them: who may, what is shown once, what is announced, what is kept of refusals."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import jwt
import pytest

from crm_platform.accounts import roles
from crm_platform.accounts import services as accounts
from crm_platform.accounts.models import ApiToken, Role, User
from crm_platform.events.models import Event
from crm_platform.integrations import faults, figures, services
from crm_platform.integrations.models import Grant, Integration
from crm_platform.kernel import clock
from crm_platform.kernel.errors import CrmError, Forbidden, Invalid, NotFound
from tests.factories.cast import cast, person

from .kit import ME, OWNER, RETURN, owner, program

PAGES = "/settings/integrations"
GOOD = {"name": "Shop", "redirect_uri": RETURN, "kind": "private", "scopes": ["crm"]}


def shown(page) -> str:
    """What a page shows once."""
    return re.search(r'<code class="code copyable__value">([^<]+)</code>', page.content.decode()).group(1)


def test_making_one_shows_its_secret_once(doors) -> None:
    page = doors.client().post(f"{PAGES}/new", GOOD)
    secret = shown(page)
    assert (page.status_code, len(secret) > 40, page.headers["Cache-Control"]) == (200, True, "no-store")
    with doors.unit():
        made, event = Integration.objects.get(), Event.objects.filter(name="integration.made").get()
        assert (services.has_secret(made, secret), secret in str(made.__dict__), secret in str(event.after)) == (True, False, False)
    for path in (PAGES, f"{PAGES}/{made.pk}"):
        text = doors.client().get(path).content.decode()
        assert ("Shop" in text, secret in text) == (True, False)


@pytest.mark.parametrize(("change", "field"), [({"name": " "}, "name"), ({"redirect_uri": "javascript:x"}, "redirect_uri"), ({"scopes": ["all"]}, "scopes"), ({"scopes": []}, "scopes"), ({"kind": "public"}, "kind")])
def test_what_makes_no_sense_is_not_made(doors, change: dict, field: str) -> None:
    with doors.unit(), pytest.raises(Invalid) as refused:
        services.make(owner(), **{**GOOD, **change})
    assert field in refused.value.fields
    assert doors.client().post(f"{PAGES}/new", {**GOOD, **change}).status_code == 422
    with doors.unit():
        assert not Integration.objects.exists()


def test_only_who_may_change_the_settings_manages_them(doors) -> None:
    shop = program(doors)
    with doors.unit():
        actors = cast()
        verbs = [services.pause, services.resume, services.rotate_secret, services.revoke, lambda actor, pk: services.make_token(actor, pk, days=1), services.get]
        for who in ("manager", "seller", "mate", "other", "viewer"):
            for verb in verbs:
                with pytest.raises(Forbidden):
                    verb(actors[who], shop.pk)
            with pytest.raises(Forbidden):
                services.make(actors[who], **GOOD)
        services.pause(actors["administrator"], shop.pk)
        assert Event.objects.filter(name__startswith="integration.").exclude(name="integration.made").count() == 1
    seller = doors.client("sam@veldhuis.example")
    for path in ("", "/new", f"/{shop.pk}", f"/{shop.pk}/undo?period=day"):
        assert seller.get(f"{PAGES}{path}").status_code == 403
    for verb in ("secret", "token", "pause", "resume", "revoke", "undo"):
        assert seller.post(f"{PAGES}/{shop.pk}/{verb}", {"days": 1, "period": "day"}).status_code == 403
    assert PAGES not in seller.get("/settings/profile").content.decode()
    assert doors.client(email=None).get(PAGES).status_code == 302


def test_the_switch_works_while_the_workspace_is_read_only(doors) -> None:
    shop = program(doors)
    with doors.unit():
        reading = replace(owner(), read_only=True)
        for verb in (services.pause, services.resume, services.rotate_secret, services.revoke):
            verb(reading, shop.pk)
        with pytest.raises(CrmError):
            services.make(reading, **GOOD)


def test_of_another_workspace_there_is_nothing(two_doors) -> None:
    mine, other = two_doors
    theirs = program(other)
    for path in ("", "/undo?period=day"):
        assert mine.client().get(f"{PAGES}/{theirs.pk}{path}").status_code == 404
    for verb in ("secret", "token", "pause", "revoke", "undo"):
        assert mine.client().post(f"{PAGES}/{theirs.pk}/{verb}", {"days": 1, "period": "day"}).status_code == 404
    assert theirs.row().paused_at is None


def test_verbs_announce_themselves(doors) -> None:
    shop, page, client = program(doors), f"{PAGES}/", doors.client()
    first = shop.first()
    assert client.post(f"{page}{shop.pk}", {**GOOD, "name": "Shop 2"}).status_code == 303
    for verb in ("pause", "pause", "resume", "resume"):
        assert client.post(f"{page}{shop.pk}/{verb}").status_code == 303
    old = shop.secret
    fresh = shown(client.post(f"{page}{shop.pk}/secret"))
    token = shown(client.post(f"{page}{shop.pk}/token", {"days": 30}))
    assert shop.call(token).status_code == 200
    with doors.unit():
        row, grant = ApiToken.objects.get(grant_uid=""), Grant.objects.get()
    assert client.post(f"{page}{shop.pk}/tokens/{row.pk}/end").status_code == 303
    assert client.post(f"{page}{shop.pk}/grants/{grant.pk}/end").status_code == 303
    assert (shop.call(token).status_code, shop.call(first["access_token"]).status_code) == (401, 401)
    assert shop.refresh(first["refresh_token"]).status_code == 401
    assert client.post(f"{page}{shop.pk}/revoke").status_code == 303
    assert client.post(f"{page}{shop.pk}/resume").status_code == 409
    with doors.unit():
        told = list(Event.objects.filter(name__startswith="integration.").order_by("id").values_list("name", flat=True))
        everything = str(list(Event.objects.values()))
    verbs = ["made", "granted", "changed", "paused", "resumed", "secret_rotated", "token_made", "token_ended", "grant_ended", "revoked"]
    assert told == [f"integration.{verb}" for verb in verbs]
    assert not any(secret in everything for secret in (old, fresh, token, first["refresh_token"]))
    journal = client.get("/settings/journal").content.decode()
    assert "integration.made" not in journal


@pytest.mark.parametrize(("days", "good"), [(1, True), (1825, True), (0, False), (1826, False)])
def test_long_lived_tokens(doors, days: int, good: bool) -> None:
    shop = program(doors, scopes=["crm", "files"])
    if not good:
        with pytest.raises(Invalid):
            shop.act(services.make_token, days=days)
        return
    _row, token = shop.act(services.make_token, days=days)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["exp"] - claims["iat"], claims["aud"], claims["scopes"]) == (days * 86400, shop.client_id, ["crm", "files"])
    assert shop.call(token).status_code == 200


def test_the_own_tokens_page_makes_tokens_that_end(doors) -> None:
    page = doors.client().post("/settings/tokens", {"name": "Zapier", "days": 30})
    token = re.search(r'<code class="code copyable__value">([^<]+)</code>', page.content.decode()).group(1)
    assert (token.count("."), page.headers["Cache-Control"]) == (2, "no-store")
    with doors.unit():
        row = ApiToken.objects.get()
        assert timedelta(days=29) < row.expires_at - clock.real_now() <= timedelta(days=30)
        assert Event.objects.filter(name="token.made").count() == 1
    assert doors.client().post("/settings/tokens", {"name": "Zapier", "days": 7}).status_code == 200
    with doors.unit():
        assert ApiToken.objects.count() == 1


def test_a_token_of_older_days_still_works(doors) -> None:
    from crm_platform.accounts.tokens import digest

    old = f"{doors.place.public_id}.{'x' * 43}"
    with doors.unit():
        ApiToken.objects.create(person=User.objects.get(email=OWNER), name="Old", digest=digest(old), hint=old[-6:])
    assert doors.client(email=None).get(ME, HTTP_AUTHORIZATION=f"bearer {old}").status_code == 200


def test_refusals_are_kept_without_what_was_sent(doors) -> None:
    shop = program(doors)
    first = shop.first()
    shop.act(services.pause)
    shop.call(first["access_token"], "/api/v1/me?email=anna@secret.example")
    shop.fetch(client_secret="wrong-secret", grant_type="refresh_token", refresh_token="r")
    row = shop.row()
    assert [(one["path"], one["status"], one["code"]) for one in row.faults] == [("GET /api/v1/me", 403, "integration_paused"), ("POST /oauth2/access_token", 401, "oauth")]
    assert (row.errors, "secret" in str(row.faults), "anna" in str(row.faults)) == (2, False, False)
    text = doors.client().get(f"{PAGES}/{shop.pk}").content.decode()
    assert "Client authentication failed" in text
    assert "An administrator of the workspace can let it go on" in text


def test_the_last_fifty_refusals_are_kept(doors) -> None:
    shop = program(doors)
    with doors.unit():
        for number in range(55):
            faults.note(shop.pk, path=f"GET /{number}", status=404, code="not_found", sentence="No.")
    row = shop.row()
    assert (row.errors, len(row.faults), row.faults[0]["path"], row.faults[-1]["path"]) == (55, 50, "GET /5", "GET /54")


def test_a_sentence_is_kept_before_its_facts(inside) -> None:
    class Unknown(CrmError):
        code, status, sentence = "unknown", 404, "Nobody has the e-mail {email}."

    assert faults.of_refusal(Unknown(email="anna@secret.example")) == ("unknown", "Nobody has the e-mail {email}.")
    kept = Integration(faults=[{"at": "2026-01-01T00:00:00+00:00", "path": "GET /x", "status": 400, "code": "bad_request", "sentence": "{detail}", "fields": []}])
    assert [one["sentence"] for one in faults.told(kept)] == ["bad_request"]
    assert faults.fields_of(Invalid(fields={"name": ["x"], "anna@secret.example": ["x"]})) == ["name"]


def test_rows_written_are_its_events(doors) -> None:
    program(doors)
    with doors.unit():
        row = Integration.objects.get()
        make = lambda at: Event.objects.create(name="contact.changed", entity="contact", record_id=1, actor_kind="integration", actor_name="x", via=row.via, at=at)  # noqa: E731
        make(clock.now() - timedelta(hours=1))
        make(clock.now() - timedelta(hours=1))
        make(clock.now())
        assert (figures.rows_written(row), row.rows_written, row.counted_to > 0) == (3, 2, True)
        assert figures.rows_written(Integration.objects.get()) == 3


def test_an_administrators_gift_survives_the_administrator(doors) -> None:
    shop = program(doors)
    with doors.unit():
        ada, sam = person(roles.ADMINISTRATOR, name="Ada"), person(roles.SELLER, name="Sam")
    of_ada, of_sam = shop.first(email="ada@veldhuis.example"), shop.first(email="sam@veldhuis.example")
    assert (shop.call(of_ada["access_token"]).json()["role"], shop.call(of_sam["access_token"]).json()["role"]) == ("administrator", "seller")
    with doors.unit():
        for one in (ada, sam):
            accounts.deactivate(owner(), pk=one.pk)
    assert shop.call(of_ada["access_token"]).json()["email"] == OWNER
    assert shop.call(of_sam["access_token"]).status_code == 401
    assert (shop.refresh(of_ada["refresh_token"]).status_code, shop.refresh(of_sam["refresh_token"]).status_code) == (200, 401)
    with doors.unit():
        assert Event.objects.filter(name="integration.handed_over").count() == 1


def test_an_administrator_who_is_one_no_more_gives_it_to_the_owner(doors) -> None:
    shop = program(doors)
    with doors.unit():
        ada = person(roles.ADMINISTRATOR, name="Ada")
    first = shop.first(email="ada@veldhuis.example")
    with doors.unit():
        accounts.change_place(owner(), pk=ada.pk, role_id=Role.objects.get(code=roles.SELLER).pk, group_id=None)
    assert shop.call(first["access_token"]).json()["email"] == OWNER


def test_acting_as_another_person(doors) -> None:
    shop = program(doors)
    with doors.unit():
        sam, vera = person(roles.SELLER, name="Sam"), person(roles.VIEWER, name="Vera")
        gone = person(roles.SELLER, name="Gus")
        accounts.deactivate(owner(), pk=gone.pk)
    first, of_sam = shop.first(), shop.first(email="sam@veldhuis.example")
    assert shop.call(first["access_token"], **{"X-Context-User-ID": str(sam.pk)}).json()["name"] == "Sam"
    for number in (vera.pk, gone.pk, 10**9, 10**30, "x", "-1", "1 OR 1"):
        answer = shop.call(first["access_token"], **{"X-Context-User-ID": str(number)})
        assert (answer.status_code, answer.json()["code"]) == (403, "cannot_act_as"), number
    with doors.unit():
        olga = User.objects.get(email=OWNER).pk
    assert shop.call(of_sam["access_token"], **{"X-Context-User-ID": str(olga)}).status_code == 403


def test_who_is_not_there_ends_nothing(doors) -> None:
    shop = program(doors)
    for verb in (services.end_token, services.end_grant):
        with pytest.raises(NotFound):
            shop.act(verb, 999)


def test_lists_cost_the_same_with_one_and_with_three(doors, count_statements) -> None:
    shop, client = program(doors), doors.client()
    costs = []
    for more in range(3):
        if more:
            program(doors, name=f"More {more}")
            shop.first()
            shop.act(services.make_token, days=1)
        client.get(PAGES), client.get(f"{PAGES}/{shop.pk}")
        with count_statements() as listed:
            client.get(PAGES)
        with count_statements() as one:
            client.get(f"{PAGES}/{shop.pk}")
        costs.append((listed(), one()))
    assert costs[1] == costs[2]
    assert costs[0][0] == costs[1][0]
