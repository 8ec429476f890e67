"""The shapes of the service's objects, read from the pinned library's own annotations: to make complete objects and to check them."""

from __future__ import annotations

import ast
import functools
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import stripe

Obj = dict[str, Any]
_ROOT = Path(stripe.__file__).parent
_OBJECT = re.compile(r'^class (\w+)\((?:(?!^class ).)*?OBJECT_NAME: ClassVar\[\s*Literal\["([\w.]+)"\]', re.M | re.S)
_PRIMITIVES: dict[str, type | tuple[type, ...]] = {"str": str, "int": int, "bool": bool, "float": (int, float), "Decimal": str}
_EMPTY: Obj = {"str": "", "int": 0, "bool": False, "float": 0.0, "Decimal": "0"}
_DEEPEST = 6


class Complaint(NamedTuple):
    """Where an object differs from its annotations, and how."""

    path: str
    kind: str
    said: str


@dataclass(eq=False)
class Shape:
    """One annotated class with the classes inside it."""

    name: str
    module: str
    outer: tuple[Shape, ...] = ()
    fields: dict[str, ast.expr] = field(default_factory=dict)
    inner: dict[str, Shape] = field(default_factory=dict)


class _Module:
    def __init__(self, path: Path) -> None:
        self.tree = ast.parse(path.read_text(encoding="utf-8"))
        self.imports = {
            alias.asname or alias.name: (node.module, alias.name)
            for node in ast.walk(self.tree) if isinstance(node, ast.ImportFrom) and node.module for alias in node.names
        }  # fmt: skip


@functools.cache
def module_of(name: str) -> _Module:
    """A module of the library, parsed."""
    path = _ROOT.parent.joinpath(*name.split("."))
    return _Module(path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__init__.py")


def _shape(node: ast.ClassDef, module: str, outer: tuple[Shape, ...] = ()) -> Shape:
    shape = Shape(node.name, module, outer)
    for inside in node.body:
        if isinstance(inside, ast.AnnAssign) and isinstance(inside.target, ast.Name):
            if not ast.unparse(inside.annotation).startswith("ClassVar") and not inside.target.id.startswith("_"):
                shape.fields[inside.target.id] = _opened(inside.annotation)
        elif isinstance(inside, ast.ClassDef):
            shape.inner[inside.name] = _shape(inside, module, (shape, *outer))
    return shape


@functools.cache
def _top(module: str, name: str) -> Shape | None:
    found = module_of(module)
    for node in found.tree.body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return _shape(node, module)
    return _top(*found.imports[name]) if name in found.imports else None


@functools.cache
def _index() -> dict[str, tuple[str, str]]:
    """Where the class of each object type stands."""
    found: dict[str, tuple[str, str]] = {}
    for path in sorted(_ROOT.rglob("_*.py")):
        inside = path.relative_to(_ROOT)
        if inside.parts[0] in ("params", "v2", "events"):
            continue
        text = path.read_text(encoding="utf-8")
        if "OBJECT_NAME: ClassVar" in text:
            for name, object_name in _OBJECT.findall(text):
                found.setdefault(object_name, (".".join(("stripe", *inside.with_suffix("").parts)), name))
    return found


@functools.cache
def shape_of(object_name: str) -> Shape | None:
    """The shape of an object type; None for one that the library does not know."""
    place = _index().get(object_name)
    return _top(*place) if place else None


def known() -> frozenset[str]:
    """The object types of the library."""
    return frozenset(_index())


def _opened(node: ast.expr) -> ast.expr:
    """An annotation written as a string, opened."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return ast.parse(node.value, mode="eval").body
    return node


@functools.cache
def _named(name: str, shape: Shape) -> Shape | None:
    """What a name in an annotation of `shape` means: a class around it, one of its module, or an imported one."""
    first, *rest = name.split(".")
    for scope in (shape, *shape.outer):
        found = scope if first == scope.name else scope.inner.get(first)
        if found:
            return _inside(found, rest)
    outside = _top(shape.module, first)
    return _inside(outside, rest) if outside else None


def _inside(shape: Shape, names: Sequence[str]) -> Shape:
    for name in names:
        shape = shape.inner[name]
    return shape


@functools.cache
def parts_of(node: ast.expr) -> tuple[str, list[ast.expr]]:
    """The head of an annotation and its arguments: ("List", [x])."""
    node = _opened(node)
    if isinstance(node, ast.BinOp):
        return "Union", [_opened(node.left), _opened(node.right)]
    if isinstance(node, ast.Subscript):
        inside = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        return ast.unparse(node.value), [_opened(one) if ast.unparse(node.value) != "Literal" else one for one in inside]
    return ast.unparse(node), []


# Making.


def skeleton(object_name: str) -> Obj:
    """A minimal complete object of a type: every field there, optional ones null."""
    found: Obj = json.loads(_template(object_name))
    return found


@functools.cache
def _template(object_name: str) -> str:
    shape = shape_of(object_name)
    assert shape is not None, object_name  # noqa: S101 (our own words)
    return json.dumps(filled(shape))


def filled(shape: Shape, depth: int = 0) -> Obj:
    """A minimal complete object of a shape."""
    return {name: _made(node, shape, depth) for name, node in shape.fields.items() if name != "deleted"}


def _made(node: ast.expr, shape: Shape, depth: int) -> Any:
    head, inside = parts_of(node)
    if head == "Literal":
        return ast.literal_eval(inside[0])
    if head == "Union":
        return _made(inside[0], shape, depth)
    simple: Obj = _EMPTY | {"Optional": None, "ExpandableField": "", "List": [], "Dict": {}, "UntypedStripeObject": {}, "Mapping": {}}
    if head == "ListObject":
        return {"object": "list", "data": [], "has_more": False, "url": ""}
    if head in simple:
        return simple[head].copy() if isinstance(simple[head], (list, dict)) else simple[head]
    found = _named(head, shape)
    return filled(found, depth + 1) if found and depth < _DEEPEST else None


# Checking.


def complaints(value: Obj) -> list[Complaint]:
    """Where an object, with all it holds, differs from the annotations; a missing optional field is none."""
    shape = shape_of(str(value.get("object")))
    if value.get("object") == "list":
        return [found for one in value["data"] for found in complaints(one)]
    if shape is None:
        return [Complaint("", "unknown-object", str(value.get("object")))]
    return list(_object(value, shape, str(value["object"])))


def _object(value: Any, shape: Shape, path: str) -> Iterator[Complaint]:
    if not isinstance(value, dict):
        yield Complaint(path, "type", f"{type(value).__name__} is no {shape.name}")
        return
    if value.get("deleted") is True:
        return
    for name, node in shape.fields.items():
        if name in value:
            yield from _checked(value[name], node, shape, f"{path}.{name}")
        elif name != "deleted" and parts_of(node)[0] != "Optional":
            yield Complaint(f"{path}.{name}", "missing-required", "")
    for name in value.keys() - shape.fields.keys():
        yield Complaint(f"{path}.{name}", "unknown-field", "")


def _checked(value: Any, node: ast.expr, shape: Shape, path: str) -> Iterator[Complaint]:
    head, inside = parts_of(node)
    if head in ("Any", "object"):
        return
    if head in _PRIMITIVES:
        if not isinstance(value, _PRIMITIVES[head]) or (head in ("int", "float") and isinstance(value, bool)):
            yield Complaint(path, "type", f"{value!r:.40} is no {head}")
    elif head in _CHECKS:
        yield from _CHECKS[head](value, inside, shape, path)
    elif head == "None":
        if value is not None:
            yield Complaint(path, "type", "not null")
    else:
        found = _named(head, shape)
        yield from _object(value, found, path) if found else [Complaint(path, "unresolved", head)]


def _optional(value: Any, inside: list[ast.expr], shape: Shape, path: str) -> Iterator[Complaint]:
    if value is not None:
        yield from _checked(value, inside[0], shape, path)


def _union(value: Any, inside: list[ast.expr], shape: Shape, path: str) -> Iterator[Complaint]:
    closed = [node for node in inside if ast.unparse(node) != "str"] if any(parts_of(node)[0] == "Literal" for node in inside) else inside
    tries = [list(_checked(value, node, shape, path)) for node in closed]
    yield from min(tries, key=len)


def _literal(value: Any, inside: list[ast.expr], _shape: Shape, path: str) -> Iterator[Complaint]:
    allowed = [ast.literal_eval(node) for node in inside]
    if value not in allowed:
        yield Complaint(path, "enum", f"{value!r} is not in {allowed[:6]}")


def _expandable(value: Any, inside: list[ast.expr], shape: Shape, path: str) -> Iterator[Complaint]:
    if not isinstance(value, str):
        yield from _checked(value, inside[0], shape, path)
    elif not value:
        yield Complaint(path, "type", "an empty identity")


def _list(value: Any, inside: list[ast.expr], shape: Shape, path: str) -> Iterator[Complaint]:
    if not isinstance(value, list):
        yield Complaint(path, "type", f"{value!r:.40} is no list")
        return
    for number, one in enumerate(value):
        yield from _checked(one, inside[0], shape, f"{path}[{number}]")


def _list_object(value: Any, inside: list[ast.expr], shape: Shape, path: str) -> Iterator[Complaint]:
    if not isinstance(value, dict) or value.get("object") != "list":
        yield Complaint(path, "type", "no list object")
        return
    yield from _list(value["data"], inside, shape, f"{path}.data")


def _mapping(value: Any, _inside: list[ast.expr], _shape: Shape, path: str) -> Iterator[Complaint]:
    if not isinstance(value, dict):
        yield Complaint(path, "type", f"{value!r:.40} is no mapping")


_CHECKS = {
    "Optional": _optional, "Union": _union, "Literal": _literal, "ExpandableField": _expandable, "List": _list,
    "ListObject": _list_object, "Dict": _mapping, "UntypedStripeObject": _mapping, "Mapping": _mapping,
}  # fmt: skip
