"""Every address of a workspace's host, as Django's own resolver knows them; with values for what is variable in them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.converters import IntConverter, SlugConverter, StringConverter, UUIDConverter
from django.urls.resolvers import RegexPattern, RoutePattern

from crm_platform.kernel import permissions

VERBS = ("GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS")
_VARIABLE = re.compile(r"<(?:\w+:)?(\w+)>")
_GROUP = re.compile(r"\(\?P<(\w+)>(?:[^()\[\]]|\[[^\]]*\])*\)")


class CannotTry(Exception):
    """An address has something variable of a kind that nobody knows values for."""


@dataclass(frozen=True, slots=True)
class Route:
    """One pattern: its text, and the kind of each variable in it ("int", "slug", "text", "uuid")."""

    text: str
    name: str
    variables: tuple[tuple[str, str], ...]
    by_token: bool

    @property
    def numbered(self) -> bool:
        """Whether a row is named in it."""
        return any(kind in ("int", "uuid") for _name, kind in self.variables)

    @property
    def linked(self) -> bool:
        """Whether a signed text stands in it."""
        return any(kind == "text" for _name, kind in self.variables)

    def paths(self, values: Mapping[str, Sequence[Any]]) -> Iterator[str]:
        """The addresses with every combination of the values given for each kind."""
        for chosen in itertools.product(*(values[kind] for _name, kind in self.variables)):
            path = self.text
            for (name, _kind), value in zip(self.variables, chosen, strict=True):
                path = path.replace(f"<{name}>", str(value))
            yield path


def workspace_routes() -> list[Route]:
    """All of them; raises CannotTry for one with a variable of an unknown kind."""
    return [_route(patterns) for patterns in _walk(get_resolver(settings.WORKSPACE_URLCONF).url_patterns, ())]


def _walk(patterns: Iterable[URLPattern | URLResolver], before: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    for one in patterns:
        if isinstance(one, URLResolver):
            yield from _walk(one.url_patterns, (*before, one))
        else:
            yield (*before, one)


def _route(patterns: tuple[Any, ...]) -> Route:
    text, variables = "/", list[tuple[str, str]]()
    for one in patterns:
        piece, found = _piece(one.pattern)
        text += piece
        variables += found
    last = patterns[-1]
    return Route(text, last.name or "", tuple(variables), bool(getattr(last.callback, "by_token", False)))


def _piece(pattern: Any) -> tuple[str, list[tuple[str, str]]]:
    if isinstance(pattern, RoutePattern):
        kinds = {name: _kind(converter, str(pattern)) for name, converter in pattern.converters.items()}
        return _VARIABLE.sub(r"<\1>", str(pattern)), list(kinds.items())
    if isinstance(pattern, RegexPattern):
        plain = _GROUP.sub(r"<\1>", str(pattern)).removeprefix("^").removesuffix("$").removesuffix(r"\Z")
        if not re.fullmatch(r"[\w<>/.-]*", plain):
            raise CannotTry(f"the address {pattern} cannot be made from its expression")
        return plain, [(name, "text") for name in _GROUP.findall(str(pattern))]
    raise CannotTry(f"the address {pattern} is of a kind that the proof does not know")


def _kind(converter: Any, where: str) -> str:
    for known, kind in ((IntConverter, "int"), (UUIDConverter, "uuid"), (SlugConverter, "slug")):
        if type(converter) is known:
            return kind
    if type(converter) is StringConverter:
        return "text"
    raise CannotTry(f"the address {where} has a {type(converter).__name__}: teach tenants.isolation.routes what values it takes")


def words() -> list[str]:
    """What slugs may be: the kinds of record, by the vocabulary of rights, and a word that is none."""
    codes = {part for entity in permissions.entities() for part in (entity.code, entity.code.removesuffix("s"), re.sub("ies$", "y", entity.code))}
    return [*sorted(codes), "error"]
