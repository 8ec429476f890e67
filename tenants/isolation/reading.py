"""What each address asks for, learnt from the product itself: the names its views read, and the forms that its pages show.

Learnt in the twin, which may change by it; `mine` has the same rows under the same numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

from django.conf import settings
from django.http import HttpResponseNotAllowed, QueryDict
from django.test import Client
from django.urls import Resolver404, resolve

from . import filling, routes, watching
from .houses import House
from .routes import Route

# What every form carries and no row is named by.
_OF_ALL_FORMS = {"csrfmiddlewaretoken", "once", "next"}
_CHOSEN = {"select", "hidden", "radio", "checkbox", "number"}
_OWN_IDS = (1, 2, 3)
# Enough of an address's own forms to know it by.
_ENOUGH = 3
# Leaving would end the session that learns.
_LEAVES = {"account_logout"}


@dataclass(frozen=True, slots=True)
class Form:
    """A form that posts: where to, what it holds, and which of its fields choose something."""

    path: str
    values: dict[str, str]
    choosing: tuple[str, ...]


@dataclass(slots=True)
class Learnt:
    """What is known of the addresses: own ones that answer (`bearing`: those that do so to a program's token alone), names that are read, forms."""

    own: dict[str, list[str]] = field(default_factory=dict)
    bearing: set[str] = field(default_factory=set)
    names: dict[str, set[str]] = field(default_factory=dict)
    forms: dict[tuple[str, tuple[str, ...]], Form] = field(default_factory=dict)

    def names_of(self, route: Route) -> list[str]:
        """The names that the views of an address read, sorted."""
        return sorted(self.names.get(route.text, set()) - _OF_ALL_FORMS)

    def forms_of(self, route: Route) -> list[Form]:
        """The forms that go to an address."""
        return [form for (text, _fields), form in self.forms.items() if text == route.text]


def learn(house: House, all_routes: list[Route]) -> Learnt:
    """Visit every address with the house's own numbers: first looking, then sending what is empty."""
    learnt = Learnt()
    words = watching.few(watching.names(house.place))
    values: dict[str, list[Any]] = {"int": list(_OWN_IDS), "slug": [*routes.words(), *words], "text": ["x-1"], "uuid": []}
    client, token = house.client(), house.token()
    for route in all_routes:
        named = filling.beside(house.place.public_id, route.text)
        for path in route.paths({**values, **{kind: [*names, *values[kind]] for kind, names in named.items()}}):
            status = _look(learnt, client, route, path, token=token)
            if status == HttpResponseNotAllowed.status_code or len(learnt.own.get(route.text, ())) >= _ENOUGH:
                break
    for route in all_routes:
        if route.name not in _LEAVES:
            sent = [form.path for form in learnt.forms_of(route)] or learnt.own.get(route.text) or list(route.paths(values))[:2]
            with _noting(learnt.names.setdefault(route.text, set())):
                watching.said(house.client().post(sent[0]))
    return learnt


def _look(learnt: Learnt, client: Client, route: Route, path: str, *, token: str) -> int:
    with _noting(learnt.names.setdefault(route.text, set())):
        answer: Any = client.get(path)
        if route.by_token and answer.status_code == 401:
            answer = client.get(path, headers={"Authorization": f"Bearer {token}"})
            learnt.bearing.add(path)
    shown = watching.said(answer)
    if answer.status_code < 300:
        learnt.own.setdefault(route.text, []).append(path)
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            _keep_forms(learnt, path, shown)
    return int(answer.status_code)


@contextmanager
def _noting(names: set[str]) -> Iterator[None]:
    """Note each name that is asked of a query or a form."""
    before = {method: QueryDict.__dict__.get(method) for method in ("__getitem__", "getlist", "__contains__")}

    def noting(method: str) -> Any:
        true = getattr(QueryDict, method)

        def ask(self: QueryDict, key: Any, *given: Any, **named: Any) -> Any:
            if isinstance(key, str) and key.isprintable():
                names.add(key)
            return true(self, key, *given, **named)

        return ask

    for method in before:
        setattr(QueryDict, method, noting(method))
    try:
        yield
    finally:
        for method, present in before.items():
            if present is None:
                delattr(QueryDict, method)
            else:
                setattr(QueryDict, method, present)


class _Forms(HTMLParser):
    """The posting forms of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.page = page
        self.found: list[tuple[str, dict[str, str], set[str]]] = []
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A form opens, or a field of it."""
        given = {name: value or "" for name, value in attrs}
        posts = given.get("hx-post") or (given.get("action", self.page) if tag == "form" and given.get("method", "").lower() == "post" else "")
        if posts:
            self.found.append((urlsplit(urljoin(self.page, posts)).path, {}, set()))
        if not self.found:
            return
        _path, values, choosing = self.found[-1]
        name = given.get("name", "")
        if tag == "select" and name:
            self._select = name
            choosing.add(name)
            values.setdefault(name, "")
        elif tag == "option" and self._select and ("selected" in given or not values.get(self._select)):
            values[self._select] = given.get("value", "")
        elif tag in ("input", "textarea") and name and name not in _OF_ALL_FORMS:
            values.setdefault(name, given.get("value", "") or ("x" if given.get("type", "text") in ("text", "") else ""))
            if given.get("type", "text") in _CHOSEN or re.search(r"(_id|_ids|stage|pipeline|responsible|company|contact|product)$", name):
                choosing.add(name)

    def handle_endtag(self, tag: str) -> None:
        """A list of choices closes."""
        if tag == "select":
            self._select = ""


def _keep_forms(learnt: Learnt, page: str, text: str) -> None:
    reader = _Forms(page)
    reader.feed(text)
    for path, values, choosing in reader.found:
        try:
            match = resolve(path, settings.WORKSPACE_URLCONF)
        except Resolver404:
            continue
        route = "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"<\1>", match.route)
        key = (route, tuple(sorted(values)))
        learnt.forms.setdefault(key, Form(path, values, tuple(sorted(choosing - _OF_ALL_FORMS))))
