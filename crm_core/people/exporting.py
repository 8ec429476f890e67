"""Columns that exports of people and firms share."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from crm_core.groundwork.exports.columns import Text, field_of
from crm_core.people import reaching


def part_of_address(part: str) -> Text:
    """A part of the first address."""
    return lambda record, given: record.addresses[0].get(part, "") if record.addresses else ""


def _others(record: Any, given: dict[str, Any]) -> str:
    """One address a line, each part under its name: commas and semicolons of its own part nothing."""
    lines = (((str(label), " ".join(str(row.get(part, "")).split())) for part, label in reaching.ADDRESS_PARTS) for row in record.addresses[1:])
    return "\n".join("; ".join(f"{label}: {value}" for label, value in line if value) for line in lines)


def _messengers(record: Any, given: dict[str, Any]) -> str:
    return "; ".join(f"{row.get('service') or 'other'}: {row.get('name', '')}" for row in record.messengers)


SHARED = (
    (_("Street"), part_of_address("street")), (_("City"), part_of_address("city")), (_("Region"), part_of_address("region")),
    (_("Postcode"), part_of_address("zip")), (_("Country"), part_of_address("country")), (_("Further addresses"), _others),
    (_("Site"), field_of("site")), (_("Messengers"), _messengers), (_("Number elsewhere"), field_of("external_id")),
)  # fmt: skip
