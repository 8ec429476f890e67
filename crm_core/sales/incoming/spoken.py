"""Values of fields and tags that a lead brings in the words of the open API. Whoever speaks that language answers at start-up; until then nobody understands it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from crm_platform.kernel.permissions import Actor

Object = Mapping[str, Any]
NOTHING: tuple[Any, ...] = (None, "", [], {})


@dataclass(frozen=True, slots=True)
class Value:
    """One value: what people read of it, and what the services take ("custom", or one of our columns); `taken` is empty for what fits no field."""

    label: str
    text: str
    taken: Mapping[str, Any]


class Language(Protocol):
    """What has to be known of it. Nothing here raises for what somebody sends."""

    def values(self, entity: str, given: Object) -> list[Value]:
        """The values of an object (a deal, a contact, a company)."""

    def tag_ids(self, actor: Actor, entity: str, given: Object) -> list[int]:
        """Its tags; new words are made."""

    def code_of(self, field_id: Any) -> str:
        """The code of a field of ours by its number there ("PHONE"); "" for any other."""


_spoken: list[Language] = []


def answer(language: Language) -> None:
    """Name who understands it."""
    _spoken[:] = [language]


def values(entity: str, given: Object) -> list[Value]:
    """The values of an object, as they stand there."""
    return _spoken[0].values(entity, given) if _spoken else []


def tag_ids(actor: Actor, entity: str, given: Object) -> list[int]:
    """Its tags."""
    return _spoken[0].tag_ids(actor, entity, given) if _spoken else []


def code_of(field_id: Any) -> str:
    """The code of a field of ours by its number there; "" for any other."""
    return _spoken[0].code_of(field_id) if _spoken else ""


def together(each: Iterable[Value]) -> dict[str, Any]:
    """What the services take of several values: rows of one name one after another, else the last that says something."""
    found: dict[str, Any] = {}
    for value in each:
        for name, taken in value.taken.items():
            if name == "custom":
                found[name] = {**found.get(name, {}), **taken}
            else:
                found[name] = [*found.get(name, []), *taken] if isinstance(taken, list) else taken or found.get(name, taken)
    return found
