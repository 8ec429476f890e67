"""The small words of which the shapes of the specification are made: JSON Schema, as OpenAPI 3.1 has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]
INT: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
STR: Schema = {"type": "string"}
BOOL: Schema = {"type": "boolean"}
OBJECT: Schema = {"type": "object"}
ANY: Schema = {}
MOMENT: Schema = {"type": "integer", "description": "Unix seconds."}
LARGEST = 2**63 - 1
PK: Schema = {"type": "integer", "minimum": 0, "maximum": LARGEST}


def maybe(schema: Schema) -> Schema:
    """That, or null."""
    if "null" in schema.get("type", ()) or {"type": "null"} in schema.get("anyOf", ()):
        return schema
    if "$ref" in schema or "enum" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    given = schema.get("type", [])
    return {**schema, "type": [*([given] if isinstance(given, str) else given), "null"]} if given else schema


def one_of(*words: str) -> Schema:
    """One of a few words."""
    return {"type": "string", "enum": sorted(words)}


def listed(schema: Schema, *, most: int | None = None) -> Schema:
    """Several of it."""
    return {"type": "array", "items": schema, **({"maxItems": most} if most is not None else {})}


def thing(always: Mapping[str, Schema], sometimes: Mapping[str, Schema] | None = None) -> Schema:
    """An object: what always stands in it, and what does so when it was asked for or is known."""
    return {"type": "object", "required": [*always], "properties": {**always, **(sometimes or {})}}


def ref(name: str) -> Schema:
    """A shape by its name among the components."""
    return {"$ref": f"#/components/schemas/{name}"}


def words_of(given: Schema) -> set[str]:
    """The fields an object has."""
    return set(given.get("properties", {}))
