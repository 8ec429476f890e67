"""What an incoming lead says in the API's words, for whoever accepts it: values and tags of its deal, contact and company."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm_core.doors.amocrm.fields import known, values
from crm_core.doors.amocrm.fields.known import Known
from crm_core.doors.amocrm.records import taking
from crm_core.doors.amocrm.records.collections import ALL
from crm_core.doors.amocrm.wire.fields import Item
from crm_core.groundwork.custom_fields import services as custom
from crm_core.sales.incoming import reading, spoken
from crm_core.sales.incoming.spoken import Value
from crm_platform.kernel.errors import Invalid
from crm_platform.kernel.permissions import Actor
from crm_platform.kernel.reading import whole

_NAME = "custom_fields_values"
_CODES = {one.id: one.code or "" for fields in known.PREDEFINED.values() for one in fields}


class OpenApi:
    """The language; see `spoken.Language`."""

    def values(self, entity: str, given: Mapping[str, Any]) -> list[Value]:
        """The values of an object. One that does not fit its field, or names none, is read by people alone."""
        rows, fields = given.get(_NAME), known.of(entity)
        return [_value(entity, fields, row) for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []

    def tag_ids(self, actor: Actor, entity: str, given: Mapping[str, Any]) -> list[int]:
        """Its tags; numbers of none are left aside, new words are made."""
        return taking.tags_after(actor, Item(given), entity, None) or []

    def code_of(self, field_id: Any) -> str:
        """The code of a field that is the product's."""
        return _CODES.get(whole(str(field_id)) or 0, "")


def _value(entity: str, fields: list[Known], row: dict[str, Any]) -> Value:
    one, item = known.named(fields, row), Item({_NAME: [row]})
    label = one.name if one is not None else reading.clean(row.get("field_name") or row.get("field_code") or row.get("field_id"))
    taken = values.read(item, entity)
    return Value(label, _words(row.get("values")), {} if item.faults else _fitting(entity, taken))


def _words(given: Any) -> str:
    each = [one.get("value", one) if isinstance(one, dict) else one for one in (given if isinstance(given, list) else [given])]
    return reading.clean([reading.clean(one) for one in each if one not in spoken.NOTHING])


def _fitting(entity: str, taken: Mapping[str, Any]) -> dict[str, Any]:
    """What of a value its field takes: a lead is never kept from being accepted by one."""
    found: dict[str, Any] = {}
    for name, value in taken.items():
        try:
            fits = custom.clean(entity, value, partial=True) if name == "custom" else _of_column(entity, name, value)
        except Invalid:
            continue
        if fits not in spoken.NOTHING:
            found[name] = fits
    return found


def _of_column(entity: str, name: str, value: Any) -> Any:
    if name == "emails":
        return [row for row in value if reading.emails_of([row["address"]])]
    longest = getattr(ALL[entity].kind.model._meta.get_field(name), "max_length", None)
    return None if isinstance(value, str) and longest is not None and len(value) > longest else value


spoken.answer(OpenApi())
