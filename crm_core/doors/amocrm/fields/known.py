"""The fields of an entity as the API knows them: those of ours that it calls custom (phones, e-mails), and the firm's own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from crm_core.groundwork.custom_fields import services as custom
from crm_core.groundwork.custom_fields.models import CustomField, Kind

# Types of the API by our kind, the usual one first: `CustomField.wire["type"]` says another.
TYPES: dict[str, tuple[str, ...]] = {
    Kind.TEXT: ("text", "textarea", "streetaddress", "tracking_data", "org_legal_name"),
    Kind.NUMBER: ("numeric",),
    Kind.MONEY: ("monetary", "price"),
    Kind.DATE: ("date", "birthday"),
    Kind.LIST: ("select", "radiobutton", "category"),
    Kind.MULTI: ("multiselect",),
    Kind.CHECKBOX: ("checkbox",),
    Kind.LINK: ("url",),
    Kind.OTHER: (
        "date_time", "multitext", "smart_address", "legal_entity", "items", "linked_entity", "chained_list", "file", "payer", "supplier",
    ),
}  # fmt: skip
KIND_OF = {wire: kind for kind, wires in TYPES.items() for wire in wires}


@dataclass(frozen=True, slots=True)
class Known:
    """A field: `attribute` names our column where it is one of ours, `row` is the firm's own; `enums` are (id, code or label)."""

    id: int
    name: str
    code: str | None
    type: str
    attribute: str = ""
    row: CustomField | None = None
    enums: tuple[tuple[int, str], ...] = field(default=())


# Predefined ids stand above what a schema counts to. The words are the API's own.
_PHONE = ((990101, "WORK"), (990102, "WORKDD"), (990103, "MOB"), (990104, "FAX"), (990105, "HOME"), (990106, "OTHER"))
_EMAIL = ((990111, "WORK"), (990112, "PRIV"), (990113, "OTHER"))
_IM = ((990121, "TELEGRAM"), (990122, "WHATSAPP"), (990123, "VIBER"), (990124, "SIGNAL"), (990125, "SKYPE"), (990126, "OTHER"))
PREDEFINED: dict[str, tuple[Known, ...]] = {
    "contact": (
        Known(990001, "Position", "POSITION", "text", "position"),
        Known(990002, "Phone", "PHONE", "multitext", "phones", enums=_PHONE),
        Known(990003, "Email", "EMAIL", "multitext", "emails", enums=_EMAIL),
        Known(990004, "IM", "IM", "multitext", "messengers", enums=_IM),
    ),
    "company": (
        Known(990011, "Phone", "PHONE", "multitext", "phones", enums=_PHONE),
        Known(990012, "Email", "EMAIL", "multitext", "emails", enums=_EMAIL),
        Known(990013, "Web", "WEB", "url", "site"),
        Known(990014, "Address", "ADDRESS", "textarea", "addresses"),
    ),
    "deal": (),
    "product": (
        Known(990021, "SKU", "SKU", "text", "sku"),
        Known(990022, "Price", "PRICE", "price", "price"),
        Known(990023, "Description", "DESCRIPTION", "textarea", "description"),
        Known(990024, "Unit", "UNIT", "text", "unit"),
        Known(990025, "Group", "GROUP", "category", "series"),
    ),
}
# Our kind of a phone or an e-mail by the API's word, and back.
PHONE_KINDS = {"WORK": "work", "WORKDD": "direct", "MOB": "mobile", "FAX": "fax", "HOME": "home", "OTHER": "other"}
EMAIL_KINDS = {"WORK": "work", "PRIV": "home", "OTHER": "other"}


def type_of(row: CustomField) -> str:
    """The API's type of one of the firm's fields."""
    return str(row.wire.get("type") or TYPES[row.kind][0])


def of(entity: str) -> list[Known]:
    """All fields of a kind of record, the predefined ones first."""
    return [*PREDEFINED.get(entity, ()), *(_own(row) for row in custom.fields_of(entity))]


def _own(row: CustomField) -> Known:
    enums = tuple((option["id"], option["label"]) for option in row.options if not option.get("archived"))
    return Known(row.pk, row.name, row.wire.get("code"), type_of(row), row=row, enums=enums)


def named(fields: list[Known], given: Any) -> Known | None:
    """The field that an item of `custom_fields_values` names, by id or by code."""
    if not isinstance(given, dict):
        return None
    wanted, code = given.get("field_id"), given.get("field_code")
    if wanted is not None:
        return next((one for one in fields if str(one.id) == str(wanted)), None)
    return next((one for one in fields if code and one.code == str(code)), None)
