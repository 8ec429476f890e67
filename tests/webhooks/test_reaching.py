"""What is connected to, and how much of an answer is taken: bounded in time and size, never inside, whatever a name or an answer says."""

from __future__ import annotations

import time
from typing import Any

import pytest

from crm_platform.kernel.errors import Invalid
from webhooks.outbound import addresses, transport
from webhooks.outbound.transport import Call, Problem

from .receiver import receiving


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


def sent(url: str, count: int) -> list[bool]:
    return [answer is not None and answer.good for answer in transport.send([Call(url, b"a=%d" % number, {}) for number in range(count)])]


@pytest.fixture
def one_lane(monkeypatch) -> None:
    monkeypatch.setattr(transport, "LANES", 1)


def test_one_connection_carries_what_follows(one_lane) -> None:
    with receiving(version="HTTP/1.1") as receiver:
        assert sent(receiver.url, 5) == [True] * 5
        assert ([got.body for got in receiver.got], receiver.connections) == ([b"a=%d" % number for number in range(5)], 1)


def test_a_receiver_that_lets_go_of_its_connections_loses_nothing(one_lane) -> None:
    def let_go(_number: int, _got: Any, handler: Any) -> int:
        handler.close_connection = True  # without a word of it in the answer
        return 200

    with receiving(let_go, version="HTTP/1.1") as receiver:
        assert sent(receiver.url, 4) == [True] * 4
        assert ([got.body for got in receiver.got], receiver.connections) == ([b"a=%d" % number for number in range(4)], 4)


def test_what_is_left_of_a_long_answer_is_not_the_next_calls(one_lane) -> None:
    def chatter(_number: int, _got: Any, handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(transport.MOST_READ + 10))
        handler.end_headers()
        handler.wfile.write(b"x" * (transport.MOST_READ + 10))

    with receiving(chatter, version="HTTP/1.1") as receiver:
        assert sent(receiver.url, 2) == [True] * 2
        assert receiver.connections == 2


def test_another_host_is_another_connection(one_lane, monkeypatch) -> None:
    asked = []
    real = addresses.numbers_of
    monkeypatch.setattr(addresses, "numbers_of", lambda host, port: asked.append(host) or real(host, port))
    with receiving(version="HTTP/1.1") as first, receiving(version="HTTP/1.1") as second:
        answers = transport.send([Call(url, b"a=1", {}) for url in (first.url, second.url, first.url)])
        assert [answer is not None and answer.good for answer in answers] == [True] * 3
        assert (first.connections, second.connections, len(asked)) == (2, 1, 3)
