"""OpenAPI 3.1 of what `wire.endpoint.OPERATIONS` knows: nothing is written twice, so nothing of it can be out of date."""

from __future__ import annotations

import functools
import inspect
import re
from typing import Any

from crm_core.doors.amocrm.wire.endpoint import OPERATIONS, Operation

from .examples import BODIES

_VARIABLE = re.compile(r"<(int|str|slug|uuid):(\w+)>")
_PROBLEM = "application/problem+json"
_HAL = "application/hal+json"
# What a verb answers where it is not 200, by the name of its function.
_MADE = {"make_groups": "201", "make_roles": "201"}
_REFUSALS = {
    "400": "What was sent is wrong; `validation-errors` names each item and field.", "401": "No token, or one that is not valid.", "402": "The plan does not include it.",
    "403": "The person behind the token may not do that.", "404": "There is nothing at this address.", "429": "The program asks faster than its budget; see Retry-After.",
}  # fmt: skip


def document(base: str) -> dict[str, Any]:
    """The whole specification, for a client that reaches us at `base`."""
    return {"servers": [{"url": f"{base}/api/v4"}], **_document()}


def groups() -> list[tuple[str, list[tuple[str, Operation]]]]:
    """The operations with their addresses, by what they are of, in the order of the addresses."""
    found: dict[str, list[tuple[str, Operation]]] = {}
    for operation in _operations():
        found.setdefault(tag_of(operation), []).append((path_of(operation), operation))
    return sorted(found.items())


@functools.cache
def _document() -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {}
    for operation in _operations():
        paths.setdefault(path_of(operation), {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Kartoteka", "version": "4",
            "description": "The open API. It speaks as amoCRM’s API v4 does: programs written for that work here when they are given this host.",
        },
        "security": [{"bearer": []}],
        "tags": [{"name": name} for name in sorted({tag_of(operation) for operation in OPERATIONS})],
        "paths": paths,
        "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}, "schemas": _SCHEMAS, "parameters": _PARAMETERS, "responses": _RESPONSES},
    }  # fmt: skip


def _operations() -> list[Operation]:
    return list({(one.method, one.route): one for one in OPERATIONS}.values())


def path_of(operation: Operation) -> str:
    """The address as specifications write it: /leads/{pk}."""
    return "/" + _VARIABLE.sub(r"{\2}", operation.route)


def tag_of(operation: Operation) -> str:
    """What an operation is of: the first words of its address that tell it."""
    parts = [part for part in operation.route.split("/") if not part.startswith("<")]
    return parts[1] if len(parts) > 1 and parts[1] in _OF_THEIR_OWN else parts[0]


_OF_THEIR_OWN = frozenset({"pipelines", "loss_reasons", "custom_fields", "notes", "tags", "links", "unsorted"})


def told_of(operation: Operation) -> str:
    """What its function says it does."""
    return inspect.getdoc(_function(operation)) or ""


def _function(operation: Operation) -> Any:
    verb: Any = operation.verb
    while isinstance(verb, functools.partial):
        verb = verb.func
    return verb


def _name(operation: Operation) -> str:
    return str(getattr(_function(operation), "__name__", ""))


def summary_of(operation: Operation) -> str:
    """The first sentence of that."""
    return told_of(operation).split("\n")[0].split(". ")[0].rstrip(".") + "."


def _operation(operation: Operation) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": f"{operation.method.lower()}_{re.sub('[^a-z_]+', '_', path_of(operation)).strip('_')}", "tags": [tag_of(operation)],
        "summary": summary_of(operation), "description": told_of(operation), "parameters": _parameters(operation), "responses": _responses(operation),
    }  # fmt: skip
    if operation.method in ("POST", "PATCH", "PUT"):
        told["requestBody"] = _body(operation)
    return told


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    found = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "integer", "minimum": 0, "maximum": 2**63 - 1} if kind == "int" else {"type": "string", "minLength": 1}}
        for kind, name in _VARIABLE.findall(operation.route)
    ]
    named: tuple[str, ...] = ("strict",)
    if operation.method == "GET" and "index" in _name(operation):
        found.append({"name": "limit", "in": "query", "description": "Items of a page.", "schema": {"type": "integer", "minimum": 1, "maximum": operation.most}})
        named = ("page", "with", "query", "filter", "order", "strict")
    elif operation.method == "GET":
        named = ("with", "strict")
    elif operation.method in ("POST", "PATCH"):
        named = ("once", "strict")
    return [*found, *({"$ref": f"#/components/parameters/{name}"} for name in named)]


def _body(operation: Operation) -> dict[str, Any]:
    several = {"type": "array", "items": {"type": "object"}, "maxItems": operation.most}
    told: dict[str, Any] = {"schema": {"anyOf": [several, {"type": "object"}]}}
    if (operation.method, operation.route) in BODIES:
        told["examples"] = {"works": {"value": BODIES[operation.method, operation.route]}}
    return {"content": {"application/json": told}}


def _responses(operation: Operation) -> dict[str, Any]:
    if operation.method == "DELETE":
        good: dict[str, Any] = {"204": {"description": "It is done."}}
    else:
        good = {_MADE.get(_name(operation), "2XX"): {"description": "It is done." if operation.method != "GET" else "What was asked for; 204 where there is nothing.", "content": {_HAL: {"schema": {}}}}}
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
_DEEP = {"style": "deepObject", "explode": True, "schema": {"type": "object", "additionalProperties": True}}
_PARAMETERS: dict[str, Any] = {
    "page": {"name": "page", "in": "query", "description": "From 1; or follow `_links.next`.", "schema": {"type": "integer", "minimum": 1}},
    "with": {"name": "with", "in": "query", "description": "What else to tell, parted by commas: contacts, loss_reason, catalog_elements …", "schema": {"type": "string"}},
    "query": {"name": "query", "in": "query", "description": "Words, an e-mail or digits of a phone to look for.", "schema": {"type": "string", "maxLength": 250}},
    "filter": {"name": "filter", "in": "query", "description": "filter[id][]=1, filter[updated_at][from]=1700000000, filter[statuses][0][pipeline_id]=1 …", **_DEEP},
    "order": {"name": "order", "in": "query", "description": "order[updated_at]=desc", **_DEEP},
    "strict": {"name": "X-Strict", "in": "header", "description": "1: what is not known is refused, not left aside.", "schema": {"type": "string", "enum": ["1"]}},
    "once": {"name": "Idempotency-Key", "in": "header", "description": "The same key does the same thing once, however often it is sent.", "schema": {"type": "string", "maxLength": 200}},
}  # fmt: skip
_RESPONSES: dict[str, Any] = {
    status: {"description": told, "content": {_PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}} for status, told in _REFUSALS.items()
}
