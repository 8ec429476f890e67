"""Ways in through the workspace's host: its addresses, what is asked of them, what is sent to them, and every credential."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import unquote, urlencode

from django.conf import settings
from django.http import HttpResponse
from django.test import Client

from crm_platform.accounts import links
from crm_platform.db import sides

from . import filling, routes, watching
from .houses import EMAIL, House, session_of
from .routes import VERBS, Route
from .trying import Request, Trial, in_batches, knock, must_not_trip, must_refuse

_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\Z")
_NO_LINK = "x-1"


def addresses(trial: Trial) -> None:
    """Every address that names a row, by every verb, with the rows of another; and the other way round."""
    houses = trial.houses
    ahead = trial.total()
    for at, of, share, verbs in ((houses.mine, houses.other, 0.6, VERBS), (houses.other, houses.mine, 1.0, VERBS if trial.whole else ("GET", "POST"))):
        until = ahead + int((trial.wanted - ahead) * share)
        attempts = _address_attempts(trial, (at.client(), at.token()), at, of, until=until, verbs=verbs)
        in_batches(trial, "address", attempts, still=(houses.mine, houses.other))


def _address_attempts(trial: Trial, credentials: tuple[Client, str], at: House, of: House, *, until: int, verbs: Sequence[str]) -> Iterator[bool]:
    """The first number at every address in any case; further ones until it is enough."""
    words, uuids = _known_words(trial), _uuids(of)
    naming = [route for route in trial.routes if route.numbered or (route.variables and filling.names_beside(route.text))]
    beside = {route.text: filling.beside(of.place.public_id, route.text) for route in naming}
    for number in _numbers(of):
        for route in naming:
            if not (route.numbered or route.text in beside):
                continue  # its words are the same whatever the number
            if any(kind == "uuid" for _name, kind in route.variables) and not uuids:
                trial.fail("address", f"{route.text} takes a UUID, and the other workspace has none to try")
            named = beside.pop(route.text, {"int": [], "slug": []})
            values: dict[str, Sequence[Any]] = {"int": [number, *named["int"]], "slug": [*named["slug"], *words], "text": [_NO_LINK], "uuid": uuids[:3]}
            bodies = {name: value.replace(trial.houses.twin.mark, at.mark) for name, value in _bodies(trial, route, number).items()}
            yield from _knocks(trial, credentials, at, of, asked=[(verb, path) for path, verb in itertools.product(route.paths(values), verbs)], bodies=bodies, by_token=route.by_token)
        if trial.total() >= until:
            return


def _knocks(trial: Trial, credentials: tuple[Client, str], at: House, of: House, *, asked: Sequence[tuple[str, str]], bodies: dict[str, str], by_token: bool) -> Iterator[bool]:
    """With the session, and where an address takes one with the token."""
    client, token = credentials
    for verb, path in asked:
        request = Request(verb, path, bodies if verb == "POST" else {})
        knock(trial, "address", client, request, judge=must_refuse(request), of=(of,))
        yield True
    for verb, path in asked if by_token else ():
        request = Request(verb, path, bodies if verb == "POST" else {}, headers={"Authorization": f"Bearer {token}"})
        knock(trial, "address", at.stranger(), request, judge=must_refuse(request), of=(of,))
        yield True


def _bodies(trial: Trial, route: Route, number: int) -> dict[str, str]:
    """What the address reads, every choice of it the other's number."""
    body = dict.fromkeys(trial.learnt.names_of(route), str(number))
    for form in trial.learnt.forms_of(route):
        body = {**form.values, **dict.fromkeys(form.choosing, str(number)), **body}
    return body


def _numbers(of: House) -> list[int]:
    """The numbers of its rows, those that most tables have first."""
    counts: dict[int, int] = {}
    with sides.unit(of.place):
        for _table, row in watching.rows():
            if isinstance(row.get("id"), int):
                counts[row["id"]] = counts.get(row["id"], 0) + 1
    return sorted(counts, key=lambda number: (-counts[number], number))


def _uuids(of: House) -> list[str]:
    with sides.unit(of.place):
        return sorted({str(value) for _table, row in watching.rows() for value in row.values() if isinstance(value, str) and _UUID.match(value)})


def _known_words(trial: Trial) -> list[str]:
    """Those words that some address of its own takes, and one that none does."""
    own = {part for paths in trial.learnt.own.values() for path in paths for part in path.split("/")}
    known = [word for word in routes.words() if word in own]
    return [*(known if trial.whole else known[:4]), "error"]


def queries(trial: Trial) -> None:
    """Every address of one's own, asked with the other's numbers and words under every name that its view reads."""
    houses = trial.houses
    in_batches(trial, "query", _query_attempts(trial), still=(houses.other,))
    in_batches(trial, "query", iter(()), still=(houses.mine,))
    for found in watching.references(houses.mine.place):
        trial.fail("query", f"a row of one's own names another's: {found}")


def _query_attempts(trial: Trial) -> Iterator[bool]:
    mine, other = trial.houses.mine, trial.houses.other
    client, number = mine.client(), str(_numbers(other)[0])
    for route in trial.routes:
        for path in trial.learnt.own.get(route.text, [])[:1]:
            names = trial.learnt.names_of(route)
            asked = [dict.fromkeys(names, number), dict.fromkeys(names, other.mark), *({name: number} for name in names)]
            for query in asked:
                request = trial.look(mine, path, asking=urlencode(query))
                knock(trial, "query", client, request, judge=must_not_trip, of=(other,))
                yield True


def forms(trial: Trial) -> None:
    """Every form of one's own records with the other's numbers in each field that chooses: refused or ignored, and no row ever names them."""
    mine, other = trial.houses.mine, trial.houses.other
    in_batches(trial, "form", _form_attempts(trial), still=(other,))
    for found in watching.references(mine.place):
        trial.fail("form", f"a row of one's own names another's: {found}")


def _form_attempts(trial: Trial) -> Iterator[bool]:
    mine, other = trial.houses.mine, trial.houses.other
    number = str(_numbers(other)[0])
    for route in trial.routes:
        known = trial.learnt.forms_of(route)
        names = trial.learnt.names_of(route)
        bodies = [(form.path, {**form.values, name: number}) for form in known for name in form.choosing]
        bodies += [(form.path, {**form.values, **dict.fromkeys(form.choosing, number)}) for form in known if len(form.choosing) > 1]
        paths = [form.path for form in known][:1] or trial.learnt.own.get(route.text, [])[:1]
        bodies += [(path, {name: number}) for path in paths for name in names if trial.whole or not known]
        client = mine.client()
        for path, body in bodies:
            request = Request("POST", path, {name: value.replace(trial.houses.twin.mark, mine.mark) for name, value in body.items()})
            answer = knock(trial, "form", client, request, judge=must_not_trip, of=(other,))
            if "/login/" in answer.headers.get("Location", ""):
                client = mine.client()  # it was the form that ends the session
            yield True


def _outcome(answer: HttpResponse, request: Request) -> tuple[int, str]:
    """What came of it; an answer may lead to where it was asked for."""
    return answer.status_code, unquote(answer.headers.get("Location", "")).replace(unquote(request.path), "<asked>")


def _like(trial: Trial, kind: str, client: Callable[[], Client], request: Request, false: Request, *, of: House, false_client: Callable[[], Client]) -> None:
    """A foreign credential must be answered as one that is nobody's."""
    expected = _outcome(false.send(false_client()), false)

    def judge(answer: HttpResponse) -> str:
        found = _outcome(answer, request)
        same = found == expected or 429 in (found[0], expected[0])
        return "" if same else f"with what belongs to {of.mark} answered {found}, to a stranger {expected}"

    knock(trial, kind, client(), request, judge=judge, of=(of,))


def sessions(trial: Trial) -> None:
    """The session cookie of another, at every address, by every verb: answered as an invented one is."""
    houses = trial.houses
    for of, verbs in ((houses.twin, VERBS if trial.whole else ("GET", "POST")), (houses.other, VERBS if trial.whole else ("GET",))):
        in_batches(trial, "session", _session_attempts(trial, of, verbs), still=(houses.mine, of))


def _session_attempts(trial: Trial, of: House, verbs: Sequence[str]) -> Iterator[bool]:
    key, mine = session_of(of.place), trial.houses.mine
    if of.stranger().get("/settings/profile", headers={"Cookie": f"{settings.SESSION_COOKIE_NAME}={key}"}).status_code != 200:
        trial.fail("session", "a session does not work at home: its refusal elsewhere proves nothing")
    for route in trial.routes:
        path = _door_of(trial, route)
        for verb in verbs:
            request = Request(verb, path, headers={"Cookie": f"{settings.SESSION_COOKIE_NAME}={key}"})
            false = Request(verb, path, headers={"Cookie": f"{settings.SESSION_COOKIE_NAME}={key[::-1]}"})
            _like(trial, "session", mine.stranger, request, false, of=of, false_client=mine.stranger)
            yield True


def tokens(trial: Trial) -> None:
    """The token of another's program, at every address, by every verb."""
    houses = trial.houses
    for of, verbs in ((houses.twin, ("GET", "POST") if trial.whole else ("GET",)), (houses.other, ("GET",))):
        in_batches(trial, "token", _token_attempts(trial, of, of.token(), verbs), still=(houses.mine,))


def _door_of(trial: Trial, route: routes.Route) -> str:
    """One address of a route: as it was found at home, else of made-up parts."""
    return (trial.learnt.own.get(route.text) or list(route.paths({"int": [1], "slug": routes.words(), "text": [_NO_LINK], "uuid": [_NO_LINK]})))[0]


def _token_attempts(trial: Trial, of: House, token: str, verbs: Sequence[str]) -> Iterator[bool]:
    mine = trial.houses.mine
    opened = [route for route in trial.routes if route.by_token and route.text in trial.learnt.own]
    works = [of.stranger().get(route.text, headers={"Authorization": f"Bearer {token}"}).status_code for route in opened if not route.variables]
    if 200 not in works:
        trial.fail("token", "a token opens nothing at home: its refusal elsewhere proves nothing")
    for route in trial.routes:
        path = _door_of(trial, route)
        for verb in VERBS if route.by_token else verbs:
            request = Request(verb, path, headers={"Authorization": f"Bearer {token}"})
            false = Request(verb, path, headers={"Authorization": f"Bearer {token[::-1]}"})
            _like(trial, "token", mine.stranger, request, false, of=of, false_client=mine.stranger)
            yield True


def signed_links(trial: Trial) -> None:
    """Every kind of link that opens something, at another's door, for a stranger and for somebody logged in."""
    houses = trial.houses
    resolved: set[str] = set()
    for of in (houses.twin, houses.other):
        in_batches(trial, "link", _link_attempts(trial, of, _links_of(of), resolved), still=(houses.mine, of))
        _links_at_home(trial, of)
    for route in trial.routes:
        if route.linked and route.text not in resolved:
            trial.fail("link", f"no kind of link leads to {route.text}: register one in crm_platform.accounts.links")


def _link_attempts(trial: Trial, of: House, made: dict[str, str], resolved: set[str]) -> Iterator[bool]:
    mine, linked = trial.houses.mine, [route for route in trial.routes if route.linked]
    for kind, address in made.items():
        path = "/" + address.split("/", 3)[3]
        leads_to = next((route for route in linked if re.fullmatch(re.sub(r"<\w+>", "[^/]+", route.text), path)), None)
        if leads_to is None:
            trial.fail("link", f"the link {kind} leads to no address of a workspace")
            continue
        resolved.add(leads_to.text)
        false = _spoilt(path)
        for verb, client in itertools.product(("GET", "POST", "HEAD"), (mine.stranger, mine.client)):
            request, spoilt = Request(verb, path), Request(verb, false)
            _like(trial, "link", client, request, spoilt, of=of, false_client=client)
            yield True


def _links_of(of: House) -> dict[str, str]:
    with sides.unit(of.place):
        return {kind: make() for kind, make in links.kinds().items()}


def _spoilt(path: str) -> str:
    head, last = path.rstrip("/")[:-6], path.rstrip("/")[-6:]
    return head + ("a" * 6 if last != "a" * 6 else "b" * 6) + ("/" if path.endswith("/") else "")


def _links_at_home(trial: Trial, of: House) -> None:
    """Links open something at home, or their refusal elsewhere would prove nothing."""
    for kind, make in links.kinds().items():
        with sides.unit(of.place):
            address = make()  # each anew: whoever comes in by one ends the others
        path = "/" + address.split("/", 3)[3]
        client: Any = of.client if kind in links.FOR_THE_LOGGED_IN else of.stranger
        true, false = (Request("GET", one).send(client()) for one in (path, _spoilt(path)))
        if (true.status_code, true.headers.get("Location")) == (false.status_code, false.headers.get("Location")) and len(true.content) == len(false.content):
            trial.fail("link", f"a link of the kind {kind} does not work at home")


def passwords(trial: Trial) -> None:
    """The same person's password of another workspace, at the log-in of this."""
    houses = trial.houses
    in_batches(trial, "password", _password_attempts(trial), still=(houses.mine, houses.twin))


def _password_attempts(trial: Trial) -> Iterator[bool]:
    mine = trial.houses.mine
    at = next(path for route in trial.routes if route.name == settings.LOGIN_URL for path in route.paths({}))
    for of in (trial.houses.twin, trial.houses.other):
        request = Request("POST", at, {"login": EMAIL, "password": of.password})
        false = Request("POST", at, {"login": EMAIL, "password": of.password[::-1]})
        _like(trial, "password", mine.stranger, request, false, of=of, false_client=mine.stranger)
        yield True
