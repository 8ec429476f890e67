"""What kinds of records there are: each slice registers its own; groundwork works on them without knowing them.

Search, timeline, bin, export, import and the engine of verbs (`writing`) go by this registry.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crm_platform.kernel.errors import NotFound
from crm_platform.kernel.permissions import Actor, Entity
from crm_platform.ui.addresses import numbered

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    Words = str | _StrPromise


@dataclass(frozen=True, slots=True)
class Attribute:
    """A field of a record that history speaks of: `show` turns its stored value into words."""

    name: str
    label: Words
    show: Callable[[Any], str] = lambda value: "" if value in (None, "", [], {}) else str(value)
    put_back: bool = True


@dataclass(frozen=True, slots=True)
class Found:
    """What a record is found by: the words of its title and subtitle, and further texts and phone digits."""

    title: str
    subtitle: str = ""
    more: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Links:
    """How values that are no columns ("companies" of a contact) are written: `write` returns what history keeps, before and after.

    `read(record, name)` is what stands there now, as history keeps it; `again(name, row)` turns a row of history into one that is written.
    `write_fresh` does it for many new records in a constant number of statements, and returns what history keeps of each.
    """

    names: tuple[str, ...]
    write: Callable[[Actor, Any, Mapping[str, Any], bool], tuple[dict[str, Any], dict[str, Any]]]
    read: Callable[[Any, str], list[dict[str, Any]]]
    again: Callable[[str, Mapping[str, Any]], dict[str, Any]]
    write_fresh: Callable[[Actor, Sequence[tuple[Any, Mapping[str, Any]]]], list[dict[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of record.

    `prepare(record)` fills what follows from other fields (sort key, duplicate keys) before each save and may raise
    Invalid; `subjects(record)` names the other records whose history shows it; `counts(record)` is the limit it
    stands under at present, or "". `verb(before, record)` names the event of a change: a deal of another stage has "moved".
    `show_subtitle(stored)` is how a found record's subtitle is written for people.
    """

    code: str
    model: type[Any]
    entity: Entity
    label: Words
    plural: Words
    icon: str
    card: str
    prepare: Callable[[Any], None]
    found: Callable[[Any], Found]
    attributes: tuple[Attribute, ...]
    counts: Callable[[Any], str] = lambda record: ""
    subjects: Callable[[Any], Iterable[str]] = lambda record: ()
    links: Links | None = None
    after_change: Callable[[Any, dict[str, Any]], None] = lambda record, before: None
    verb: Callable[[Mapping[str, Any], Any], str] = lambda before, record: "changed"
    weight: int = 0
    show_subtitle: Callable[[str], str] = str

    def url(self, pk: int) -> str:
        """The address of a record's card."""
        return numbered(self.card, pk)

    def attribute(self, name: str) -> Attribute | None:
        """The attribute of that name."""
        return next((attribute for attribute in self.attributes if attribute.name == name), None)


_kinds: dict[str, Kind] = {}


def register(kind: Kind) -> Kind:
    """Add a kind; twice the same code is a mistake."""
    if kind.code in _kinds:
        raise ValueError(f"two kinds of record named {kind.code}")
    _kinds[kind.code] = kind
    return kind


def kinds() -> tuple[Kind, ...]:
    """All kinds, in the order of registration."""
    return tuple(_kinds.values())


def codes() -> Collection[str]:
    """The codes of all kinds."""
    return _kinds.keys()


def find(code: str) -> Kind:
    """The kind of that code; raises NotFound."""
    if code not in _kinds:
        raise NotFound
    return _kinds[code]
