"""Ways in of programs, with one's own token: every operation that is told, with another's rows in its question and its body; and every address that names a row by a word."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from . import operations as told
from . import routes, watching
from .houses import House
from .operations import Names, Operation
from .routes import VERBS, Route
from .trying import Request, Trial, in_batches, knock, must_not_trip
from .ways_by_request import _numbers, _uuids

_NO_LINK = "x-1"


def words(trial: Trial) -> None:
    """Every address that names a row by a word (a uid, a UUID, a code), by every verb, with those of the others. A word may also be no name: what is one's own is not watched here."""
    for of in (trial.houses.other, trial.houses.twin):
        in_batches(trial, "word", _word_attempts(trial, of), still=(of,))


def _word_attempts(trial: Trial, of: House) -> Iterator[bool]:
    mine = trial.houses.mine
    own = {word for house in trial.houses.all() if house is not of for word in trial.words[house.mark].values()}
    # What a program may name a thing by itself is kept as it was asked for, so it must not look like a word that came through.
    foreign = [word for word in watching.few(trial.words[of.mark]) if word not in own and of.mark not in word]
    if not foreign:
        trial.fail("word", f"{of.mark} has no word of its own that a row is named by")
    client = mine.client()
    for route in trial.routes:
        if not any(kind == "slug" for _name, kind in route.variables):
            continue
        paths = route.paths({"int": [_numbers(of)[0]], "slug": foreign, "text": [_NO_LINK], "uuid": _uuids(of)[:1]})
        for path, verb in itertools.product(paths, VERBS if trial.whole else ("GET", "POST", "DELETE")):
            request = Request(verb, path, headers=trial.bears(mine) if route.by_token else {})
            answer = knock(trial, "word", client, request, judge=must_not_trip, of=(of,))
            if "/login/" in answer.headers.get("Location", ""):
                client = mine.client()
            yield True


def operations(trial: Trial) -> None:
    """Every operation at one's own addresses, with another's rows in its question and in each place of its body: refused or ignored, and no row ever names them."""
    in_batches(trial, "program", _operation_attempts(trial), still=(trial.houses.other,))
    for found in watching.references(trial.houses.mine.place):
        trial.fail("program", f"a row of one's own names another's: {found}")


def _operation_attempts(trial: Trial) -> Iterator[bool]:
    by_text = {route.text: route for route in trial.routes}
    numbers, uuids = _numbers(trial.houses.other)[: 2 if trial.whole else 1], _uuids(trial.houses.other)
    own = Names(1, next(iter(_uuids(trial.houses.mine))))
    known = [one for one in told.known() if one.text in by_text]
    untold = {route.text for route in trial.routes if route.by_token and route.text.startswith("/api/v4/")} - {one.text for one in known}
    if untold:
        trial.fail("program", f"nobody tells what may be sent to {', '.join(sorted(untold))}")
    # What takes away comes last: nothing else would be found any more.
    for operation in sorted(known, key=lambda one: one.verb == "DELETE"):
        for number in numbers:
            yield from _asked_and_sent(trial, operation, by_text[operation.text], own, Names(number, uuids[0]))


def _asked_and_sent(trial: Trial, operation: Operation, route: Route, own: Names, foreign: Names) -> Iterator[bool]:
    mine = trial.houses.mine
    found = trial.learnt.own.get(route.text) or list(route.paths({"int": [own.number], "slug": routes.words()[:1], "text": [_NO_LINK], "uuid": [own.word]}))
    path = trial.look(mine, found[0]).path
    requests = [Request(operation.verb, f"{path}?{question}", headers=trial.bears(mine)) for question in operation.questions(foreign)]
    requests += [Request(operation.verb, path, headers=trial.bears(mine), sent=body) for body in operation.bodies(own, foreign)]
    for request in requests:
        knock(trial, "program", mine.stranger(), request, judge=must_not_trip, of=(trial.houses.other,))
        yield True
