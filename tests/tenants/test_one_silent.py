"""One database of workspaces stands still, neither answering nor breaking: its workspaces get a sentence soon, and no thread waits for it for ever."""

from __future__ import annotations

import contextvars
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, close_old_connections, connections

from crm_platform.db import sides, silence
from crm_platform.kernel import effort
from crm_platform.kernel.effort import Effort
from tenants.health import _answers

from .test_one_down import two_homes

__all__ = ["two_homes"]


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Seconds instead of tens of them."""
    monkeypatch.setattr(silence, "BEGINNING", 1.0)
    monkeypatch.setattr(silence, "PAUSE", 2.0)
    yield
    silence._silent.clear()
    connections["cell2"].close()


@contextmanager
def standing_still() -> Iterator[None]:
    """The process that serves our connection to the second database stands still."""
    pid = connections["cell2"].connection.info.backend_pid
    if b"postgres" not in Path(f"/proc/{pid}/cmdline").read_bytes():
        pytest.skip("!! A DATABASE THAT STANDS STILL IS LEFT OUT: its server is on another machine !!")
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _enter(door: Any, kind: Effort) -> None:
    with effort.use(kind), sides.unit(door.place):
        pass


def took(act: Any) -> tuple[Any, float]:
    began = time.monotonic()
    return act(), time.monotonic() - began


def test_its_workspaces_get_a_sentence_and_the_others_serve(two_homes) -> None:
    here, there = two_homes
    ours, theirs = here.client(), there.client()
    assert theirs.get("/board").status_code == 200
    with standing_still():
        answer, seconds = took(lambda: theirs.get("/board"))
        assert (answer.status_code, answer["Retry-After"], 0.9 < seconds < 3) == (503, "10", True)
        answer, seconds = took(lambda: theirs.get("/board"))
        assert (answer.status_code, seconds < 0.5) == (503, True)
        assert ours.get("/board").status_code == 200
        assert ours.get("/healthz").json()["checks"]["workspaces"] == "unreachable: cell2"
    time.sleep(2.1)
    assert [theirs.get("/board").status_code for _twice in range(2)] == [200, 200]
    assert silence._silent == {}


def test_a_statement_is_waited_for_a_little_longer_than_the_server_may_take(two_homes, monkeypatch) -> None:
    _here, there = two_homes
    monkeypatch.setattr(silence, "GRACE", -2.2)  # of the three seconds of one who types
    waited = []

    def ask() -> None:
        with effort.use(Effort.TYPING), sides.unit(there.place), connections["cell2"].cursor() as cursor:
            cursor.execute("SELECT 1")
            with standing_still():
                began = time.monotonic()
                try:
                    cursor.execute("SELECT 2")
                finally:
                    waited.append(time.monotonic() - began)

    with pytest.raises(OperationalError, match="cell2 does not answer"):
        ask()
    assert 0.5 < waited[0] < 2
    with pytest.raises(OperationalError):
        _enter(there, Effort.JOB)


def test_a_server_that_takes_connections_and_says_nothing(two_homes, monkeypatch) -> None:
    _here, there = two_homes
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(8)
        one = connections["cell2"]
        one.close()
        monkeypatch.setitem(one.settings_dict, "HOST", "127.0.0.1")
        monkeypatch.setitem(one.settings_dict, "PORT", str(deaf.getsockname()[1]))
        monkeypatch.setitem(one.settings_dict, "OPTIONS", {**one.settings_dict["OPTIONS"], "connect_timeout": 2})
        for least, most in ((1.5, 6), (0, 0.5)):
            began = time.monotonic()
            with pytest.raises(OperationalError):
                _enter(there, Effort.REQUEST)
            assert least < time.monotonic() - began < most


def test_after_the_pause_one_finds_out_and_the_others_are_refused() -> None:
    silence.note("cell2")
    with effort.use(Effort.REQUEST):
        for alias, refused in (("cell2", True), ("cell1", False)):
            _refuses(alias, refused=refused)
        silence._silent["cell2"] = time.monotonic() - 1, 0
        for _step in ("connects", "begins"):
            _refuses("cell2", refused=False)
        with ThreadPoolExecutor(1) as another:
            another.submit(contextvars.copy_context().run, _refuses, "cell2", refused=True).result()
        silence.heard("cell2")
        _refuses("cell2", refused=False)
        silence.note("cell2")
    _refuses("cell2", refused=False)  # a command asks as often as it likes


def _refuses(alias: str, *, refused: bool) -> None:
    with pytest.raises(psycopg.OperationalError, match=f"{alias} does not answer") if refused else nullcontext():
        silence.refuse(alias)


def test_threads_with_connections_of_their_own_are_neither_held_nor_spoiled(two_homes) -> None:
    """One notes the silence; another, whose connection stands still too, is refused, closes it in no time, and serves again afterwards."""
    _here, there = two_homes
    done = []

    def serve() -> None:
        try:
            _enter(there, Effort.JOB)
            pid = connections["cell2"].connection.info.backend_pid
            os.kill(pid, signal.SIGSTOP)
            silence.note("cell2")
            began = time.monotonic()
            with pytest.raises(OperationalError):
                _enter(there, Effort.JOB)
            close_old_connections()
            done.append(time.monotonic() - began)
            os.kill(pid, signal.SIGCONT)
            silence.heard("cell2")
            _enter(there, Effort.JOB)
            silence.note("cell2")  # a false alarm: the connection is a good one
            with pytest.raises(OperationalError):
                _enter(there, Effort.JOB)
            silence.heard("cell2")
            for _twice in range(2):
                close_old_connections()
                _enter(there, Effort.JOB)
            done.append("served")
        finally:
            connections["cell2"].close()

    _enter(there, Effort.JOB)
    if b"postgres" not in Path(f"/proc/{connections['cell2'].connection.info.backend_pid}/cmdline").read_bytes():
        pytest.skip("!! A DATABASE THAT STANDS STILL IS LEFT OUT: its server is on another machine !!")
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    thread.join(20)
    assert (len(done), done[0] < 1, done[1:]) == (2, True, ["served"])


def test_a_beginning_does_not_tell_that_a_database_answers(two_homes) -> None:
    _here, there = two_homes
    _enter(there, Effort.JOB)
    silence.note("cell2")
    silence._silent["cell2"] = time.monotonic() - 1, 0
    with effort.use(Effort.JOB), sides.unit(there.place):
        assert "cell2" in silence._silent  # this one finds out
    assert "cell2" not in silence._silent


def test_what_is_asked_at_the_public_host_is_not_a_command(public, monkeypatch) -> None:
    seen = []
    monkeypatch.setattr("tenants.middleware.sides.control_unit", _noting(seen, sides.control_unit))
    assert public.get("/").status_code == 200
    assert set(seen) == {Effort.REQUEST}


def _noting(seen: list[Effort], plain: Any) -> Any:
    def noted(*given: Any, **more: Any) -> Any:
        seen.append(effort.current())
        return plain(*given, **more)

    return noted


def test_its_health_is_known_in_no_time(two_homes) -> None:
    _here, there = two_homes
    _enter(there, Effort.JOB)
    silence.note("cell2")
    assert took(lambda: _answers("cell2")) == (False, pytest.approx(0, abs=0.5))
    silence._silent["cell2"] = time.monotonic() - 1, 0
    assert (_answers("cell2"), silence._silent) == (True, {})
