"""X-Strict: 1 on a body: nothing in it is left aside unsaid. The specification answers what is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .asking import request_id
from .problems import Fault, ItemsRefused

if TYPE_CHECKING:
    from .asking import Asked
    from .endpoint import Operation

Unknown = Callable[["Operation", Callable[[], Any]], list[str]]
_answer: list[Unknown] = []
# Names that are told of one body.
_MOST = 50


def answer(unknown: Unknown) -> None:
    """Name who knows what an operation reads: `unknown(operation, read)`, which reads the body only where there is one of JSON."""
    _answer[:] = [unknown]


def check(asked: Asked, operation: Operation) -> None:
    """Raise ItemsRefused with the path of each field that nobody reads."""
    found = _answer[0](operation, lambda: asked.body)[:_MOST] if _answer else []
    if not found:
        return
    wrong: dict[str, list[Fault]] = {}
    for path in found:
        at, _dot, name = path.partition(".") if isinstance(asked.body, list) else ("0", "", path)
        item = asked.items[int(at)]
        wrong.setdefault(request_id(item, int(at)), []).append(Fault("UnknownField", name, "There is no field of this name here."))
    raise ItemsRefused(dict(wrong))
