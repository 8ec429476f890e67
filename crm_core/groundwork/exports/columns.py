"""What an export holds beyond the columns of a list: each slice says it for its own kind, under the names an import knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from crm_platform.kernel import workspace

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    Words = str | _StrPromise

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


def field_of(name: str) -> Text:
    """The text of a plain field."""
    return lambda record, given: getattr(record, name)
