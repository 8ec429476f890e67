"""One POST to a stranger: bounded in time and size, to a checked number, redirects not followed. No database here."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from urllib.parse import urlsplit

from django.utils.encoding import iri_to_uri

from . import addresses

# Seconds for all of it: name, connection, answer. Bytes of the answer that are read, and letters of it that are kept.
SECONDS, MOST_READ, KEPT = 5.0, 64 * 1024, 500


class Problem(StrEnum):
    """Why there is no good answer."""

    NONE = ""
    PRIVATE = "private"
    SLOW = "slow"
    UNREACHABLE = "unreachable"
    TLS = "tls"
    REDIRECT = "redirect"
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class Call:
    """What is sent, and where to."""

    url: str
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status (0 for none), after how long, and the beginning of the text."""

    status: int
    ms: int
    said: str = ""
    problem: Problem = Problem.NONE

    @property
    def good(self) -> bool:
        """Whether it was taken: any 2xx."""
        return 200 <= self.status < 300


class _Exchange(threading.Thread):
    """One call in a thread of its own, so that whoever waits can stop waiting, whatever hangs."""

    def __init__(self, call: Call) -> None:
        super().__init__(daemon=True)
        self.call = call
        self.answer: Answer | None = None
        self.began = time.monotonic()
        self._socket: socket.socket | None = None

    def run(self) -> None:
        try:
            status, said = self._ask()
            problem = Problem.NONE if 200 <= status < 300 else Problem.REDIRECT if 300 <= status < 400 else Problem.STATUS
            self.answer = self._told(problem, status=status, said=said)
        except addresses.NotOpen:
            self.answer = self._told(Problem.PRIVATE)
        except TimeoutError:
            self.answer = self._told(Problem.SLOW)
        except ssl.SSLError as error:
            self.answer = self._told(Problem.TLS, said=str(error))
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.answer = self._told(Problem.UNREACHABLE, said=str(error))
        finally:
            self.cut()

    def _told(self, problem: Problem, *, status: int = 0, said: str = "") -> Answer:
        return Answer(status, round((time.monotonic() - self.began) * 1000), said.replace("\x00", "")[:KEPT], problem)

    def _left(self) -> float:
        left = SECONDS - (time.monotonic() - self.began)
        if left <= 0:
            raise TimeoutError
        return left

    def _ask(self) -> tuple[int, str]:
        parts = urlsplit(self.call.url)
        host, secure = addresses.host_of(parts), parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        self._socket = plain = self._connect(addresses.numbers_of(host, port), port)
        if secure:
            self._socket = plain = _tls().wrap_socket(plain, server_hostname=host)
        connection = http.client.HTTPConnection(host, port)
        connection.sock = plain
        plain.settimeout(self._left())
        path = iri_to_uri(parts.path or "/") + (f"?{iri_to_uri(parts.query)}" if parts.query else "")
        named = f"[{host}]" if ":" in host else host
        connection.request("POST", path, self.call.body, {"Host": named if parts.port is None else f"{named}:{port}", **self.call.headers, "Connection": "close"})
        answer = connection.getresponse()
        return answer.status, answer.read(MOST_READ).decode("utf-8", "replace")

    def _connect(self, numbers: Sequence[str], port: int) -> socket.socket:
        """To the first of the numbers that takes the connection."""
        failed: OSError = TimeoutError()
        for number in numbers:
            try:
                return socket.create_connection((number, port), timeout=self._left())
            except OSError as error:
                failed = error
        raise failed

    def cut(self) -> None:
        """End the connection, from this thread or another."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def send(calls: Sequence[Call]) -> list[Answer]:
    """Send all of them at once, and wait no longer than SECONDS for the slowest."""
    running = [_Exchange(call) for call in calls]
    for exchange in running:
        exchange.start()
    until = time.monotonic() + SECONDS + 0.25
    answers = []
    for exchange in running:
        exchange.join(max(0.0, until - time.monotonic()))
        answers.append(exchange.answer or Answer(0, round(SECONDS * 1000), problem=Problem.SLOW))
        exchange.cut()
    return answers
