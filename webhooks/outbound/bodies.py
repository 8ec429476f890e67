"""How events are written for other programs: formats, answered from above (`crm_core.doors`), which knows the nouns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crm_platform.events.models import Event
from crm_platform.kernel.errors import Invalid

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


@dataclass(frozen=True, slots=True)
class Heard:
    """An event, and under which setting of a subscription it is told."""

    event: Event
    setting: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A way to write events. `draw` gives a piece for each, in a constant number of statements, or None where there is nothing to tell.

    `gathers` is how many events may share a POST; `write` makes its body of their pieces (of none: a test).
    """

    code: str
    label: str | _StrPromise
    content_type: str
    gathers: int
    draw: Callable[[Sequence[Heard]], Sequence[Any]]
    write: Callable[[Sequence[Any]], str]


_formats: dict[str, Format] = {}


def register(form: Format) -> None:
    """Add a format; twice the same code is a mistake."""
    if form.code in _formats:
        raise ValueError(f"two formats named {form.code}")
    _formats[form.code] = form


def formats() -> tuple[Format, ...]:
    """All formats, in the order of registration."""
    return tuple(_formats.values())


def find(code: str) -> Format:
    """The format of that code. Raises Invalid (field `format`)."""
    if code not in _formats:
        raise Invalid(fields={"format": [f"Unknown: {code[:20]}"]})
    return _formats[code]
