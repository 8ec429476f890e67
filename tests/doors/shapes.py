"""Holds what is really sent and told against the specification: every request of every test under tests/doors passes here."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.http import HttpResponse
from jsonschema import Draft202012Validator

from crm_core.doors.amocrm import urls
from crm_core.doors.amocrm.drive import urls as beside
from crm_core.doors.amocrm.spec import drawing
from crm_core.doors.amocrm.wire.asking import Asked
from crm_core.doors.amocrm.wire.endpoint import OPERATIONS, Operation

# Operations are known once their addresses are read.
assert urls.urlpatterns
assert beside.urlpatterns
_CONVERTERS = {"int": "[0-9]+", "slug": r"[-\w]+", "str": "[^/]+"}
# What any item may be asked for: read for reasons of the wire, not of the resource.
_EVERYWHERE = frozenset({"request_id"})


@functools.cache
def _routes() -> list[tuple[str, re.Pattern[str], Operation]]:
    found = []
    for one in OPERATIONS:
        pattern = re.sub(r"<(\w+):\w+>", lambda found: _CONVERTERS[found.group(1)], one.root + one.route)
        found.append((one.method, re.compile(f"{pattern}/?"), one))
    return sorted(found, key=lambda row: row[2].route.count("<"))


def operation_of(method: str, path: str) -> Operation | None:
    """What the specification calls a request; None for an address or a verb that there is not."""
    return next((one for verb, pattern, one in _routes() if verb == method and pattern.fullmatch(path.partition("?")[0])), None)


@functools.cache
def _document() -> dict[str, Any]:
    return drawing.document("http://testserver")


def closed(schema: Any) -> Any:
    """The same with names resolved, and no field allowed that is not told of."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return closed(_document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if "allOf" in schema:
        parts = [closed(one) for one in schema["allOf"]]
        return {**parts[0], "properties": {name: one for part in parts for name, one in part["properties"].items()}, "required": [name for part in parts for name in part["required"]]}
    told = {name: {key: closed(one) for key, one in value.items()} if name == "properties" else closed(value) for name, value in schema.items()}
    return {**told, "additionalProperties": schema.get("additionalProperties", False)} if "properties" in schema else told


@functools.cache
def _validator(method: str, path: str, status: str) -> Draft202012Validator | None:
    responses = _document()["paths"][path][method.lower()]["responses"]
    assert status in responses, f"{method} {path} answered {status}, of which the specification says nothing"
    content = responses[status].get("content", {})
    return Draft202012Validator(closed(next(iter(content.values()))["schema"])) if content else None


def check(method: str, path: str, answer: HttpResponse) -> None:
    """An answer is what the specification says of it: no more, no less."""
    operation = operation_of(method, path)
    if operation is None or method == "HEAD" or answer.status_code >= 500:
        return
    if answer.status_code >= 400:
        assert answer.headers["Content-Type"] == "application/problem+json", (method, path, answer.headers)
        Draft202012Validator(_document()["components"]["schemas"]["Problem"]).validate(answer.json())
        return
    validator = _validator(method, drawing.path_of(operation), str(answer.status_code))
    if validator is None:
        assert getattr(answer, "streaming", False) or not answer.content, (method, path, answer.content[:200])
    elif answer.headers["Content-Type"] != "application/octet-stream":
        faults = [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(answer.json())]
        assert not faults, (method, path, faults)


class Watched(dict[str, Any]):
    """An object of a body that remembers what was looked for in it."""

    def __init__(self, body: Any, seen: set[str], within: str) -> None:
        super().__init__(body)
        self._seen, self._within = seen, within

    def _note(self, name: Any) -> None:
        self._seen.add(f"{self._within}.{name}".strip("."))

    def get(self, name: Any, *default: Any) -> Any:
        self._note(name)
        return super().get(name, *default)

    def __getitem__(self, name: Any) -> Any:
        self._note(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self._note(name)
        return super().__contains__(name)


def _watched(given: Any, seen: set[str], within: str) -> Any:
    if isinstance(given, list):
        return [_watched(one, seen, within) for one in given]
    if not isinstance(given, dict):
        return given
    return Watched({name: _watched(one, seen, f"{within}.{name}".strip(".")) for name, one in given.items()}, seen, within)


_looked: ContextVar[set[str] | None] = ContextVar("looked", default=None)
_read_plainly = Asked.__dict__["body"].func


def _read_and_watch(self: Asked) -> Any:
    seen = _looked.get()
    return _read_plainly(self) if seen is None else _watched(_read_plainly(self), seen, "")


Asked.__dict__["body"].func = _read_and_watch


def declared(operation: Operation) -> set[str]:
    """The dotted names of what the specification says of a body."""
    body = _document()["paths"][drawing.path_of(operation)][operation.method.lower()].get("requestBody")
    found: set[str] = set()
    if body is not None and "application/json" in body["content"]:
        _names(closed(body["content"]["application/json"]["schema"]), "", found)
    return found


def _names(schema: Any, within: str, found: set[str]) -> None:
    for part in schema.get("anyOf", []):
        _names(part, within, found)
    if "items" in schema:
        _names(schema["items"], within, found)
    for name, one in schema.get("properties", {}).items():
        found.add(f"{within}.{name}".strip("."))
        _names(one, f"{within}.{name}".strip("."), found)
    if schema.get("additionalProperties") is True or (schema.get("type") in ("object", ["object", "null"]) and "properties" not in schema):
        found.add(f"{within}.*".strip("."))


LOOKED: dict[tuple[str, str], set[str]] = {}


@contextmanager
def looking(method: str, path: str) -> Iterator[None]:
    """While a request is served: what is looked for in its body is among what the specification says of it."""
    operation, seen = operation_of(method, path), set[str]()
    token = _looked.set(seen)
    try:
        yield
    finally:
        _looked.reset(token)
    if operation is None:
        return
    LOOKED.setdefault((method, drawing.path_of(operation)), set()).update(seen)
    known = _declared(method, drawing.path_of(operation))
    extra = {name for name in seen if name not in known and name.rpartition(".")[2] not in _EVERYWHERE and not _beneath_open(name, known)}
    assert not extra, f"{method} {path} looked for {sorted(extra)}, of which the specification says nothing"


@functools.cache
def _declared(method: str, path: str) -> frozenset[str]:
    return frozenset(declared(next(one for one in OPERATIONS if one.method == method and drawing.path_of(one) == path)))


def _beneath_open(name: str, known: frozenset[str]) -> bool:
    parts = name.split(".")
    return any(".".join([*parts[:at], "*"]) in known for at in range(len(parts)))


def example(schema: Any) -> Any:
    """Something of every field that a shape has."""
    schema = closed(schema)
    if "anyOf" in schema:
        return example(schema["anyOf"][0])
    if "enum" in schema:
        return schema["enum"][0]
    kinds = schema.get("type", "string")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    if kind == "object":
        return {name: example(one) for name, one in schema.get("properties", {}).items()}
    if kind == "array":
        return [example(schema.get("items", {}))]
    return {"integer": max(1, schema.get("minimum", 1)), "number": 1, "boolean": True, "null": None}.get(kind, "a")


def whole(operation: Operation) -> bytes:
    """A body with every field that the specification knows."""
    body = _document()["paths"][drawing.path_of(operation)][operation.method.lower()]["requestBody"]["content"]["application/json"]["schema"]
    return json.dumps(example(body)).encode()
