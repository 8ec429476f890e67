"""A record's values on the wire: `draw` tells them, `read` turns what was sent into what the services take."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from crm_core.doors.amocrm.wire.fields import Item, seconds
from crm_core.doors.amocrm.wire.texts import clean
from crm_core.groundwork.custom_fields.models import Kind
from crm_core.groundwork.custom_fields.services import LONGEST
from crm_core.people import reaching
from crm_platform.kernel import preferences, reading

from .known import EMAIL_KINDS, PHONE_KINDS, Known, named, of

Value = dict[str, Any]
_NOTHING: tuple[Any, ...] = (None, "", [], {})


def draw(record: Any, entity: str) -> list[Value] | None:
    """`custom_fields_values` of a record: null where nothing is filled, as amoCRM tells it."""
    return drawer(entity)(record)


def drawer(entity: str) -> Callable[[Any], list[Value] | None]:
    """What draws the values of many records of an entity, with the fields looked up once for all of them."""
    fields = [(one, one.attribute, str(one.id), _DRAW[_way(one)]) for one in of(entity)]
    bare = not any(one.attribute for one, *_rest in fields)

    def drawn(record: Any) -> list[Value] | None:
        custom = record.custom
        if bare and not custom:
            return None
        told = []
        for one, attribute, key, tell in fields:
            stored = getattr(record, attribute) if attribute else custom.get(key)
            if stored not in _NOTHING:
                told.append({"field_id": one.id, "field_name": one.name, "field_code": one.code, "field_type": one.type, "values": tell(one, stored)})
        return told or None

    return drawn


def _way(one: Known) -> str:
    return one.attribute or (one.row.kind if one.row else Kind.TEXT)


def _plain(one: Known, stored: Any) -> list[Value]:
    return [{"value": stored}]


def _day(one: Known, stored: str) -> list[Value]:
    midnight = datetime.combine(date.fromisoformat(stored), datetime.min.time(), preferences.zone())
    return [{"value": int(midnight.timestamp())}]


def _choices(one: Known, stored: Any) -> list[Value]:
    options = {option["id"]: option for option in (one.row.options if one.row else [])}
    chosen = stored if isinstance(stored, list) else [stored]
    return [{"value": options.get(pk, {}).get("label", ""), "enum_id": pk, "enum_code": options.get(pk, {}).get("code")} for pk in chosen]


def _as_sent(one: Known, stored: Any) -> list[Value]:
    return list(stored)


def _rows(value: str, kinds: dict[str, str], key: str = "kind") -> Callable[[Known, Any], list[Value]]:
    codes = {kind: code for code, kind in kinds.items()}

    def drawn(one: Known, stored: list[dict[str, Any]]) -> list[Value]:
        ids = {code: pk for pk, code in one.enums}
        found = [(row.get(value, ""), codes.get(str(row.get(key, "")), "OTHER")) for row in stored]
        return [{"value": text, "enum_id": ids.get(code), "enum_code": code} for text, code in found]

    return drawn


def _address(one: Known, stored: list[dict[str, Any]]) -> list[Value]:
    return [{"value": address_line(stored)}]


def address_line(stored: list[dict[str, Any]]) -> str:
    """Addresses as the API tells them: all their parts in one line."""
    return "; ".join(", ".join(str(row[part]) for part, _label in reaching.ADDRESS_PARTS if row.get(part)) for row in stored)


_SERVICES = {code.upper(): code for code, _label in reaching.SERVICES}
_DRAW: dict[str, Callable[[Known, Any], list[Value]]] = {
    Kind.TEXT: _plain, Kind.NUMBER: _plain, Kind.MONEY: _plain, Kind.LINK: _plain, Kind.CHECKBOX: _plain, Kind.DATE: _day,
    Kind.LIST: _choices, Kind.MULTI: _choices, Kind.OTHER: _as_sent,
    "position": _plain, "site": _plain, "addresses": _address, "sku": _plain, "price": _plain, "description": _plain, "unit": _plain, "series": _plain,
    "phones": _rows("number", PHONE_KINDS), "emails": _rows("address", EMAIL_KINDS), "messengers": _rows("name", _SERVICES, "service"),
}  # fmt: skip


def read(item: Item, entity: str, *, name: str = "custom_fields_values") -> dict[str, Any]:
    """What the services take of an item's values: `custom` and our own columns. Faults are noted in the item.

    Only what was named changes; `values: null` clears. An unknown field is a fault, as with amoCRM.
    """
    fields, taken, own = of(entity), dict[str, Any](), dict[str, Any]()
    for at, given in enumerate(item.listed(name)):
        where = f"{name}.{at}"
        one = named(fields, given)
        if one is None:
            item.fault(f"{where}.field_id", "The value you selected is not a valid choice.", code="NotSupportedChoice")
            continue
        values = given.get("values")
        if values is not None and not isinstance(values, list):
            item.fault(f"{where}.values", "This value should be of type array.", code="InvalidType")
            continue
        stored = _READ[_way(one)](one, _objects(values), functools.partial(item.fault, f"{where}.values"))
        if one.attribute:
            own[one.attribute] = stored
        else:
            taken[str(one.id)] = stored
    return {**own, **({"custom": taken} if taken else {})}


def _objects(values: list[Any] | None) -> list[Value]:
    """Bare values count as objects of a value, for there are clients that send them so."""
    return [value if isinstance(value, dict) else {"value": value} for value in values or [] if value is not None]


Fault = Callable[[str], None]


def _first(values: list[Value]) -> Any:
    return values[0].get("value") if values else None


def _read_text(one: Known, values: list[Value], fault: Fault) -> Any:
    given = _first(values)
    if isinstance(given, (dict, list)):
        fault("This value should be of type string.")
        return None
    if isinstance(given, str) and len(given.strip()) > LONGEST:
        fault(f"This value is too long. It should have {LONGEST} characters or less.")
    return None if given in (None, "") else clean(str(given))


def _read_column(one: Known, values: list[Value], fault: Fault) -> Any:
    return _read_text(one, values, fault) or ""


def _read_flag(one: Known, values: list[Value], fault: Fault) -> Any:
    given = _first(values)
    return None if given is None else str(given).lower() in ("1", "true", "on", "yes")


def _read_day(one: Known, values: list[Value], fault: Fault) -> Any:
    moment = _moment(values, fault)
    return None if moment is None else moment.astimezone(preferences.zone()).date().isoformat()


def _moment(values: list[Value], fault: Fault) -> datetime | None:
    given = _first(values)
    moment = reading.moment(given, zone=preferences.zone())
    if moment is None and given not in (None, ""):
        fault("This value should be a Unix timestamp or RFC 3339.")
    return moment


def _read_choice(one: Known, values: list[Value], fault: Fault) -> Any:
    found = _read_choices(one, values, fault)
    return found[0] if found else None


def _read_choices(one: Known, values: list[Value], fault: Fault) -> list[int]:
    options = one.row.options if one.row else []
    chosen = []
    for value in values:
        pk = next((option["id"] for option in options if _is_chosen(option, value)), None)
        if pk is None and (value.get("enum_id") or value.get("enum_code") or value.get("value") not in (None, "", False)):
            fault("The value you selected is not a valid choice.")
        elif pk is not None:
            chosen.append(pk)
    return chosen


def _is_chosen(option: dict[str, Any], value: Value) -> bool:
    """By id, else by code, else by its label: any one suffices."""
    if value.get("enum_id") is not None:
        return str(option["id"]) == str(value["enum_id"])
    if value.get("enum_code"):
        return str(option.get("code", "")) == str(value["enum_code"])
    return str(option["label"]) == str(value.get("value"))


def _code_of(one: Known, value: Value) -> str:
    by_id = {str(pk): code for pk, code in one.enums}
    given = value.get("enum_code") or value.get("enum")
    return str(given or by_id.get(str(value.get("enum_id")), "WORK")).upper()


def _reading(key: str, kinds: dict[str, str], kind: str = "kind") -> Callable[[Known, list[Value], Fault], Any]:
    def taken(one: Known, values: list[Value], fault: Fault) -> Any:
        rows = [(clean(str(value.get("value") or "")).strip(), kinds.get(_code_of(one, value), "other")) for value in values]
        return [{key: text[:200], kind: name} for text, name in rows if text]

    return taken


def _read_address(one: Known, values: list[Value], fault: Fault) -> Any:
    given = clean(str(_first(values) or "")).strip()
    return [{"kind": "work", "street": given[:300]}] if given else []


def _read_other(one: Known, values: list[Value], fault: Fault) -> Any:
    """Kept as it was sent: the product does not look into it, but for moments."""
    if one.row is None or not one.row.holds_moments:
        return values or None
    moment = _moment(values, fault)
    return None if moment is None else [{"value": seconds(moment)}]


_READ: dict[str, Callable[[Known, list[Value], Fault], Any]] = {
    Kind.TEXT: _read_text, Kind.NUMBER: _read_text, Kind.MONEY: _read_text, Kind.LINK: _read_text, Kind.CHECKBOX: _read_flag, Kind.DATE: _read_day,
    Kind.LIST: _read_choice, Kind.MULTI: _read_choices, Kind.OTHER: _read_other,
    "position": _read_column, "site": _read_column, "addresses": _read_address,
    "sku": _read_column, "price": _read_text, "description": _read_column, "unit": _read_column, "series": _read_column,
    "phones": _reading("number", PHONE_KINDS), "emails": _reading("address", EMAIL_KINDS), "messengers": _reading("name", _SERVICES, "service"),
}  # fmt: skip
