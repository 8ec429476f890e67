"""Calls to a stranger: bounded in time and size, to a checked number, redirects not followed. No database here.

A lane keeps its connection from one call to the next, where the receiver keeps it too: of a POST over TLS the handshake is most.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from . import addresses, reaching
from .reaching import Target

# Seconds for all of it: name, connection, answer. Bytes of the answer that are read, and letters of it that are kept.
SECONDS, MOST_READ, KEPT = 5.0, 64 * 1024, 500
# How many calls are under way at once, and for how many seconds a lane takes up further ones.
LANES, BRISK = 8, 1.0


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
    """What is sent, and where to. A GET has no body."""

    url: str
    body: bytes
    headers: Mapping[str, str]
    method: str = "POST"


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


@dataclass(slots=True)
class _Line:
    """A connection that the receiver left open, and where it leads to."""

    to: Target
    connection: http.client.HTTPConnection
    socket: socket.socket


class _Exchange:
    """One call. Another thread may cut it, so that whoever waits can stop waiting, whatever hangs. `line` is what is left for the next."""

    def __init__(self, call: Call, line: _Line | None = None) -> None:
        self.call, self.line = call, line
        self.answer: Answer | None = None
        self.began = time.monotonic()
        self._socket: socket.socket | None = line.socket if line else None

    def run(self) -> Answer:
        """Send, and tell what came back."""
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
            if self.line is None:
                self.cut()
        return self.answer

    def _told(self, problem: Problem, *, status: int = 0, said: str = "") -> Answer:
        return Answer(status, round((time.monotonic() - self.began) * 1000), said.replace("\x00", "")[:KEPT], problem)

    def _left(self) -> float:
        left = SECONDS - (time.monotonic() - self.began)
        if left <= 0:
            raise TimeoutError
        return left

    def _ask(self) -> tuple[int, str]:
        to, kept, self.line = reaching.target_of(self.call.url), self.line, None
        if kept is not None and (kept.to.secure, kept.to.host, kept.to.port) == (to.secure, to.host, to.port):
            try:
                return self._said(kept, to)
            except (http.client.RemoteDisconnected, ConnectionError):  # the receiver had let go of it: a new one, within the same time
                pass
        self.cut()
        return self._said(self._open(to), to)

    def _open(self, to: Target) -> _Line:
        self._socket = plain = reaching.connected(to, left=self._left)
        if to.secure:
            self._socket = plain = reaching.secured(plain, to)
        return _Line(to, reaching.speaking(plain, to), plain)

    def _said(self, line: _Line, to: Target) -> tuple[int, str]:
        line.socket.settimeout(self._left())
        line.connection.request(self.call.method, to.path, self.call.body or None, {"Host": to.named, **self.call.headers})
        answer = line.connection.getresponse()
        said = answer.read(MOST_READ).decode("utf-8", "replace")
        self.line = line if answer.isclosed() and not answer.will_close else None  # read to its end, so the next answer is the next call's
        return answer.status, said

    def cut(self) -> None:
        """End the connection, from this thread or another."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()


class _Lane(threading.Thread):
    """Sends one call after the other out of what is left, as long as all goes well and quickly."""

    def __init__(self, left: deque[tuple[int, Call]], answers: dict[int, Answer], stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self._left, self._answers, self._stop_all, self._began = left, answers, stop, time.monotonic()
        self.present: tuple[int, _Exchange] | None = None

    def run(self) -> None:
        first, line = True, None
        while first or not (self._stop_all.is_set() or time.monotonic() - self._began > BRISK):
            try:
                at, call = self._left.popleft()
            except IndexError:
                break
            exchange = _Exchange(call, line)
            self.present = at, exchange
            answer = exchange.run()
            line = exchange.line
            self._answers.setdefault(at, answer)
            if not answer.good:
                self._stop_all.set()
            first = False
        if self.present is not None:
            self.present[1].cut()

    def wait(self) -> None:
        """Until it is done, or its present call has had its time."""
        while self.is_alive():
            present = self.present
            left = (present[1].began if present else self._began) + SECONDS + 0.25 - time.monotonic()
            if left > 0 or present is None:
                self.join(max(left, 0.05))
            else:
                self._answers.setdefault(present[0], Answer(0, round(SECONDS * 1000), problem=Problem.SLOW))
                self._stop_all.set()
                present[1].cut()
                return


def send(calls: Sequence[Call]) -> list[Answer | None]:
    """Send them in a few lanes at once; None for those that were not tried since one before them went wrong or took its time.

    It never takes longer than BRISK and SECONDS together, whatever the receiver does.
    """
    left, answers, stop = deque(enumerate(calls)), dict[int, Answer](), threading.Event()
    lanes = [_Lane(left, answers, stop) for _ in range(min(LANES, len(calls)))]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.wait()
    return [answers.get(at) for at in range(len(calls))]
