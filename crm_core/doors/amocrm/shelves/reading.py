"""How the fields of a kept thing are read: each a function of the item and the field's name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from crm_core.doors.amocrm.wire.fields import Item
from crm_core.doors.amocrm.wire.texts import clean
from crm_platform.kernel import clock

_DEEPEST = 12
_CHOICE = "The value you selected is not a valid choice."


@dataclass(frozen=True, slots=True)
class Read:
    """A way to read a field, and what the specification says of it (`schema`)."""

    take: Callable[[Item, str], Any]
    schema: dict[str, Any]

    def __call__(self, item: Item, name: str) -> Any:
        return self.take(item, name)


def text(most: int = 250) -> Read:
    """A text."""
    return Read(lambda item, name: item.text(name, most=most), {"type": "string", "maxLength": most})


def choice(*known: str) -> Read:
    """One of a few words."""

    def read(item: Item, name: str) -> str | None:
        given = item.text(name)
        if given and given not in known:
            item.fault(name, _CHOICE, code="NotSupportedChoice")
        return given or None

    return Read(read, {"type": "string", "enum": [*known]})


def number(least: int = -(2**53), most: int = 2**53) -> Read:
    """A whole number."""
    return Read(lambda item, name: item.whole(name, least=least, most=most), {"type": "integer", "minimum": least, "maximum": most})


# What a price may be: so much can be summed up, and told as a number of JSON, however many there are.
price = number(least=-(2**40), most=2**40)
flag = Read(lambda item, name: item.flag(name), {"type": "boolean"})


def _moment(item: Item, name: str) -> int | None:
    found = item.moment(name)
    return None if found is None else int(found.timestamp())


# A moment, kept in seconds as the API tells it.
moment = Read(_moment, {"type": "integer", "description": "Unix seconds; RFC 3339 is taken too."})


def now() -> int:
    """This moment, in seconds."""
    return int(clock.now().timestamp())


def any_of(*kinds: type) -> Read:
    """An object or a list, kept as it was sent."""

    def read(item: Item, name: str) -> Any:
        value = item.body.get(name)
        if value is not None and not isinstance(value, kinds):
            item.fault(name, f"This value should be of type {'array' if list in kinds else 'object'}.", code="InvalidType")
            return None
        try:
            return plain(value)
        except ValueError:
            item.fault(name, "This value is nested too deep.", code="InvalidValue")
            return None

    return Read(read, {"type": [_JSON[kind] for kind in kinds]})


_JSON: dict[type, str] = {dict: "object", list: "array"}
# A list, kept as it was sent.
listed = any_of(list)


def plain(value: Any, *, deep: int = 0) -> Any:
    """A value of JSON that the database takes: no zero bytes, not nested without end. Raises ValueError."""
    if deep > _DEEPEST:
        raise ValueError("nested too deep")
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(str(name)): plain(one, deep=deep + 1) for name, one in value.items()}
    if isinstance(value, list):
        return [plain(one, deep=deep + 1) for one in value]
    return value


def needed(item: Item, names: Iterable[str]) -> None:
    """Note which of the fields that must be there are blank."""
    for name in names:
        if item.body.get(name) in (None, "", [], {}):
            item.fault(name, "This value should not be blank.", code="IsBlank")
