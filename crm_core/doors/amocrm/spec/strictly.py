"""X-Strict on bodies: what stands in one and the specification does not know is named and refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from crm_core.doors.amocrm.wire import strict
from crm_core.doors.amocrm.wire.endpoint import Operation

from .drawing import verb_of
from .taken import BODIES, SHAPES, Many
from .words import Schema

# What records are told with: a program that sends back what it has read says nothing unknown by it.
_TOLD = frozenset({
    "id", "request_id", "account_id", "group_id", "created_at", "created_by", "updated_at", "updated_by", "closest_task_at", "is_deleted", "_links", "score", "labor_cost", "source_id",
    "is_price_modified_by_robot", "is_unsorted",
})  # fmt: skip
_NAMED = {f"#/components/schemas/{name}": schema for name, schema in SHAPES.items()}


def unknown(operation: Operation, read: Callable[[], Any]) -> list[str]:
    """The dotted paths of what a body says and the operation does not read, in a list behind the item's place; none for a verb that reads no body of JSON."""
    verb, given = verb_of(operation)
    if verb not in BODIES:
        return []
    taken, body = BODIES[verb](**given), read()
    schema: Schema = taken.item if isinstance(taken, Many) else taken
    if isinstance(body, list):
        return [path for at, item in enumerate(body) if isinstance(item, dict) for path in _beneath(schema, item, str(at), top=True)]
    return [*_beneath(schema, body, "", top=True)]


def _beneath(schema: Schema, value: Any, at: str, *, top: bool = False) -> Iterator[str]:
    schema = _NAMED.get(schema.get("$ref", ""), schema)
    if "anyOf" in schema:
        each = [[*_beneath(one, value, at)] for one in schema["anyOf"] if _speaks_of(one, value)]
        yield from min(each, key=len, default=[])
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _beneath(schema.get("items", {}), one, _joined(at, str(number)))
    elif isinstance(value, dict) and "properties" in schema:
        fields = schema["properties"]
        for name, one in value.items():
            if name in fields:
                yield from _beneath(fields[name], one, _joined(at, name))
            elif not schema.get("additionalProperties") and not (top and name in _TOLD):
                yield _joined(at, name)


def _speaks_of(schema: Schema, value: Any) -> bool:
    """Whether one of several shapes is of the kind that the value is."""
    schema = _NAMED.get(schema.get("$ref", ""), schema)
    kinds = schema.get("type", [])
    wanted = "object" if isinstance(value, dict) else "array" if isinstance(value, list) else ""
    return not wanted or wanted in ([kinds] if isinstance(kinds, str) else kinds)


def _joined(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name


strict.answer(unknown)
