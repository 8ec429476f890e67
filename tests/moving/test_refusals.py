"""Who may move, what is no address and no account, and what the account may do to us on the way."""

from __future__ import annotations

import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from crm_core.doors.moving import foreign, running, services
from crm_core.doors.moving.foreign import Account, Trouble
from crm_core.doors.moving.models import Left, Move, Stage
from crm_core.sales.deals.models import Deal
from crm_platform.events.models import Event
from crm_platform.jobs import serving
from crm_platform.jobs.models import Job
from crm_platform.kernel import secrets_box
from crm_platform.kernel.errors import Forbidden, Invalid
from tests.conftest import Door
from tests.factories import cast
from webhooks.outbound import addresses
from webhooks.outbound import services as hooks
from webhooks.outbound.models import HookDelivery

from .kit import Foreign, furnish, say, standing
from .test_moving import begun, figures, mover, of, served, started, token_of


@pytest.mark.parametrize(("typed", "base"), [
    ("firm", "https://firm.amocrm.ru"), (" firm.kommo.com/leads/pipeline ", "https://firm.kommo.com"), ("https://firm.amocrm.ru/dashboard?x=1", "https://firm.amocrm.ru"),
])  # fmt: skip
def test_an_address_is_read_as_it_is_typed(typed: str, base: str) -> None:
    assert foreign.base_of(typed) == base


@pytest.mark.parametrize("typed", ["", "https://", "https://10.0.0.1", "https://169.254.169.254/x", "ftp://firm.amocrm.ru", "https://me:secret@firm.amocrm.ru", "https://[::ffff:10.0.0.1]"])
def test_what_is_no_address_of_the_open_internet_is_refused(typed: str) -> None:
    with pytest.raises(Invalid) as refused:
        foreign.base_of(typed)
    assert list(refused.value.fields) == ["address"]


def test_no_token_goes_over_plain_http(settings: Any) -> None:
    settings.CRM_HOOKS_TO_LOOPBACK = False
    with pytest.raises(Invalid):
        foreign.base_of("http://firm.amocrm.ru")


def test_a_name_that_leads_inside_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "resolve", lambda host, port: ["10.1.2.3"])
    with pytest.raises(Trouble) as trouble:
        Account("https://firm.amocrm.ru", "t").ask("account")
    assert not trouble.value.again


def test_only_who_administers_moves(inside: Any) -> None:
    for role, actor in cast.cast().items():
        if role in ("owner", "administrator"):
            assert services.begin(actor, address="firm", token="abc").stage == Stage.LOOKING
            Move.objects.exclude(pk=Move.objects.latest("pk").pk).delete()
            Move.objects.update(stage=Stage.READY)
            continue
        with pytest.raises(Forbidden):
            services.begin(actor, address="firm", token="abc")
        for verb in (services.get, services.start, services.attempt, services.undo, services.stop, services.go_on, services.drop_token):
            with pytest.raises(Forbidden):
                verb(actor, Move.objects.get().pk)
        with pytest.raises(Forbidden):
            services.all_moves(actor)


def test_the_pages_are_for_administrators_and_show_no_token(doors: Door) -> None:
    with doors.unit():
        cast.person("seller", name="Sam")
        kept = services.begin(mover_of(doors), address="firm", token="very-secret-token")
        assert "very-secret" not in kept.token
        assert secrets_box.decrypt(kept.token) == "very-secret-token"
        assert not Event.objects.filter(after__icontains="very-secret").exists()
        pk = kept.pk
    assert doors.client("sam@veldhuis.example").get("/settings/move").status_code == 403
    assert doors.client("sam@veldhuis.example").get(f"/settings/move/{pk}").status_code == 403
    assert doors.client(None).get("/settings/move").status_code == 302
    owner = doors.client()
    assert b"very-secret" not in owner.get(f"/settings/move/{pk}").content
    assert b"firm.amocrm.ru" in owner.get("/settings/move").content
    wrong = owner.post("/settings/move", {"address": "https://10.0.0.1", "token": "very-secret-token"})
    assert wrong.status_code == 422
    assert b"very-secret" not in wrong.content


def mover_of(door: Door) -> Any:
    from crm_platform.accounts.actors import actor_of
    from crm_platform.accounts.models import User

    return actor_of(User.objects.select_related("role").get(email="olga@veldhuis.example"))


def _status(status: int, body: bytes = b"{}", **headers: str) -> Callable[[str, BaseHTTPRequestHandler], bool]:
    return lambda path, handler: say(handler, status, body, {name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize(("answer", "again"), [
    (_status(401), False), (_status(402), False), (_status(403), False), (_status(404), False), (_status(302, Location="http://10.0.0.1/"), False),
    (_status(200, b"<html>Log in</html>"), False), (_status(200, b"[]"), False), (_status(200, b'{"id": "x"}'), False), (_status(200, b"[" * 100_000), False),
    (_status(429, b"<html>", Retry_After="30"), True), (_status(500, b"<html>"), True), (_status(503), True),
])  # fmt: skip
def test_an_account_that_does_not_answer_well_is_told_in_a_sentence(answer: Any, again: bool) -> None:
    from crm_core.doors.moving import looking

    with standing() as account:
        account.answer = answer
        with pytest.raises(Trouble) as trouble:
            looking.look(Account(account.url, "secret-token"), beat=lambda: None)
    assert (trouble.value.again, len(trouble.value.sentence) > 30, "secret-token" in trouble.value.sentence) == (again, True, False)


def test_one_that_hangs_or_drips_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign, "SECONDS", 0.6)

    def drip(path: str, handler: BaseHTTPRequestHandler) -> bool:
        handler.send_response(200)
        handler.end_headers()
        try:
            for _second in range(20):
                handler.wfile.write(b" ")
                time.sleep(0.1)
        except OSError:
            pass
        return True

    with standing() as account:
        account.answer = drip
        began = time.monotonic()
        with pytest.raises(Trouble) as trouble:
            Account(account.url, "t").ask("account")
        assert time.monotonic() - began < 1.5
    assert trouble.value.again


def test_a_large_answer_and_a_strange_host_of_a_file_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign, "MOST", 1000)
    with standing() as account:
        account.answer = _status(200, b" " * 2000)
        with pytest.raises(Trouble):
            Account(account.url, "t").ask("account")
        asked = len(account.asked)
        with pytest.raises(Trouble):
            Account(account.url, "t").file("http://thief.localhost/steal")
        assert len(account.asked) == asked


def test_a_wrong_token_pauses_and_another_goes_on(there: tuple[Door, Foreign], here: Door) -> None:
    with here.unit():
        pk = services.begin(mover(here), address=there[1].url, token="wrong").pk
    served(here)
    move = of(here, pk)
    assert (move.stage, move.resumes, bool(move.trouble)) == (Stage.PAUSED, Stage.LOOKING, True)
    token = token_of(there[0])
    with here.unit():
        services.go_on(mover(here), pk, token=token)
    served(here)
    assert of(here, pk).stage == Stage.READY


def test_trouble_on_the_way_loses_nothing(there: tuple[Door, Foreign], here: Door) -> None:
    furnish(there[0], contact_count=30, company_count=10, deal_count=45)
    with here.unit():
        cast.person("seller", name="Anna")
    pk = begun(here, there)
    troubles = iter([(429, {"Retry-After": "7"}), (500, {}), (502, {}), (200, {}), (429, {})])

    def sometimes(path: str, handler: BaseHTTPRequestHandler) -> bool:
        if len(there[1].asked) % 4:  # a file takes three questions: so no file fails three times in a row, and is left
            return False
        status, headers = next(troubles, (0, {}))
        return bool(status) and say(handler, status, b"<html>", headers)

    there[1].answer = sometimes
    there[1].asked.clear()  # what fails does not depend on how much was asked before
    started(here, pk)
    serving.serve_side(here.unit, seconds=60)
    with here.unit():
        waiting = Job.objects.filter(name=running.RUN, state="waiting").get()
    assert of(here, pk).trouble
    assert waiting is not None
    for _round in range(8):
        served(here)
        if of(here, pk).stage == Stage.PAUSED:  # an answer that is no JSON needs a person
            with here.unit():
                services.go_on(mover(here), pk)
    assert of(here, pk).stage == Stage.DONE
    ours, theirs = figures(here), figures(there[0])
    assert [name for name in theirs if ours[name] != theirs[name]] == []


def test_a_file_that_cannot_be_had_stops_nothing(there: tuple[Door, Foreign], here: Door) -> None:
    furnish(there[0], contact_count=5, company_count=5, deal_count=45)
    pk = begun(here, there)
    there[1].answer = lambda path, handler: "/download" in path and say(handler, 404, b"gone")
    started(here, pk)
    served(here)
    assert of(here, pk).stage == Stage.DONE
    with here.unit():
        assert Left.objects.filter(kind="files").count() == 3
    answer = here.client("mia@mover.example").get(f"/settings/move/{pk}/not-moved.csv")
    assert answer.status_code == 200
    assert answer.content.decode("utf-8-sig").count("\n") == 4


def test_old_history_wakes_nobody_and_the_feed_tells_all(there: tuple[Door, Foreign], here: Door) -> None:
    furnish(there[0], contact_count=5, company_count=5, deal_count=45)
    with here.unit():
        hooks.subscribe(mover(here), "https://receiver.example/hook", ["add_lead", "add_contact", "note_lead"])
    pk = begun(here, there)
    started(here, pk)
    served(here)
    with here.unit():
        assert Event.objects.filter(name="deal.created", via=f"move:{pk}").count() == 45
        assert not HookDelivery.objects.exists()


def test_a_full_plan_takes_what_it_can_and_says_the_rest(there: tuple[Door, Foreign], make_door: Callable[..., Door]) -> None:
    furnish(there[0], contact_count=5, company_count=5, deal_count=45)
    here = make_door(firm="Small", email="mia@mover.example", plan="free")
    pk = begun(here, there)
    from unittest import mock

    from crm_platform.kernel import gates

    usage = gates.usage

    def tight(metric: str) -> Any:
        found = usage(metric)
        return gates.Usage(metric, found.used + 3, max(0, 7 + used_before - 0) if metric == "contacts" else found.ceiling, found.used)

    used_before = 0
    with mock.patch.object(gates, "usage", tight):
        page = here.client("mia@mover.example").get(f"/settings/move/{pk}")
        assert b"3 stay over there" in page.content or b"stay over there" in page.content
        started(here, pk)
        served(here)
    assert of(here, pk).stage == Stage.DONE
    told = figures(here)
    assert told["contacts"] + told["companies"] == 7
    with here.unit():
        assert Left.objects.filter(kind__in=("contacts", "companies")).count() == 3
        assert Deal.objects.count() == 45
