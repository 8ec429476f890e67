"""Business time, moved: everywhere within a second, the stand-in first, never in production, and no session follows."""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from click.testing import CliRunner

from billing.metering import answering
from crm_platform.db import sides
from crm_platform.kernel import clock, commands
from tenants.timing import commands as _timing  # noqa: F401 (registers them)
from tenants.timing import services as timing
from tenants.timing.models import MovedClock


@pytest.fixture
def moving(doors):
    """A workspace, and business time that goes back to the world's afterwards."""
    yield doors
    with sides.control_unit():
        MovedClock.objects.all().delete()
    timing.forget()


def run(*given: str) -> dict:
    answer = CliRunner().invoke(commands.group, ["clock", *given, "--json"])
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.stdout)


def ahead() -> float:
    return (clock.now() - clock.real_now()).total_seconds()


def test_it_is_set_advanced_shown_and_cleared(moving) -> None:
    assert not run("show")["moved"]
    run("set", "2031-05-07T12:00:00Z")
    assert abs(clock.now() - datetime(2031, 5, 7, 12, tzinfo=UTC)) < timedelta(seconds=5)
    run("advance", "1d12h")
    assert abs(clock.now() - datetime(2031, 5, 9, tzinfo=UTC)) < timedelta(seconds=5)
    run("advance", "30")
    assert clock.now().date() == datetime(2031, 6, 8, tzinfo=UTC).date()
    assert run("show")["moved"]
    run("clear")
    assert abs(ahead()) < 1


@pytest.mark.parametrize("given", [("set", "tomorrow"), ("advance", "3 weeks"), ("advance", "-5d"), ("set", "2027-13-01")])
def test_nonsense_moves_nothing(moving, given) -> None:
    assert CliRunner().invoke(commands.group, ["clock", *given]).exit_code != 0
    assert abs(ahead()) < 1


def test_another_process_sees_it_within_a_second(moving) -> None:
    other = timing._Reader()
    assert other.ahead() == timedelta(0)
    run("advance", "15d")
    time.sleep(timing.BELIEVED + 0.05)
    assert round(other.ahead() / timedelta(days=1)) == 15
    other.close()


def test_business_follows_and_sessions_and_tokens_do_not(moving) -> None:
    owner = moving.client()
    run("advance", "400d")
    with moving.unit():
        assert str(answering.standing_here().state) == "active"  # the trial is long over
    assert owner.get("/contacts").status_code == 200  # signed in as ever


def test_in_production_nobody_moves_it(moving, settings) -> None:
    settings.CRM_CLOCK_MOVES = False
    answer = CliRunner().invoke(commands.group, ["clock", "advance", "1d"])
    assert isinstance(answer.exception, timing.ClockStands)
    assert abs(ahead()) < 1


class StandIn(BaseHTTPRequestHandler):
    """Takes the time over, or does not."""

    status = 200
    told: list[tuple[str, dict]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.told.append((self.path, body))
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_given) -> None:
        """Quietly."""


@pytest.fixture
def stand_in(settings):
    server = HTTPServer(("127.0.0.1", 0), StandIn)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.STRIPE_API_BASE = f"http://127.0.0.1:{server.server_port}"
    StandIn.status, StandIn.told = 200, []
    yield StandIn
    server.shutdown()
    server.server_close()


def test_the_stand_in_moves_along(moving, stand_in) -> None:
    run("set", "2031-05-07T12:00:00Z")
    run("clear")
    assert stand_in.told == [("/_ctl/clock", {"now": int(datetime(2031, 5, 7, 12, tzinfo=UTC).timestamp())}), ("/_ctl/clock", {"real": True})]


def test_where_the_stand_in_does_not_follow_nothing_is_moved_and_back_one_always_comes(moving, stand_in) -> None:
    stand_in.status = 400
    answer = CliRunner().invoke(commands.group, ["clock", "advance", "1d"])
    assert isinstance(answer.exception, timing.StandInSilent)
    assert abs(ahead()) < 1
    run("clear")


def test_where_it_cannot_be_read_what_was_believed_stands_and_no_connection_is_left_open(moving, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def connect():
        made.append(connect_really())
        return made[-1]

    connect_really, reader = timing._connect, timing._Reader()
    monkeypatch.setattr(timing, "_connect", connect)
    with monkeypatch.context() as broken:
        broken.setattr(timing, "_ASKED", "SELECT ahead FROM nothing_of_that_name")
        assert reader.ahead() == timedelta(0)
    assert [one.closed for one in made] == [True]
    reader.forget()
    assert reader.ahead() == timedelta(0)
    assert [one.closed for one in made] == [True, False]
    reader.close()
