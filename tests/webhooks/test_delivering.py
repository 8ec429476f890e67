"""Sending: at least once, in order per record, again for a day, bounded, behind a breaker, fair."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core import mail

from crm_core.sales.deals import services as deals
from crm_platform.accounts import roles
from crm_platform.events.models import Event
from crm_platform.jobs import serving
from crm_platform.jobs.models import Job
from crm_platform.kernel import clock
from crm_platform.kernel.errors import Invalid
from tests.factories import cast
from webhooks.outbound import addresses, delivering, failing, gathering, services, transport
from webhooks.outbound.models import Hook, HookDelivery, State
from webhooks.outbound.transport import Call, Problem

from .conftest import ROBOT
from .receiver import receiving

ROOT = Path(__file__).resolve().parents[2]


def test_it_is_tried_again_and_order_is_kept_of_each_record_but_holds_no_other(doors, hooked, serve, later) -> None:
    refused: list[str] = []

    def answer(_number: int, got: Any, _handler: Any) -> int:
        if "Slow" in str(got.form) and len(refused) < 2:
            refused.append("")
            return 500
        return 200

    with receiving(answer) as receiver:
        hook = hooked(receiver, "add_lead", "update_lead")
        with doors.unit():
            slow = deals.create_deal(ROBOT, name="Slow")
        serve()
        with doors.unit():
            deals.change_deal(ROBOT, slow.pk, name="Slow, second")
            other = deals.create_deal(ROBOT, name="Quick")
        serve()
        seen = [(action, got.form["leads"][action][0]["name"]) for got in receiver.got for action in got.form["leads"]]
        assert seen == [("add", "Slow"), ("add", "Quick")], "another record waits for nobody"
        with doors.unit():
            waits = list(HookDelivery.objects.filter(hook=hook, state=State.WAITING).order_by("id"))
        assert [row.records for row in waits][:1] == [[f"deal:{slow.pk}"]]
        for _ in range(4):
            later()
            serve()
    assert other.pk
    good = [(action, lead["name"]) for got in receiver.got for action, those in got.form["leads"].items() for lead in those]
    firsts = [one for one in good if "Slow" in one[1]]
    assert firsts[:3] == [("add", "Slow")] * 3
    assert firsts[3] == ("update", "Slow, second")
    with doors.unit():
        assert not HookDelivery.objects.filter(state=State.WAITING).exists()
        assert [a["status"] for a in HookDelivery.objects.order_by("id").first().answers] == [500, 500, 200]


def test_pauses_grow_with_jitter_and_it_is_given_up_after_a_day(doors, hooked, serve) -> None:
    assert [round(delivering.pause(n) / base, 1) in (0.8, 0.9, 1.0, 1.1, 1.2) for n, base in enumerate((10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 3600), 1)] == [True] * 10
    with receiving(lambda *_given: 503) as receiver:
        hook = hooked(receiver, "add_lead")
        with doors.unit():
            deals.create_deal(ROBOT, name="Lamp")
        serve()
        with doors.unit():
            row = HookDelivery.objects.get(hook=hook)
            assert 7 < (row.next_at - clock.real_now()).total_seconds() < 12.1
            HookDelivery.objects.update(created_at=clock.real_now() - timedelta(hours=24), next_at=clock.real_now())
            gathering.wake(hook.pk)
        serve()
        with doors.unit():
            assert HookDelivery.objects.get(hook=hook).state == State.FAILED


def test_a_worker_that_dies_after_sending_loses_nothing(doors, hooked, serve, later, monkeypatch) -> None:
    """It dies between the answer and its note: what was sent comes again, before what came after it."""

    class Killed(BaseException):
        pass

    def die(name: str) -> None:
        if name == "outbound.sent":
            raise Killed

    with receiving() as receiver:
        hook = hooked(receiver, "add_lead", "update_lead", format="json")
        with doors.unit():
            deal = deals.create_deal(ROBOT, name="One")
        monkeypatch.setattr(delivering.points, "reached", die)
        monkeypatch.setattr(delivering, "_release", lambda *_given: None)
        with pytest.raises(Killed):
            serve()
        monkeypatch.undo()
        with doors.unit():
            deals.change_deal(ROBOT, deal.pk, name="Two")
        later()
        serve()
        serve()
    bodies = [got.headers["webhook-id"] for got in receiver.got]
    assert len(bodies) == 3
    assert bodies[0] == bodies[1] != bodies[2]
    with doors.unit():
        assert not HookDelivery.objects.filter(hook=hook).exclude(state=State.DONE).exists()


def test_two_workers_do_not_send_the_same(doors, hooked, receiver) -> None:
    hook = hooked(receiver, "add_lead")
    with doors.unit():
        deals.create_deal(ROBOT, name="Lamp")
    from crm_platform.events import backbone

    backbone.relay(doors.unit)
    with doors.unit():
        [due] = delivering._take_up(hook.pk, "first")
        assert delivering._take_up(hook.pk, "second") == []
        assert due.hook_id == hook.pk
        [job] = Job.objects.filter(name="outbound.send", state="waiting")
        assert job.key == f"outbound.send:{hook.pk}"


@pytest.fixture
def call(receiver) -> Any:
    return lambda **given: transport.send([Call(given.pop("url", receiver.url), b"a=1", {})])[0]


def test_a_receiver_that_hangs_costs_five_seconds(receiver, call, monkeypatch) -> None:
    monkeypatch.setattr(transport, "SECONDS", 1.0)
    receiver.answer = lambda *_given: time.sleep(4)
    began = time.monotonic()
    answer = call()
    assert (answer.problem, answer.good) == (Problem.SLOW, False)
    assert time.monotonic() - began < 2


def test_one_that_drips_its_headers_is_cut(receiver, call, monkeypatch) -> None:
    monkeypatch.setattr(transport, "SECONDS", 1.0)

    def drip(_number: int, _got: Any, handler: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for number in range(40):
            handler.wfile.write(f"X-{number}: 1\r\n".encode())
            handler.wfile.flush()
            time.sleep(0.1)

    receiver.answer = drip
    began = time.monotonic()
    assert not call().good
    assert time.monotonic() - began < 2


def test_of_a_gigabyte_64_kilobytes_are_read(receiver, call) -> None:
    sent = []

    def pour(_number: int, _got: Any, handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(2**30))
        handler.end_headers()
        for _ in range(1024):
            handler.wfile.write(b"x" * 2**20)
            sent.append(1)

    receiver.answer = pour
    answer = call()
    assert answer.good
    assert len(answer.said) == transport.KEPT
    time.sleep(0.2)
    assert len(sent) < 16


def test_a_redirect_is_not_followed(receiver, call) -> None:
    def elsewhere(_number: int, _got: Any, handler: Any) -> None:
        handler.send_response(307)
        handler.send_header("Location", "http://169.254.169.254/latest/meta-data/")
        handler.end_headers()

    receiver.answer = elsewhere
    answer = call()
    assert (answer.status, answer.problem, answer.good) == (307, Problem.REDIRECT, False)
    assert len(receiver.got) == 1


CLOSED = (
    "http://169.254.169.254/", "http://10.0.0.1/", "http://192.168.1.1:8080/x", "http://172.16.0.1/", "http://100.64.0.1/", "http://0.0.0.0/", "http://[fe80::1]/", "http://[fc00::1]/",
    "http://[::ffff:169.254.169.254]/", "http://[64:ff9b::a9fe:a9fe]/", "http://[2002:a9fe:a9fe::1]/", "http://224.0.0.1/", "http://255.255.255.255/", "http://192.0.2.1/",
)  # fmt: skip


@pytest.mark.parametrize("url", [*CLOSED, "ftp://example.com/", "example.com", "http://", "http://user:word@example.com/", "http://exa mple.com/", "http://example.com:99999/", "https://example.com/\nX: 1", "x" * 1001])
def test_addresses_that_are_none_or_private_are_refused_when_written(url: str) -> None:
    with pytest.raises(Invalid) as refused:
        addresses.check(url)
    assert "destination" in refused.value.fields


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "http://localhost:8000/", "http://[::1]/", "http://127.1.2.3/"])
def test_this_machine_only_where_it_is_allowed(settings, url: str) -> None:
    assert addresses.check(url) == url
    settings.CRM_HOOKS_TO_LOOPBACK = False
    with pytest.raises(Invalid):
        addresses.check(url)


def test_good_addresses_are_kept_as_they_were_written() -> None:
    for url in ("https://example.com/hook?a=1&b=2", "https://bücher.example/крюк", "http://8.8.8.8:8080/"):
        assert addresses.check(f" {url} ") == url


def test_a_name_that_leads_inside_is_refused_at_each_attempt(call, receiver, monkeypatch) -> None:
    """A name that was good yesterday, or a moment ago: what is connected to is the number that was checked, and the name is asked once."""
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["169.254.169.254"] if len(asked) > 1 else ["127.0.0.1"]

    monkeypatch.setattr(addresses, "resolve", rebinding)
    url = receiver.url.replace("127.0.0.1", "rebind.example")
    assert call(url=url).good
    assert receiver.got[0].headers["host"].startswith("rebind.example:")
    assert asked == ["rebind.example"]
    refused = call(url=url)
    assert (refused.status, refused.problem) == (0, Problem.PRIVATE)
    assert len(receiver.got) == 1


@pytest.mark.parametrize("spelling", ["2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518"])
def test_odd_spellings_of_a_number_are_read_by_the_resolver_and_refused(call, spelling: str) -> None:
    answer = call(url=f"http://{spelling}/")
    assert answer.problem in (Problem.PRIVATE, Problem.UNREACHABLE)


def test_the_breaker_opens_after_bad_answers_and_lets_one_through_at_a_time(doors, hooked, serve, later) -> None:
    good = False
    with receiving(lambda *_given: 200 if good else 500) as receiver:
        hook = hooked(receiver, "add_lead", format="json")
        with doors.unit():
            for number in range(30):
                deals.create_deal(ROBOT, name=f"Deal {number}")
        serve()
        tried = len(receiver.got)
        assert tried == transport.LANES
        with doors.unit():
            hook.refresh_from_db()
            assert hook.paused_until is not None
            gathering.wake(hook.pk)
        serve()
        assert len(receiver.got) == tried, "an open breaker sends nothing"
        later()
        serve()
        assert len(receiver.got) == tried + 1
        good = True
        later()
        serve()
        assert len({got.headers["webhook-id"] for got in receiver.got}) == 30
    with doors.unit():
        hook.refresh_from_db()
        assert (hook.failures, hook.paused_until) == (0, None)
        assert not HookDelivery.objects.exclude(state=State.DONE).exists()


def test_administrators_are_warned_and_then_it_is_switched_off_with_a_letter(doors, hooked, serve) -> None:
    """Every second answer is bad: the breaker stays closed, the bad ones are counted."""
    with doors.unit():
        cast.person(roles.ADMINISTRATOR, name="Ada")
        cast.person(roles.SELLER, name="Sam")
    with receiving(lambda number, *_given: 500 if number % 2 else 200) as receiver:
        hook = hooked(receiver, "add_lead", format="json")
        now = clock.real_now()
        with doors.unit():
            row = Hook.objects.get(pk=hook.pk)
            for number in range(failing.WARNED_AT):
                failing.note(row, good=number % 2 == 1, now=now)
                failing.note(row, good=False, now=now)
            failing.settle(row, now=now)
        serve()
        warned = [letter for letter in mail.outbox if "does not answer well" in letter.subject]
        assert sorted(letter.to[0] for letter in warned) == ["ada@veldhuis.example", "olga@veldhuis.example"]
        assert receiver.url in warned[0].body
        with doors.unit():
            row = Hook.objects.get(pk=hook.pk)
            assert row.disabled_at is None
            for _ in range(60):
                failing.note(row, good=False, now=now)
            failing.settle(row, now=now)
        with doors.unit():
            row = Hook.objects.get(pk=hook.pk)
            assert row.disabled_why == "failing"
            assert Event.objects.filter(name="hook.disabled", record_id=hook.pk).exists()
        serve()
        assert sum("switched off" in letter.subject for letter in mail.outbox) == 2
        with doors.unit():
            deals.create_deal(ROBOT, name="Lamp")
            assert not Event.objects.filter(pending=True).exists(), "nobody is told any more"


def test_bad_answers_of_long_ago_do_not_count_and_the_last_one_must_be_bad(doors, hooked, receiver) -> None:
    hook = hooked(receiver, "add_lead")
    now = clock.real_now()
    with doors.unit():
        row = Hook.objects.get(pk=hook.pk)
        for _ in range(90):
            failing.note(row, good=False, now=now - timedelta(hours=3))
        for _ in range(20):
            failing.note(row, good=False, now=now)
        failing.settle(row, now=now)
        assert row.disabled_at is None
        for _ in range(90):
            failing.note(row, good=False, now=now)
        failing.note(row, good=True, now=now)
        failing.settle(row, now=now)
        assert row.disabled_at is None
        failing.note(row, good=False, now=now)
        failing.settle(row, now=now)
        assert row.disabled_at is not None


def test_silent_for_three_days_is_the_end_too(doors, hooked, receiver) -> None:
    hook = hooked(receiver, "add_lead")
    now = clock.real_now()
    with doors.unit():
        row = Hook.objects.get(pk=hook.pk)
        failing.note(row, good=False, now=now - timedelta(days=3))
        failing.note(row, good=False, now=now)
        failing.settle(row, now=now)
        assert row.disabled_at is not None


def test_a_dead_endpoint_of_one_workspace_does_not_delay_another(make_door, monkeypatch) -> None:
    monkeypatch.setattr(transport, "SECONDS", 1.0)
    first, second = make_door(), make_door(firm="Eve & Co", email="eve@elsewhere.example")
    with receiving(lambda *_given: time.sleep(3)) as dead, receiving() as well:
        for door, receiver in ((first, dead), (second, well)):
            with door.unit():
                services.subscribe(ROBOT, receiver.url, ["add_lead"])
                for number in range(100):
                    deals.create_deal(ROBOT, name=f"Deal {number}")
        began = time.monotonic()
        serving.serve_side(first.unit, seconds=0.5)
        serving.serve_side(second.unit, seconds=5)
        assert time.monotonic() - began < 6
        assert sum(len(got.form["leads"]["add"]) for got in well.got) == 100
        assert len(dead.got) <= transport.LANES


def test_a_replay_tells_again_what_happened_since(doors, hooked, serve, receiver) -> None:
    hook = hooked(receiver, "add_lead", format="json")
    with doors.unit():
        for number in range(3):
            deals.create_deal(ROBOT, name=f"Old {number}")
        Event.objects.filter(name="deal.created").update(at=clock.now() - timedelta(days=2))
    serve()
    with doors.unit():
        services.disable(ROBOT, hook.pk)
        for number in range(120):
            deals.create_deal(ROBOT, name=f"New {number}")
    serve()
    assert len(receiver.got) == 3
    with doors.unit():
        services.enable(ROBOT, hook.pk)
        assert services.replay(ROBOT, hook, since=clock.now() - timedelta(days=1)) == 120
        with pytest.raises(Invalid):
            services.replay(ROBOT, hook, since=clock.now() - timedelta(hours=1))
    serve()
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 123
    with doors.unit():
        assert services.replay(ROBOT, hook, since=clock.now() - timedelta(days=3)) == 123
    serve()
    ids = [got.headers["webhook-id"] for got in receiver.got]
    assert len(ids) == 3 + 120 + 123
    assert len(set(ids)) == 123, "an event has the same id in a replay"
    with doors.unit(), pytest.raises(Invalid):
        services.replay(ROBOT, hook, since=clock.now() - timedelta(days=15))


def test_what_is_older_than_14_days_is_forgotten(doors, hooked, receiver, serve) -> None:
    hook = hooked(receiver, "add_lead", format="json")
    with doors.unit():
        for number in range(3):
            deals.create_deal(ROBOT, name=f"Deal {number}")
    serve()
    with doors.unit():
        oldest = HookDelivery.objects.filter(hook=hook).earliest("id")
        HookDelivery.objects.filter(pk=oldest.pk).update(created_at=clock.real_now() - timedelta(days=14, minutes=1))
        [job] = Job.objects.filter(name="outbound.tidy")
        Job.objects.filter(pk=job.pk).update(at=clock.real_now())
    serve()
    with doors.unit():
        assert HookDelivery.objects.count() == 2
        assert Job.objects.filter(name="outbound.tidy", state="waiting").exists()


def test_a_test_is_sent_once_even_where_it_is_off(doors, hooked, receiver, serve) -> None:
    hook = hooked(receiver, "add_lead")
    with doors.unit():
        services.disable(ROBOT, hook.pk)
        services.try_out(ROBOT, hook.pk)
    serve()
    [got] = receiver.got
    assert set(got.form) == {"account"}
    receiver.answer = lambda *_given: 500
    with doors.unit():
        services.try_out(ROBOT, hook.pk)
    serve()
    with doors.unit():
        assert Hook.objects.get(pk=hook.pk).failures == 0
        assert HookDelivery.objects.latest("id").state == State.FAILED


SERVED = "import django; django.setup(); from crm_platform.jobs import serving; from crm_platform.kernel import workspace; import sys; serving.serve_side(lambda: workspace.unit(sys.argv[1]), seconds=20)"


def _served(doors: Any, *, at: str = "") -> int:
    """A worker of its own, that dies at a point."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "crm_platform.config.settings.test", "CRM_KILLED_AT": at, "CRM_HOOKS_TO_LOOPBACK": "1"}
    return subprocess.run([sys.executable, "-c", SERVED, doors.place.public_id], env=environment, cwd=ROOT, check=False, timeout=60).returncode


def test_workers_killed_for_good_lose_nothing_and_keep_the_order_of_each_record(doors, hooked, later) -> None:
    with receiving() as receiver:
        hooked(receiver, "add_lead", "update_lead", format="json")
        with doors.unit():
            made = [deals.create_deal(ROBOT, name="step 0") for _ in range(6)]
        for step in range(1, 4):
            with doors.unit():
                for deal in made:
                    deals.change_deal(ROBOT, deal.pk, name=f"step {step}")
        for _ in range(2):
            assert _served(doors, at="outbound.sent") == -signal.SIGKILL
            later()
        assert _served(doors) == 0
    steps: dict[int, list[str]] = {}
    for got in receiver.got:
        body = json.loads(got.body)
        steps.setdefault(body["data"]["id"], []).append(got.headers["webhook-id"])
    assert set(steps) == {deal.pk for deal in made}
    for ids in steps.values():
        firsts = list(dict.fromkeys(ids))
        assert len(firsts) == 4
        numbers = [int(one.rsplit("_", 1)[1]) for one in firsts]
        assert numbers == sorted(numbers)
        assert ids == sorted(ids, key=firsts.index), "an event that is sent again comes before the next one of its record"
    assert sum(len(ids) for ids in steps.values()) > 24, "those in flight were sent again"
