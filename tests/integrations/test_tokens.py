"""The token endpoint: codes, refresh tokens and their grace, races, and every way to be refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import jwt
import pytest

from crm_platform.accounts.models import ApiToken
from crm_platform.integrations import services
from crm_platform.integrations.models import Grant, Integration
from crm_platform.kernel import clock
from tests.racing import at_once

from .kit import RETURN, TOKEN, Program, program


def refused(answer: Any, *, status: int = 400) -> str:
    """The hint of a refusal in amoCRM's shape."""
    body = answer.json()
    assert (answer.status_code, answer.headers["Content-Type"], body["status"]) == (status, "application/problem+json", status)
    assert body["type"].endswith("OAuthProblemJson")
    assert body["title"]
    assert body["detail"]
    return str(body["hint"])


def later(door: Any, **by: Any) -> None:
    """The last rotation was longer ago."""
    with door.unit():
        grant = Grant.objects.get()
        Grant.objects.update(rotated_at=grant.rotated_at - timedelta(**by))


@pytest.mark.parametrize("form", [False, True])
def test_a_code_becomes_a_pair(doors, form: bool) -> None:
    shop = program(doors)
    answer = shop.fetch(grant_type="authorization_code", code=shop.code(), form=form)
    body = answer.json()
    assert (answer.status_code, answer.headers["Content-Type"], answer.headers["Cache-Control"]) == (200, "application/json", "no-store")
    assert set(body) == {"token_type", "expires_in", "server_time", "access_token", "refresh_token"}
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 86400)
    assert body["refresh_token"].startswith(f"{doors.place.public_id}.")
    said = shop.call(body["access_token"])
    assert (said.status_code, said.json()["name"]) == (200, "Olga de Wit")
    with doors.unit():
        kept = str(list(ApiToken.objects.values())) + str(list(Grant.objects.values()))
    assert not any(secret in kept for secret in (body["access_token"], body["refresh_token"], shop.secret))


def test_the_claims_are_those_of_amocrm(doors) -> None:
    shop = program(doors, scopes=["crm", "notifications"])
    claims = jwt.decode(shop.first()["access_token"], options={"verify_signature": False})
    assert set(claims) >= {"aud", "jti", "iat", "nbf", "exp", "sub", "grant_type", "account_id", "base_domain", "version", "scopes", "hash_uuid", "user_flags", "api_domain"}
    assert (claims["aud"], claims["scopes"], claims["api_domain"], claims["exp"] - claims["iat"]) == (shop.client_id, ["crm", "notifications"], doors.host, 86400)
    assert (claims["account_id"], isinstance(claims["sub"], str)) == (doors.place.number, True)
    shop.door.client(email=None)
    at_port = doors.client(email=None).post(
        TOKEN, {"client_id": shop.client_id, "client_secret": shop.secret, "grant_type": "authorization_code", "code": shop.code(), "redirect_uri": RETURN}, content_type="application/json",
        HTTP_HOST=f"{doors.host}:8443",
    )  # fmt: skip
    assert jwt.decode(at_port.json()["access_token"], options={"verify_signature": False})["api_domain"] == f"{doors.host}:8443"


def test_a_code_works_once_and_for_twenty_minutes(doors) -> None:
    shop = program(doors)
    code = shop.code()
    assert shop.fetch(grant_type="authorization_code", code=code).status_code == 200
    assert refused(shop.fetch(grant_type="authorization_code", code=code)) == "Authorization code has been revoked"
    assert refused(shop.refresh(code), status=401)  # nor is it a refresh token within the grace
    with doors.unit():
        assert ApiToken.objects.filter(integration=shop.pk).count() == 1
    old = shop.code()
    with doors.unit():
        Grant.objects.filter(code_used_at=None).update(code_until=clock.real_now() - timedelta(seconds=1))
    assert refused(shop.fetch(grant_type="authorization_code", code=old)) == "Authorization code has expired"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"client_secret": "wrong"}, 401), ({"client_secret": ""}, 401), ({"client_id": "nonsense"}, 400), ({"client_id": "0b6f2a11-8c1d-4f7e-9a55-0d6a3f4b5c6d"}, 401),
        ({"redirect_uri": "https://evil.example"}, 400), ({"grant_type": "password"}, 400), ({"grant_type": ""}, 400), ({"code": "x"}, 400), ({"code": ""}, 400), ({"code": None}, 400), ({"code": ["a"]}, 400),
    ],
)  # fmt: skip
def test_a_wrong_request_gets_nothing(doors, change: dict[str, Any], status: int) -> None:
    shop = program(doors)
    given = {"grant_type": "authorization_code", "code": shop.code(), **change}
    assert refused(shop.fetch(**given), status=status)
    with doors.unit():
        assert (ApiToken.objects.count(), Grant.objects.get().code_used_at) == (0, None)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b"{" + b" " * 70_000 + b"}", b'{"grant_type": {"a": 1}}'])
def test_rubbish_is_refused_in_the_same_shape(doors, body: bytes) -> None:
    for kind in ("application/json", "application/x-www-form-urlencoded"):
        assert refused(doors.client(email=None).post(TOKEN, body, content_type=kind))
    assert doors.client(email=None).get(TOKEN).status_code == 405


def test_a_refresh_token_is_changed_with_each_use(doors) -> None:
    shop = program(doors)
    first = shop.first()
    second = shop.refresh(first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert shop.call(first["access_token"]).status_code == shop.call(second["access_token"]).status_code == 200
    third = shop.refresh(second["refresh_token"])
    assert third.status_code == 200
    assert refused(shop.refresh(first["refresh_token"]), status=401) == "Cannot decrypt the refresh token"


def test_the_old_one_gets_the_same_pair_for_a_minute(doors) -> None:
    shop = program(doors)
    first = shop.first()
    second, again = (shop.refresh(first["refresh_token"]).json() for _ in range(2))
    assert (second["access_token"], second["refresh_token"]) == (again["access_token"], again["refresh_token"])
    later(doors, seconds=59)
    assert shop.refresh(first["refresh_token"]).json()["refresh_token"] == second["refresh_token"]
    later(doors, seconds=5)
    assert refused(shop.refresh(first["refresh_token"]), status=401) == "Token has been revoked"
    assert shop.refresh(second["refresh_token"]).status_code == 200


def test_many_refresh_at_once_and_all_get_one_pair(doors) -> None:
    shop = program(doors)
    first = shop.first()
    answers: list[Any] = []

    def ask() -> None:
        answers.append(shop.refresh(first["refresh_token"]))

    at_once(5, ask)
    assert [answer.status_code for answer in answers] == [200] * 5
    assert len({(body["access_token"], body["refresh_token"]) for body in (answer.json() for answer in answers)}) == 1
    with doors.unit():
        assert ApiToken.objects.filter(integration=shop.pk).count() == 2


def test_one_code_at_once_is_fetched_by_one(doors) -> None:
    shop = program(doors)
    code, answers = shop.code(), list[int]()

    def ask() -> None:
        answers.append(shop.fetch(grant_type="authorization_code", code=code).status_code)

    at_once(4, ask)
    assert sorted(answers) == [200, 400, 400, 400]


def test_a_refresh_token_lives_three_months(doors) -> None:
    shop = program(doors)
    first = shop.first()
    with doors.unit():
        grant = Grant.objects.get()
        assert timedelta(days=89) < grant.refresh_until - clock.real_now() <= timedelta(days=90)
        Grant.objects.update(refresh_until=clock.real_now() - timedelta(seconds=1))
    assert refused(shop.refresh(first["refresh_token"]), status=401) == "Token has expired"


def test_an_access_token_ends_after_a_day_and_old_rows_go(doors) -> None:
    shop = program(doors)
    first = shop.first()
    with doors.unit():
        ApiToken.objects.update(expires_at=clock.real_now() - timedelta(days=2))
    assert shop.call(first["access_token"]).json()["code"] == "token_refused"
    assert shop.refresh(first["refresh_token"]).status_code == 200
    with doors.unit():
        assert ApiToken.objects.count() == 1


def test_what_is_of_another_workspace_opens_nothing(two_doors) -> None:
    mine, other = two_doors
    shop, theirs = program(mine), program(other)
    eve = "eve@elsewhere.example"
    their_code, them = theirs.code(email=eve), theirs.first(email=eve)
    at = mine.client(email=None)
    assert refused(theirs.fetch(at=at, grant_type="authorization_code", code=their_code), status=401) == "Client authentication failed"
    assert refused(shop.fetch(grant_type="authorization_code", code=their_code)) == "Cannot decrypt the authorization code"
    assert refused(shop.refresh(them["refresh_token"]), status=400) == "Cannot decrypt the refresh token"
    assert theirs.call(them["access_token"]).status_code == 200  # read there, and so kept by this process
    assert shop.call(them["access_token"]).status_code == 401
    mine_now = shop.first()["access_token"]
    head, claims, signature = mine_now.split(".")
    assert [shop.call(text).status_code for text in (mine_now, mine_now)] == [200, 200]
    for altered in (f"{head}.{them['access_token'].split('.')[1]}.{signature}", f"{head}.{claims}.{signature[:-4]}AAAA", f"{head}.{claims}."):
        assert shop.call(altered).status_code == 401
    with other.unit():
        assert Grant.objects.filter(code_used_at=None).count() == 1


def test_one_integration_has_nothing_of_another(doors) -> None:
    shop, phone = program(doors), program(doors, name="Phone")
    code, first = shop.code(), shop.first()
    assert refused(phone.fetch(grant_type="authorization_code", code=code)) == "Cannot decrypt the authorization code"
    assert refused(phone.refresh(first["refresh_token"])) == "Cannot decrypt the refresh token"


def test_paused_and_revoked(doors) -> None:
    shop, phone = program(doors), program(doors, name="Phone")
    first, other = shop.first(), phone.first()
    shop.act(services.pause)
    assert (shop.call(first["access_token"]).status_code, shop.call(first["access_token"]).json()["code"]) == (403, "integration_paused")
    assert refused(shop.refresh(first["refresh_token"]), status=403) == "The integration is paused"
    assert phone.call(other["access_token"]).status_code == 200  # never account-wide
    shop.act(services.resume)
    assert shop.call(first["access_token"]).status_code == 200
    shop.act(services.revoke)
    assert shop.call(first["access_token"]).status_code == 401
    assert refused(shop.refresh(first["refresh_token"]), status=401) == "Client authentication failed"
    assert phone.call(other["access_token"]).status_code == 200


def test_a_secret_is_changed_without_standing_still(doors) -> None:
    shop = program(doors)
    first = shop.first()
    _row, fresh = shop.act(services.rotate_secret)
    renewed = Program(shop.door, shop.pk, shop.client_id, fresh)
    second = shop.refresh(first["refresh_token"])  # with the old one
    assert (second.status_code, renewed.refresh(second.json()["refresh_token"]).status_code) == (200, 200)
    with doors.unit():
        Integration.objects.update(old_secret_until=clock.real_now() - timedelta(seconds=1))
    assert refused(shop.refresh(first["refresh_token"]), status=401) == "Client authentication failed"


def test_who_goes_on_trying_is_told_to_wait(doors, monkeypatch: pytest.MonkeyPatch) -> None:
    from crm_platform.integrations import doors as ours

    monkeypatch.setattr(ours, "MOST_TRIES", 3)
    shop = program(doors)
    answers = [shop.fetch(client_secret="x", grant_type="refresh_token") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]
    assert int(answers[-1].headers["Retry-After"]) > 0
