"""What an export holds beyond the columns of a list: each slice says it for its own kind, under the names an import knows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from crm_platform.kernel import workspace

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    Words = str | _StrPromise

_NAMES = re.compile(r'\s*(?:"((?:[^"]|"")+)"(?=\s*(?:;|\Z))|([^;]+))')
Text = Callable[[Any, dict[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class Further:
    """`columns`: label and text; `gather(records)` fetches what they need, in a constant number of statements.

    `heads` renames columns of the list, where an import would misread their labels.
    """

    columns: Sequence[tuple[Words, Text]] = ()
    gather: Callable[[Sequence[Any]], dict[str, Any]] = lambda records: {}
    heads: Mapping[str, Words] = field(default_factory=dict)


_further: dict[str, Further] = {}


def register(entity: str, further: Further) -> None:
    """Name what else an export of this kind holds."""
    _further[entity] = further


def of(entity: str) -> Further:
    """What was registered for the kind."""
    return _further.get(entity, Further())


def own_number() -> str:
    """The head of the column with our own number: it names this workspace, so that another one never takes it for its own."""
    return f"Kartoteka ID ({workspace.here().slug})"


def in_one_cell(names: Iterable[str]) -> str:
    """Several names in a cell, parted by semicolons; one that holds a semicolon, or begins with a quotation mark, stands in such marks."""
    return "; ".join('"{}"'.format(name.replace('"', '""')) if ";" in name or name.startswith('"') else name for name in names)


def names_in(text: str) -> list[str]:
    """The names of a cell, as `in_one_cell` writes them and most others do; empty ones left out."""
    found = (quoted.replace('""', '"') or plain for quoted, plain in _NAMES.findall(text))
    return [" ".join(name.split()) for name in found if name.strip()]


def field_of(name: str) -> Text:
    """The text of a plain field."""
    return lambda record, given: getattr(record, name)
