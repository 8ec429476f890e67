"""A person's key for a code: it goes to the integration's own address and nowhere else, and whoever brings anything wrong is not told what."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from crm_platform.accounts import services as people
from crm_platform.accounts import tokens
from crm_platform.accounts.actors import actor_of
from crm_platform.accounts.models import ApiToken, Seat, SeatState, User
from crm_platform.events.models import Event
from crm_platform.integrations import keys, services
from crm_platform.integrations.models import Grant
from crm_platform.jobs import serving
from crm_platform.jobs.models import Job
from crm_platform.kernel import access, budgets, clock, workspace
from tests.factories.cast import person
from tests.webhooks.receiver import Receiver, receiving
from webhooks.outbound import addresses

from .kit import KEY, OWNER, Program, owner, program
from .test_tokens import refused

NOT_KNOWN = "Client authentication failed"


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.CRM_HOOKS_TO_LOOPBACK = True
    with receiving() as one:
        yield one


@pytest.fixture
def serve(doors: Any) -> Callable[[], None]:
    return lambda: serving.serve_side(doors.unit, seconds=20.0)


def key_of(door: Any, email: str = OWNER, **purpose: Any) -> str:
    """A long-lived token of the person's own."""
    with door.unit():
        return tokens.make_api_token(User.objects.select_related("role").get(email=email), name="Desk", purpose=tokens.For(**{"life": timedelta(days=30), **purpose}))


def exchange(shop: Program, key: str, *, at: Any = None, login: str = OWNER, form: bool = False, **given: Any) -> Any:
    body = {"login": login, "api_key": key, "client_uuid": shop.client_id, "client_secret": shop.secret, **given}
    return (at or shop.door.client(email=None)).post(KEY, body, **({} if form else {"content_type": "application/json"}))


def nothing(door: Any) -> None:
    """No code was made, and none is on its way."""
    with door.unit():
        assert (Grant.objects.count(), Job.objects.filter(name=keys.JOB).count(), Event.objects.filter(name="integration.granted").count()) == (0, 0, 0)


def sent(receiver: Receiver) -> dict[str, str]:
    (got,) = receiver.got
    return {"path": urlsplit(got.path).path, **{name: values[0] for name, values in parse_qs(urlsplit(got.path).query).items()}}


@pytest.mark.parametrize("form", [False, True])
def test_the_code_goes_to_the_integrations_address_and_becomes_a_pair(doors, receiver, serve, form: bool) -> None:
    shop = program(doors, redirect_uri=f"{receiver.url}?from=crm")
    answer = exchange(shop, key_of(doors), login=f" {OWNER.upper()} ", form=form)
    assert (answer.status_code, answer.content, answer.headers["Cache-Control"]) == (202, b"", "no-store")
    assert not receiver.got  # nothing is sent inside a request
    with doors.unit():
        grant, event = Grant.objects.get(), Event.objects.get(name="integration.granted")
        assert (event.record_id, event.after["key"], event.via, grant.scopes, grant.by_administrator) == (shop.pk, "Desk", "token Desk", ["crm"], True)
    serve()
    given = sent(receiver)
    assert (receiver.got[0].method, receiver.got[0].body, given["path"], given["from"], given["referer"]) == ("GET", b"", "/hook", "crm", workspace.host(place=doors.place))
    assert (given["client_id"], given["platform"]) == (shop.client_id, "2")
    with doors.unit():
        assert given["code"] not in str(list(Grant.objects.values())) + str(list(Job.objects.values())) + str(list(Event.objects.values()))
    pair = shop.fetch(grant_type="authorization_code", code=given["code"], redirect_uri=f"{receiver.url}?from=crm").json()
    assert shop.call(pair["access_token"]).json()["name"] == "Olga de Wit"
    assert shop.refresh(pair["refresh_token"], redirect_uri=f"{receiver.url}?from=crm").status_code == 200
    assert refused(shop.fetch(grant_type="authorization_code", code=given["code"], redirect_uri=f"{receiver.url}?from=crm")) == "Authorization code has been revoked"


def test_the_public_host_finds_the_workspace_by_the_client(two_doors, public, receiver) -> None:
    mine, other = two_doors
    shop, theirs = program(mine, redirect_uri=receiver.url), program(other, redirect_uri=receiver.url)
    assert exchange(shop, key_of(mine), at=public).status_code == 202
    assert refused(exchange(theirs, key_of(mine), at=public), status=401) == NOT_KNOWN  # a key opens its own workspace alone
    nothing(other)
    for client in ("", "x", "0b6f2a11-8c1d-4f7e-9a55-0d6a3f4b5c6d"):
        assert refused(exchange(shop, "k", at=public, client_uuid=client), status=401) == NOT_KNOWN


def _wrong(doors: Any, shop: Program) -> dict[str, dict[str, Any]]:
    with doors.unit():
        sam = person("seller", name="Sam").email
        ended = tokens.make_api_token(User.objects.select_related("role").get(email=OWNER), name="ended")
        ApiToken.objects.filter(name="ended").update(revoked_at=clock.real_now())
        _found, long_lived = services.make_token(owner(), shop.pk, days=3)
    good = key_of(doors)
    return {
        "secret": {"api_key": good, "client_secret": "wrong"}, "no secret": {"api_key": good, "client_secret": ""}, "client": {"api_key": good, "client_uuid": "0b6f2a11-8c1d-4f7e-9a55-0d6a3f4b5c6d"},
        "key": {"api_key": "x" * 40}, "no key": {"api_key": ""}, "key as object": {"api_key": {"a": 1}}, "ended": {"api_key": ended}, "login": {"api_key": good, "login": sam}, "nobody": {"api_key": good, "login": "who@no.example"},
        "no login": {"api_key": good, "login": ""}, "an integration's own token": {"api_key": long_lived}, "two keys": {"api_key": f"{good} {good}"}, "null": {"api_key": None},
    }  # fmt: skip


def test_whoever_brings_anything_wrong_is_not_told_what(doors, receiver) -> None:
    shop = program(doors, redirect_uri=receiver.url)
    for name, given in _wrong(doors, shop).items():
        budgets.forget()
        assert refused(exchange(shop, **{"key": "", **given}), status=401) == NOT_KNOWN, name
    assert refused(exchange(shop, key_of(doors), client_uuid="nonsense")) == "Check the `client_uuid` parameter"
    nothing(doors)
    for body in (b"", b"{", b"[]", b"\xff\xfe"):
        assert refused(doors.client(email=None).post(KEY, body, content_type="application/json"))
    assert doors.client(email=None).get(KEY).status_code == 405
    assert shop.row().errors > 0


def test_a_key_of_one_who_left_or_only_looks_gives_nothing(doors, receiver) -> None:
    shop = program(doors, redirect_uri=receiver.url)
    with doors.unit():
        vera, sam, una = (person(role, name=name).email for role, name in (("viewer", "Vera"), ("seller", "Sam"), ("seller", "Una")))
    vera_key, sam_key, una_key = (key_of(doors, email) for email in (vera, sam, una))
    with doors.unit():
        people.deactivate(actor_of(User.objects.select_related("role", "group").get(email=OWNER)), pk=User.objects.get(email=sam).pk)
        User.objects.filter(email=una).update(seat_state=SeatState.PENDING, seat=Seat.OCCASIONAL, seat_since=clock.now() - timedelta(days=30))
    assert "only lets you look" in refused(exchange(shop, vera_key, login=vera), status=403)
    assert refused(exchange(shop, sam_key, login=sam), status=401) == NOT_KNOWN
    assert "fewer seats" in refused(exchange(shop, una_key, login=una), status=403)
    nothing(doors)


def test_what_bars_a_person_at_the_other_doors_bars_here(doors, receiver, monkeypatch) -> None:
    shop, key = program(doors, redirect_uri=receiver.url), key_of(doors)
    with doors.unit():
        User.objects.filter(email=OWNER).update(email_confirmed_at=None, created_at=clock.real_now() - timedelta(days=8))
    assert "Confirm your e-mail" in refused(exchange(shop, key), status=403)
    with doors.unit():
        User.objects.filter(email=OWNER).update(email_confirmed_at=clock.real_now())
        sam = person("seller", name="Sam").email
    monkeypatch.setattr(access, "_answerer", lambda: access.Access(level=access.Level.OWNER))
    assert refused(exchange(shop, key_of(doors, sam), login=sam), status=403)
    monkeypatch.undo()
    nothing(doors)


def test_an_integration_that_is_paused_revoked_or_without_an_address_gets_none(doors, receiver) -> None:
    shop, bare, key = program(doors, redirect_uri=receiver.url), program(doors, name="Bare", redirect_uri=""), key_of(doors)
    assert refused(exchange(bare, key)) == "The integration has no redirect address"
    shop.act(services.pause)
    assert refused(exchange(shop, key), status=403) == "The integration is paused"
    shop.act(services.resume)
    shop.act(services.revoke)
    assert refused(exchange(shop, key), status=401) == NOT_KNOWN
    nothing(doors)


def test_a_key_gives_no_more_than_it_has(doors, receiver) -> None:
    shop = program(doors, redirect_uri=receiver.url, scopes=["crm", "files"])
    assert exchange(shop, key_of(doors, scopes=("crm",))).status_code == 202
    with doors.unit():
        assert Grant.objects.get().scopes == ["crm"]
    assert refused(exchange(shop, key_of(doors, scopes=("notifications",))), status=403)


def test_codes_are_bounded_by_the_minute_for_each_integration(doors, receiver, monkeypatch) -> None:
    monkeypatch.setattr(keys, "MOST", 2)
    shop, other, key = program(doors, redirect_uri=receiver.url), program(doors, name="Other", redirect_uri=receiver.url), key_of(doors)
    statuses = [exchange(shop, key).status_code for _ in range(5)]
    assert (statuses[:2], 429 in statuses) == ([202, 202], True)
    assert exchange(other, key).status_code == 202
    with doors.unit():
        assert Grant.objects.filter(integration=shop.pk).count() < 5


@pytest.mark.parametrize("to", ["http://10.0.0.1/back", "http://169.254.169.254/latest", "http://rebound.example/back", "http://127.0.0.1:9/back"])
def test_a_private_address_is_never_sent_to(doors, serve, monkeypatch, settings, to: str) -> None:
    settings.CRM_HOOKS_TO_LOOPBACK = False
    tried: list[Any] = []
    monkeypatch.setattr(socket, "create_connection", lambda *given, **_named: tried.append(given))
    monkeypatch.setattr(addresses, "resolve", lambda host, _port: ["10.0.0.7"] if host == "rebound.example" else [host])
    shop = program(doors, redirect_uri=to)
    assert exchange(shop, key_of(doors)).status_code == 202  # who asks learns nothing of our network
    serve()
    assert not [one for one in tried if one[0][0] in ("10.0.0.1", "10.0.0.7", "169.254.169.254", "127.0.0.1") and one[0][1] in (80, 9)]
    (fault,) = shop.row().faults
    assert (fault["sentence"], fault["path"], fault["status"]) == (keys.NOT_SENT, "GET redirect_uri", 0)
    assert "private network" in doors.client().get(f"/settings/integrations/{shop.pk}").content.decode()


@pytest.mark.parametrize(("status", "taken"), [(200, True), (302, True), (404, False), (500, False)])
def test_an_address_that_does_not_take_it_is_told_to_the_administrators(doors, receiver, serve, status: int, taken: bool) -> None:
    receiver.answer = lambda *_given: status
    shop = program(doors, redirect_uri=receiver.url)
    assert exchange(shop, key_of(doors)).status_code == 202
    serve()
    assert (len(receiver.got), [(fault["sentence"], fault["status"]) for fault in shop.row().faults]) == (1, [] if taken else [(keys.NOT_TAKEN, status)])


def test_nothing_is_sent_for_what_was_stopped_meanwhile(doors, receiver, serve) -> None:
    shop = program(doors, redirect_uri=receiver.url)
    assert exchange(shop, key_of(doors)).status_code == 202
    shop.act(services.pause)
    serve()
    assert not receiver.got


def test_a_code_is_the_same_under_a_former_key_of_the_platform(doors, receiver, serve, settings) -> None:
    shop = program(doors, redirect_uri=receiver.url)
    assert exchange(shop, key_of(doors)).status_code == 202
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "n" * 60, [settings.SECRET_KEY]
    serve()
    assert shop.fetch(grant_type="authorization_code", code=sent(receiver)["code"], redirect_uri=receiver.url).status_code == 200
