"""Values of custom fields on their way: fields by what was chosen for them, choices by their words, days as days."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.utils.translation import gettext as _

from crm_core.doors.amocrm.fields import known
from crm_core.doors.amocrm.fields.known import Known
from crm_core.groundwork.custom_fields.models import Kind
from crm_core.groundwork.custom_fields.services import LONGEST
from crm_platform.kernel import preferences

from .mapping import ENTITIES
from .work import Row, Work, moment


def translated(work: Work, plural: str, row: Row) -> list[Row]:
    """`custom_fields_values` with our fields; those of fields that are left are told once, with the fields."""
    given = row.get("custom_fields_values")
    ours, fields = work.here["fields"].get(plural, {}), {one.id: one for one in known.of(ENTITIES[plural])}
    found = []
    for one in given if isinstance(given, list) else []:
        field = fields.get(ours.get(str(one.get("field_id"))) or 0) if isinstance(one, dict) else None
        values = [value for value in one.get("values") or [] if isinstance(value, dict)] if field else []
        if field is not None and values:
            found.append({"field_id": field.id, "field_name": field.name, "values": [_within(work, plural, row, _value(work, field, value)) for value in values]})
    return found


def _within(work: Work, plural: str, row: Row, value: Row) -> Row:
    """A text that is longer than one may be here comes with its beginning."""
    text = value.get("value")
    if not isinstance(text, str) or len(text.strip()) <= LONGEST:
        return value
    work.leave(plural, row["id"], row.get("name"), _("Its text is longer than {most} letters and was cut.").format(most=LONGEST))
    return {**value, "value": text.strip()[:LONGEST]}


def _value(work: Work, field: Known, value: Row) -> Row:
    kind = field.row.kind if field.row else Kind.TEXT
    if kind == Kind.OTHER:
        return value
    if kind == Kind.DATE:
        return {"value": _day(work, value.get("value"))}
    if field.row is not None:
        return {"value": value.get("value")}
    # Phones and e-mails of the product's own: their kind is a word that both sides share.
    return {"value": value.get("value"), **({"enum_code": value["enum_code"]} if value.get("enum_code") else {})}


def _day(work: Work, value: Any) -> Any:
    """Noon of that day here: over there it is midnight, in their time zone, and would be the day before west of it."""
    found = moment(value)
    if found is None:
        return value
    try:
        theirs = ZoneInfo(work.move.inventory["account"]["time_zone"] or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        theirs = ZoneInfo("UTC")
    day = found.astimezone(theirs).date()
    return int(datetime.combine(day, time(12), preferences.zone()).astimezone(UTC).timestamp())
