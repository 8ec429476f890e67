"""Strict reading of requests by the library's own annotations: unknown names, wrong types and foreign words are refused, texts become numbers."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from .errors import ApiError, invalid
from .shapes import module_of, parts_of

_TYPED = "TypedDict"


@dataclass(frozen=True)
class _Params:
    """The annotations of one params class: name → (annotation, required)."""

    module: str
    fields: dict[str, tuple[ast.expr, bool]]


def read(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """What was asked, typed; `name` is as "checkout.session_create". Raises ApiError for what the library's types do not know."""
    folder, _, short = name.rpartition(".")
    module = ".".join(filter(None, ("stripe.params", folder, f"_{short}_params")))
    words = "".join(word.capitalize() for word in short.split("_"))
    params = _params(module, f"{words}Params")
    assert params is not None, name  # noqa: S101 (our own table of routes)
    return _read(given, params, "")


@functools.cache
def _params(module: str, name: str) -> _Params | None:
    for node in module_of(module).tree.body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return _Params(module, _inherited(module, node) | _annotated(node))
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name and isinstance(node.value, ast.Call):
            return _Params(module, _functional(node.value))
    return None


def _inherited(module: str, node: ast.ClassDef) -> dict[str, tuple[ast.expr, bool]]:
    bases = [_params(module, base.id) for base in node.bases if isinstance(base, ast.Name) and base.id not in (_TYPED, "RequestOptions")]
    return {name: field for base in bases if base for name, field in base.fields.items()}


def _annotated(node: ast.ClassDef) -> dict[str, tuple[ast.expr, bool]]:
    return {inside.target.id: _needed(inside.annotation) for inside in node.body if isinstance(inside, ast.AnnAssign) and isinstance(inside.target, ast.Name)}


def _functional(call: ast.Call) -> dict[str, tuple[ast.expr, bool]]:
    """TypedDict("X", {"from": …}): names that Python keeps for itself."""
    [mapping] = [one for one in call.args if isinstance(one, ast.Dict)]
    return {ast.literal_eval(key): _needed(value) for key, value in zip(mapping.keys, mapping.values, strict=True) if key is not None}


def _needed(node: ast.expr) -> tuple[ast.expr, bool]:
    head, inside = parts_of(node)
    return (inside[0], False) if head == "NotRequired" else (node, True)


def _read(given: Any, params: _Params, path: str) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise invalid(f"Invalid object: {path}", param=path)
    for name in given:
        if name not in params.fields:
            raise invalid(f"Received unknown parameter: {_at(path, name)}", param=_at(path, name), code="parameter_unknown")
    for name, (_node, required) in params.fields.items():
        if required and name not in given:
            raise invalid(f"Missing required param: {_at(path, name)}.", param=_at(path, name), code="parameter_missing")
    return {name: _value(value, params.fields[name][0], params.module, _at(path, name)) for name, value in given.items()}


def _at(path: str, name: str) -> str:
    return f"{path}[{name}]" if path else name


def _value(value: Any, node: ast.expr, module: str, path: str) -> Any:
    head, inside = parts_of(node)
    if head in _SIMPLE:
        return _SIMPLE[head](value, path)
    if head in ("Union", "Optional"):
        return _one_of(value, inside, module, path)
    if head == "Literal":
        return _word(value, inside, path)
    if head == "List":
        return _many(value, inside[0], module, path)
    if head in ("Dict", "UntypedStripeObject", "Mapping"):
        return _mapping(value, inside, module, path)
    params = _params(module, head)
    assert params is not None, head  # noqa: S101 (the library's own names)
    return _read(value, params, path)


def _word(value: Any, inside: list[ast.expr], path: str) -> str:
    allowed = [ast.literal_eval(node) for node in inside]
    if value not in allowed:
        raise invalid(f"Invalid {path}: must be one of {', '.join(map(str, allowed))}", param=path)
    return str(value)


def _many(value: Any, node: ast.expr, module: str, path: str) -> list[Any]:
    if value == "":
        return []
    if not isinstance(value, list):
        raise invalid("Invalid array", param=path)
    return [_value(one, node, module, f"{path}[{number}]") for number, one in enumerate(value)]


def _mapping(value: Any, inside: list[ast.expr], module: str, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise invalid(f"Invalid object: {path}", param=path)
    node = inside[-1] if inside else ast.Name("str", ast.Load())
    return {name: _value(one, node, module, _at(path, name)) for name, one in value.items()}


def _one_of(value: Any, inside: list[ast.expr], module: str, path: str) -> Any:
    """The first alternative that fits; an enumeration closes the place to other words, and a mapping is judged by the class it can only be."""
    flat = _flat(inside)
    if any(parts_of(node)[0] == "Literal" and ast.unparse(node) != "Literal['']" for node in flat):
        flat = [node for node in flat if ast.unparse(node) != "str"]
    flat.sort(key=lambda node: parts_of(node)[0] == "str")
    refused: list[ApiError] = []
    for node in flat:
        try:
            return _value(value, node, module, path)
        except ApiError as error:
            refused.append(error)
    raise max(refused, key=lambda error: len(error.param))


def _flat(nodes: list[ast.expr]) -> list[ast.expr]:
    found: list[ast.expr] = []
    for node in nodes:
        head, inside = parts_of(node)
        found += _flat(inside) if head == "Union" else [node]
    return found


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise invalid(f"Invalid string: {path}", param=path)
    return value


def _whole(value: Any, path: str) -> int:
    try:
        if isinstance(value, str) and value.isascii():
            return int(value)
    except ValueError:
        pass
    raise invalid(f"Invalid integer: {value}", param=path, code="parameter_invalid_integer")


def _number(value: Any, path: str) -> float:
    return float(_decimal(value, path))


def _decimal(value: Any, path: str) -> Decimal:
    try:
        found = Decimal(str(value)) if isinstance(value, str) else None
    except InvalidOperation:
        found = None
    if found is None or not found.is_finite():
        raise invalid(f"Invalid decimal: {value}", param=path)
    return found


def _truth(value: Any, path: str) -> bool:
    if value not in ("true", "false"):
        raise invalid(f"Invalid boolean: {value}", param=path)
    return bool(value == "true")


_SIMPLE: dict[str, Callable[[Any, str], Any]] = {"str": _text, "int": _whole, "float": _number, "Decimal": _decimal, "bool": _truth}
