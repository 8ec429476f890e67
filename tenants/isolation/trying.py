"""One attempt, and what may come of it; a kind is a way in with its attempts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.test import Client

from . import filling, watching
from .houses import House, Houses
from .reading import Learnt
from .routes import Route
from .watching import Secrets

# How a request for another's is refused: not found above all; no such verb, not allowed, does not fit, not as it should be.
REFUSED = frozenset({401, 403, 404, 405, 409, 422})
MOST_FAILURES = 50
# From so many wanted attempts on, nothing is left to a sample.
WHOLE = 5000


@dataclass(slots=True)
class Trial:
    """What all kinds work with, and what they found."""

    houses: Houses
    routes: list[Route]
    learnt: Learnt
    secrets: dict[str, Secrets]
    wanted: int
    # By mark: a program's token, and the words that rows are named by.
    tokens: dict[str, str] = field(default_factory=dict)
    words: dict[str, dict[tuple[str, str, int], str]] = field(default_factory=dict)
    # By mark of whose numbers they are: those by which attempts have called something of the others'.
    given: dict[str, set[str]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def fail(self, kind: str, what: str) -> None:
        """Note what came through, the first few of it in words."""
        if len(self.failures) < MOST_FAILURES:
            self.failures.append(f"{kind}: {what}")

    def count(self, kind: str, *, refused: bool = True) -> None:
        """One attempt more."""
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if refused:
            self.refused[kind] = self.refused.get(kind, 0) + 1

    @property
    def whole(self) -> bool:
        """Whether thousands of attempts are wanted: every combination then, else every way once."""
        return self.wanted >= WHOLE

    def total(self) -> int:
        """All attempts so far."""
        return sum(self.counts.values())

    def bears(self, house: House) -> dict[str, str]:
        """The headers of a program of the house."""
        return {"Authorization": f"Bearer {self.tokens[house.mark]}"}

    def look(self, house: House, address: str, *, asking: str = "") -> Request:
        """A look at an address that the twin answered at, as the house has it: the same numbers, its own words, by token where it takes nothing else."""
        own = self.words[house.mark]
        same = {word: own[key] for key, word in self.words[self.houses.twin.mark].items() if key in own}
        path = "/".join(same.get(part, part) for part in address.split("/"))
        return Request("GET", f"{path}?{asking}" if asking else path, headers=self.bears(house) if address in self.learnt.bearing else {})

    def listen(self, kind: str, what: str, answer: str, *, asked: str, of: Iterable[House]) -> None:
        """Fail where an answer tells anything of the houses."""
        for house in of:
            if leak := self._leak(house, answer, asked=asked):
                self.fail(kind, f"{what}: the answer holds “{leak[:40]}” of another workspace")

    def _leak(self, house: House, answer: str, *, asked: str) -> str:
        """What of the house an answer holds; empty where nothing. An earlier attempt may have called something of the asker's by one of its numbers: that tells nothing."""
        while (leak := self.secrets[house.mark].found_in(answer, asked=asked)) and self._is_a_name(leak, house):
            asked = f"{asked} {leak}"
        return leak

    def _is_a_name(self, leak: str, house: House) -> bool:
        given = self.given.setdefault(house.mark, set())
        if leak.isdecimal() and leak not in given:  # seldom: all is read for it
            given.update(*(watching.numbers_written(one.place) for one in self.houses.all() if one is not house))
        return leak in given


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it will be sent, with a form's `body` or a program's `sent`; `asked` is all of it that an answer may repeat."""

    verb: str
    path: str
    body: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    sent: Any = None

    @property
    def asked(self) -> str:
        """Its own texts."""
        return " ".join((self.path, *self.body.keys(), *self.body.values(), *self.headers.values(), json.dumps(self.sent)))

    def __str__(self) -> str:
        shown = f" with {(urlencode(self.body) or json.dumps(self.sent))[:120]}" if self.body or self.sent is not None else ""
        return f"{self.verb} {self.path[:160]}{shown}"

    def send(self, client: Client) -> HttpResponse:
        """Knock."""
        if self.sent is not None:
            return client.generic(self.verb, self.path, json.dumps(self.sent), content_type="application/json", headers=self.headers)  # type: ignore[return-value]  # the client's own kind of answer
        if self.verb == "POST":
            if self.path.startswith(_API):
                return client.post(self.path, json.dumps([dict(self.body)]), content_type="application/json", headers=self.headers)  # type: ignore[return-value]
            return client.post(self.path, self.body, headers=self.headers)  # type: ignore[return-value]  # the client's own kind of answer
        return client.generic(self.verb, self.path, headers=self.headers)  # type: ignore[return-value]  # the client's own kind of answer


_API = "/api/v4/"
Judge = Callable[[HttpResponse], str]


def must_refuse(request: Request) -> Judge:
    """The judge of a request that names another's row: empty where it was refused, else what is wrong."""

    def judge(answer: HttpResponse) -> str:
        status, to = answer.status_code, answer.headers.get("Location", "")
        asked_to_log_in = status == 302 and ("/login/" in to or "/reauthenticate/" in to)
        only_says_verbs = request.verb == "OPTIONS" and status == 200 and "Allow" in answer.headers
        return "" if status in REFUSED or asked_to_log_in or only_says_verbs or _refused_by_api(request, answer) else f"answered {status} {to}".strip()

    return judge


def _refused_by_api(request: Request, answer: HttpResponse) -> bool:
    """The open API refuses in amoCRM's words: of what is not there it tells nothing (204, to a reader alone), of a body that means nothing why (400)."""
    if not request.path.startswith(_API):
        return False
    silent = request.verb in ("GET", "HEAD") and answer.status_code == 204 and not answer.content
    return silent or (answer.status_code == 400 and answer.headers.get("Content-Type") == "application/problem+json")


def must_not_trip(answer: HttpResponse) -> str:
    """The judge of a request whose address is one's own: it may be answered, but not by a failure of ours."""
    return "" if answer.status_code < 500 else f"answered {answer.status_code}"


def knock(trial: Trial, kind: str, client: Client, request: Request, *, judge: Judge, of: Iterable[House]) -> HttpResponse:
    """Send, judge, listen, count."""
    answer = request.send(client)
    wrong = judge(answer)
    if wrong:
        trial.fail(kind, f"{request} {wrong}")
    trial.listen(kind, str(request), watching.said(answer), asked=request.asked, of=of)
    trial.count(kind, refused=answer.status_code in REFUSED or answer.status_code in (301, 302, 303))
    return answer


def _standing(house: House, without: Iterable[str]) -> dict[str, tuple[int, str]]:
    return watching.fingerprint(house.place, without=without) | filling.standing_beside(house.place.public_id)


def in_batches(trial: Trial, kind: str, attempts: Iterator[Any], *, still: Iterable[House], without: Iterable[str] = (), size: int = 250) -> None:
    """Run attempts (each step of the iterator is one) and prove after each batch that no row of the houses has changed."""
    watched = list(still)
    before = {house.mark: _standing(house, without) for house in watched}
    done, more = 0, True
    while more:
        more = next(attempts, None) is not None
        done += 1
        if done % size and more:
            continue
        for house in watched:
            after = _standing(house, without)
            changed = watching.changes(before[house.mark], after)
            if changed:
                trial.fail(kind, f"rows of {house.mark} changed within attempts {max(1, done - size)} to {done}: {', '.join(changed)}")
                before[house.mark] = after
