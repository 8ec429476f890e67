"""OpenAPI 3.1 of what `wire.endpoint.OPERATIONS` knows: nothing is written twice, so nothing of it can be out of date."""

from __future__ import annotations

import functools
import inspect
import json
import re
from typing import Any

from crm_core.doors.amocrm.wire.endpoint import OPERATIONS, Operation

from . import entrance
from .answering import ANSWERS, Answer
from .asked import NONE, QUESTIONS, parameters
from .examples import BODIES
from .taken import BODIES as TAKEN
from .taken import RAW, Many
from .taken import SHAPES as GIVEN
from .told import SHAPES
from .words import ref

_VARIABLE = re.compile(r"<(int|str|slug|uuid):(\w+)>")
_PROBLEM = "application/problem+json"
_REFUSALS = {
    "400": "What was sent is wrong; `validation-errors` names each item and field.", "401": "No token, or one that is not valid.", "402": "The plan does not include it.",
    "403": "The person behind the token may not do that.", "404": "There is nothing at this address.", "429": "The program asks faster than its budget; see Retry-After.",
    "4XX": "It was refused; `code` says why.",
}  # fmt: skip
_SLUG = {"type": "string", "pattern": "^[-a-zA-Z0-9_]+$"}
_KINDS = {"int": {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}, "slug": _SLUG, "str": {"type": "string", "minLength": 1}, "uuid": {"type": "string", "format": "uuid"}}


def document(base: str) -> dict[str, Any]:
    """The whole specification, for a client that reaches us at `base`."""
    return {"servers": [{"url": base}], **_document()}


def groups() -> list[tuple[str, list[tuple[str, Operation]]]]:
    """The operations with their addresses, by what they are of: those of a collection first, then those of what is in it."""
    found: dict[str, list[tuple[str, Operation]]] = {}
    for operation in _operations():
        found.setdefault(tag_of(operation), []).append((path_of(operation), operation))
    return [(name, sorted(rows, key=lambda row: (row[0].count("/"), row[0]))) for name, rows in sorted(found.items())]


@functools.cache
def _document() -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {path: dict(verbs) for path, verbs in entrance.PATHS.items()}
    for operation in _operations():
        paths.setdefault(path_of(operation), {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Kartoteka", "version": "4",
            "description": "The open API. It speaks as amoCRM’s API v4 does: programs written for that work here when they are given this host.",
        },
        "security": [{"bearer": []}],
        "tags": [{"name": name} for name in sorted({"oauth2", *(tag_of(operation) for operation in OPERATIONS)})],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}, "schemas": {**_SCHEMAS, **entrance.SHAPES, **SHAPES, **GIVEN, **_items()}, "parameters": _PARAMETERS, "responses": _RESPONSES,
        },
    }  # fmt: skip


def _operations() -> list[Operation]:
    return list({(one.method, one.root + one.route): one for one in OPERATIONS}.values())


def path_of(operation: Operation) -> str:
    """The address as specifications write it: /api/v4/leads/{pk}."""
    return operation.root + _VARIABLE.sub(r"{\2}", operation.route)


def tag_of(operation: Operation) -> str:
    """What an operation is of: the first words of its address that tell it."""
    parts = [part for part in operation.route.split("/") if not part.startswith("<")]
    if operation.root == "/":
        return "files" if parts[0] == "v1.0" else "bots"
    return parts[1] if len(parts) > 1 and parts[1] in _OF_THEIR_OWN else parts[0]


_OF_THEIR_OWN = frozenset({"pipelines", "loss_reasons", "custom_fields", "notes", "tags", "links", "unsorted"})


def told_of(operation: Operation) -> str:
    """What its function says it does."""
    return inspect.getdoc(verb_of(operation)[0]) or ""


def verb_of(operation: Operation) -> tuple[Any, dict[str, Any]]:
    """The function behind an operation, and what it is given beside the request."""
    verb: Any = operation.verb
    given: dict[str, Any] = {}
    while isinstance(verb, functools.partial):
        verb, given = verb.func, {**verb.keywords, **given}
    return inspect.unwrap(verb), given


def answer_of(operation: Operation) -> Answer:
    """What it answers where it does what was asked."""
    verb, given = verb_of(operation)
    return ANSWERS[verb](**given)


def summary_of(operation: Operation) -> str:
    """The first sentence of that."""
    return told_of(operation).split("\n")[0].split(". ")[0].rstrip(".") + "."


def questions_of(operation: Operation) -> list[tuple[str, str]]:
    """What may be asked in its address, behind the question mark, and what each means."""
    known = [_PARAMETERS[one["$ref"].rpartition("/")[2]] if "$ref" in one else one for one in _parameters(operation)]
    return [(one["name"], one.get("description", "").replace("`", "") or ", ".join(one["schema"].get("enum", ()))) for one in known if one["in"] == "query"]


def _words(operation: Operation) -> str:
    return re.sub("[^a-z_0-9]+", "_", path_of(operation).removeprefix("/api/v4")).strip("_")


def _operation(operation: Operation) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": f"{operation.method.lower()}_{_words(operation)}", "tags": [tag_of(operation)],
        "summary": summary_of(operation), "description": told_of(operation), "parameters": _parameters(operation), "responses": _responses(operation),
    }  # fmt: skip
    body = body_of(operation)
    return {**told, "requestBody": {"content": body}} if body else told


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    verb, given = verb_of(operation)
    found: list[dict[str, Any]] = [{"name": name, "in": "path", "required": True, "schema": _KINDS[kind]} for kind, name in _VARIABLE.findall(operation.route)]
    if operation.method == "GET":
        found += parameters(QUESTIONS[verb](**given) if verb in QUESTIONS else NONE, most=operation.most)
    named = ("strict",) if operation.method == "GET" else ("once", "strict")
    return [*found, *({"$ref": f"#/components/parameters/{name}"} for name in named)]


def body_of(operation: Operation) -> dict[str, Any]:
    """The body it reads, by media type; empty where it reads none."""
    verb, given = verb_of(operation)
    if verb in RAW:
        return {"application/octet-stream": {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}}
    if verb not in TAKEN or operation.method == "GET":
        return {}
    taken = TAKEN[verb](**given)
    schema = _several(taken.item, operation.most) if isinstance(taken, Many) else taken
    told: dict[str, Any] = {"schema": schema}
    if (operation.method, operation.route) in BODIES:
        told["examples"] = {"works": {"value": BODIES[operation.method, operation.route]}}
    return {"application/json": told}


def _several(item: dict[str, Any], most: int) -> dict[str, Any]:
    """A list of items, or one alone; the item by its name among the components."""
    named = ref(_names()[json.dumps(item)])
    return {"anyOf": [{"type": "array", "items": named, "maxItems": most}, named]}


@functools.cache
def _names() -> dict[str, str]:
    """What the items of bodies are called: after the first operation that takes them."""
    found: dict[str, str] = {}
    for operation in _operations():
        verb, given = verb_of(operation)
        taken = TAKEN[verb](**given) if verb in TAKEN else None
        if isinstance(taken, Many):
            found.setdefault(json.dumps(taken.item), f"{operation.method.lower()}_{_words(operation)}_item")
    return found


def _items() -> dict[str, Any]:
    return {name: json.loads(item) for item, name in _names().items()}


def _responses(operation: Operation) -> dict[str, Any]:
    answer = answer_of(operation)
    good: dict[str, Any] = {str(answer.status): {"description": "It is done." if operation.method != "GET" else "What was asked for."}}
    if answer.schema is not None:
        good[str(answer.status)]["content"] = {answer.media: {"schema": answer.schema}}
    if answer.blank:
        good["204"] = {"description": "There is nothing to tell."}
    if answer.unchanged:
        good["304"] = {"description": "Nothing changed since you asked: If-Modified-Since, If-None-Match."}
    return good | {status: {"$ref": f"#/components/responses/{status}"} for status in _REFUSALS}


_FAULT = {"type": "object", "required": ["code", "path", "detail"], "properties": {"code": {"type": "string"}, "path": {"type": "string", "examples": ["custom_fields_values.0.field_id"]}, "detail": {"type": "string"}}}
_SCHEMAS: dict[str, Any] = {
    "Problem": {
        "type": "object", "required": ["title", "type", "status", "detail", "hint", "code"],
        "properties": {
            "title": {"type": "string"}, "type": {"type": "string", "format": "uri"}, "status": {"type": "integer"}, "detail": {"type": "string"}, "hint": {"type": "string"},
            "code": {"type": "string", "description": "A word for programs; it does not change."},
            "validation-errors": {"type": "array", "items": {"type": "object", "properties": {"request_id": {"type": "string"}, "errors": {"type": "array", "items": _FAULT}}}},
        },
    },
}  # fmt: skip
_PARAMETERS: dict[str, Any] = {
    "page": {"name": "page", "in": "query", "description": "From 1; or follow `_links.next`.", "schema": {"type": "integer", "minimum": 1}},
    "query": {"name": "query", "in": "query", "description": "Words, an e-mail or digits of a phone to look for.", "schema": {"type": "string", "maxLength": 250}},
    "strict": {"name": "X-Strict", "in": "header", "description": "1: what is not known is refused, not left aside.", "schema": {"type": "string", "enum": ["1"]}},
    "once": {"name": "Idempotency-Key", "in": "header", "description": "The same key does the same thing once, however often it is sent within seven days.", "schema": {"type": "string", "maxLength": 200}},
}  # fmt: skip
_RESPONSES: dict[str, Any] = {
    status: {"description": told, "content": {_PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}} for status, told in _REFUSALS.items()
}
