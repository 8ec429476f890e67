"""Custom fields: their rules, their index, and the verbs of their settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.utils.dateparse import parse_date
from django.utils.translation import gettext_lazy as _

from crm_platform.accounts.roles import SETTINGS
from crm_platform.events.backbone import emit
from crm_platform.kernel import clock, gates, preferences, versions
from crm_platform.kernel.errors import Invalid, NotFound
from crm_platform.kernel.permissions import Actor, require
from crm_platform.kernel.reading import moment, whole, wholes

from .models import CustomField, FieldIndex, Kind

# Letters of a text; doors say so to whoever brings a longer one.
LONGEST = 5000
_is_url = URLValidator(schemes=["http", "https"])


def fields_of(entity: str) -> list[CustomField]:
    """The fields in use of an entity, in order; kept for all entities until one changes, shared: never change them."""
    return [field for field in versions.kept("custom_fields", ("custom_field",), lambda: list(CustomField.objects.filter(archived_at=None))) if field.entity == entity]


def clean(entity: str, given: Mapping[Any, Any], *, partial: bool = False) -> dict[str, Any]:
    """Values by field id (text) as they are stored; empty ones left out unless `partial`. Raises Invalid by field."""
    known = {str(field.pk): field for field in fields_of(entity)}
    values: dict[str, Any] = {}
    wrong: dict[str, list[Any]] = {}
    for key, value in given.items():
        field = known.get(str(key))
        if field is None:
            continue
        try:
            stored = _stored(field, value)
        except ValueError as error:
            wrong[f"custom_{key}"] = [str(error)]
            continue
        if partial or stored not in (None, "", []):
            values[str(key)] = stored
    if wrong:
        raise Invalid(fields=wrong)
    return values


def _stored(field: CustomField, value: Any) -> Any:
    if value in (None, "", []):
        return None
    return _STORE[Kind(field.kind)](field, value)


def _text(_field: CustomField, value: Any) -> str:
    return str(value).strip()[:LONGEST]


def _number(_field: CustomField, value: Any) -> str:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(_("This is not a number.")) from None
    if not number.is_finite() or abs(number) >= Decimal(10) ** 17:
        raise ValueError(_("This number is too large."))
    return format(number.normalize(), "f")


def _day(_field: CustomField, value: Any) -> str:
    found = value if isinstance(value, date) else _date(str(value))
    if found is None:
        raise ValueError(_("This is not a date."))
    return found.isoformat()


def _option(field: CustomField, value: Any) -> int:
    number = whole(str(value))
    if number is None or number not in {option["id"] for option in field.options}:
        raise ValueError(_("This choice does not exist any more."))
    return number


def _options(field: CustomField, value: Any) -> list[int]:
    return [_option(field, one) for one in (value if isinstance(value, (list, tuple)) else [value])]


def _checkbox(_field: CustomField, value: Any) -> bool:
    return value in (True, "true", "True", "1", 1, "on", "yes")


def _link(_field: CustomField, value: Any) -> str:
    text = str(value).strip()
    text = text if "://" in text else f"https://{text}"
    try:
        _is_url(text)
    except ValidationError:
        raise ValueError(_("This is not an address of a page.")) from None
    return text[:2000]


def _other(field: CustomField, value: Any) -> list[Any]:
    if not field.holds_moments:
        return value if isinstance(value, list) else [value]
    if found := moment(int(value.timestamp())) if isinstance(value, datetime) else moment_in(value):
        return [{"value": int(found.timestamp())}]
    raise ValueError(_("This is not a date with a time."))


def moment_in(value: Any) -> datetime | None:
    """The moment of a stored value, or of one as a program sends it; None where there is none."""
    one = value[0] if isinstance(value, list) and value else value
    return moment(one.get("value") if isinstance(one, dict) else one, zone=preferences.zone())


_STORE = {
    Kind.TEXT: _text, Kind.NUMBER: _number, Kind.MONEY: _number, Kind.DATE: _day, Kind.LIST: _option, Kind.MULTI: _options,
    Kind.CHECKBOX: _checkbox, Kind.LINK: _link, Kind.OTHER: _other,
}  # fmt: skip


def shown(field: CustomField, value: Any) -> str:
    """A stored value in words."""
    if value in (None, "", []):
        return ""
    labels = {option["id"]: option["label"] for option in field.options}
    match Kind(field.kind):
        case Kind.LIST:
            return str(labels.get(value, value))
        case Kind.MULTI:
            return ", ".join(str(labels.get(one, one)) for one in value)
        case Kind.CHECKBOX:
            return str(_("yes") if value else _("no"))
        case Kind.OTHER if field.holds_moments and (found := moment_in(value)):
            return _moment_in_words(found.astimezone(preferences.zone()))
        case Kind.OTHER:
            return ", ".join(filter(None, (_in_words(one) for one in value)))
    return str(value)


def _moment_in_words(local: datetime) -> str:
    """As a file can bring it back: an hour that comes twice is told with its distance from London."""
    comes_twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    return local.strftime("%Y-%m-%d %H:%M" + (":%S" if local.second else "") + (" %z" if comes_twice else ""))


def _in_words(value: Any) -> str:
    """What a person can read of a value that another program keeps here: its plain value, or its name."""
    told = value.get("value") if isinstance(value, dict) else value
    return str(told.get("name", "")) if isinstance(told, dict) else "" if told is None else str(told)


def index_many(entity: str, records: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
    """Write the narrow rows of new records' filterable values."""
    filterable = {str(field.pk): field for field in fields_of(entity) if field.filterable}
    rows = [row for pk, values in records for row in _index_rows(filterable, pk, values)]
    if rows:
        FieldIndex.objects.bulk_create(rows)


def reindex(entity: str, pk: int, values: Mapping[str, Any]) -> None:
    """Write them anew for one record."""
    own = [field.pk for field in fields_of(entity)]
    FieldIndex.objects.filter(record_id=pk, field_id__in=own).delete()
    index_many(entity, [(pk, values)])


def _index_rows(filterable: Mapping[str, CustomField], pk: int, values: Mapping[str, Any]) -> list[FieldIndex]:
    rows: list[FieldIndex] = []
    for key, value in values.items():
        field = filterable.get(key)
        if field is None or value is None:
            continue
        each = value if isinstance(value, list) else [value]
        rows.extend(FieldIndex(field=field, record_id=pk, **column_of(field, one)) for one in each)
    return rows


def column_of(field: CustomField, value: Any) -> dict[str, Any]:
    """Where a stored value stands in the index."""
    match Kind(field.kind):
        case Kind.NUMBER | Kind.MONEY:
            return {"num": Decimal(value)}
        case Kind.DATE:
            return {"at": parse_date(value)}
        case Kind.LIST | Kind.MULTI:
            return {"option": value}
        case Kind.CHECKBOX:
            return {"option": int(value)}
        case Kind.OTHER:
            found = moment_in(value)
            return {"num": Decimal(int(found.timestamp())) if found else None}
    return {"text": str(value)[:200].lower()}


def matching(field: CustomField, text: str) -> Any:
    """A sub-query of record ids whose value fits a filter's text: a choice's id, a number, a date, the beginning of a text."""
    rows = FieldIndex.objects.filter(field=field)
    match Kind(field.kind):
        case Kind.LIST | Kind.MULTI:
            return rows.filter(option__in=wholes(text)).values("record_id")
        case Kind.CHECKBOX:
            return rows.filter(option=1 if text in ("1", "yes") else 0).values("record_id")
        case Kind.NUMBER | Kind.MONEY:
            return _range(rows, "num", text, read=_decimal).values("record_id")
        case Kind.DATE:
            return _range(rows, "at", text, read=_date).values("record_id")
        case Kind.OTHER:
            return _within_days(rows, text).values("record_id")
    return rows.filter(text__startswith=text.lower()[:200]).values("record_id")


def _decimal(text: str) -> Decimal | None:
    """A number that the index can hold; "NaN", "Infinity" and "1e999999" are none."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() and -30 < number.adjusted() < 18 else None


def _date(text: str) -> date | None:
    try:
        return parse_date(text)
    except ValueError:  # "2026-13-45" looks like a date and is none
        return None


def _range(rows: Any, column: str, text: str, *, read: Callable[[str], Any]) -> Any:
    """"5" exactly, "5..9" between, "5.." from, "..9" to; an end that cannot be read finds nothing."""
    low, dots, high = text.partition("..")
    least, most = (read(low) if low else None), (read(high) if high else None)
    if (low and least is None) or (high and most is None):
        return rows.none()
    if not dots:
        return rows.filter(**{column: least}) if least is not None else rows.none()
    if least is not None:
        rows = rows.filter(**{f"{column}__gte": least})
    return rows.filter(**{f"{column}__lte": most}) if most is not None else rows


def _within_days(rows: Any, text: str) -> Any:
    """Moments by the firm's days: "2026-11-28" within it, "2026-11-28..2026-12-01" from the first to the end of the last."""
    low, dots, high = text.partition("..")
    least, most = (_date(end) if end else None for end in (low, high if dots else low))
    if (low and least is None) or ((high if dots else low) and most is None):
        return rows.none()
    if least is not None and least.year >= _FIRST_YEAR:
        rows = rows.filter(num__gte=_midnight(least))
    return rows.filter(num__lt=_midnight(most + timedelta(days=1))) if most is not None and most < date.max else rows


_FIRST_YEAR = 1899  # before it there are no moments, and at the ends of what a date can be none to reckon with


def _midnight(day: date) -> int:
    return int(datetime.combine(day, time(), preferences.zone()).timestamp())


def add_field(
    actor: Actor, *, entity: str, name: str, kind: str, options: Sequence[str] = (), hint: str = "", required: bool = False, ask: bool = True, bare: bool = False,
    wire: Mapping[str, Any] | None = None,
) -> CustomField:  # fmt: skip
    """Add a field. Raises Invalid, PlanRefusal; Forbidden unless `ask` is off (an import adds what its person chose).

    `bare`: a list may come without choices, for the program that adds it brings them later. `wire`: what the open API says of it.
    """
    if ask:
        require(actor, SETTINGS.right("edit"))
    name = _named(name)
    if kind not in Kind.values:
        raise Invalid(fields={"kind": [_("Choose what the field holds.")]})
    _refuse_twins(entity, name)
    labels = list(dict.fromkeys(label.strip()[:120] for label in options if label.strip()))
    if kind in (Kind.LIST, Kind.MULTI) and not labels and not bare:
        raise Invalid(fields={"options": [_("A list needs at least one choice.")]})
    gates.require(f"fields.{entity}")
    field = CustomField(
        entity=entity, name=name, kind=kind, hint=hint[:300], required=required, order=len(fields_of(entity)), wire=dict(wire or {}),
        options=[{"id": number, "label": label, "hue": number % 8 + 1} for number, label in enumerate(labels, 1)],
    )  # fmt: skip
    field.filterable = not field.for_programs
    field.save(force_insert=True)
    emit(actor, "field.added", entity="field", record_id=field.pk, after={"entity": entity, "name": name, "kind": kind})
    return field


def _named(name: str) -> str:
    name = " ".join(name.split())[:120].strip()
    if not name:
        raise Invalid(fields={"name": [_("Give the field a name.")]})
    return name


def _refuse_twins(entity: str, name: str) -> None:
    """Two fields in use whose names differ by case or blanks alone are one to people."""
    if any(_folded(field.name) == _folded(name) for field in fields_of(entity)):
        raise Invalid(fields={"name": [_("There is a field of this name already.")]})


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()


def add_option(actor: Actor, pk: int, label: str) -> int:
    """Add a choice to a list, unless it is there in other case (one out of use is offered again); returns its id."""
    field = _field(pk)
    for option in field.options:
        if option["label"].casefold() == label.strip().casefold():
            if option.pop("archived", False):
                field.save(update_fields=["options"])
                emit(actor, "field.changed", entity="field", record_id=field.pk, after={"option": label})
            return int(option["id"])
    number = max((option["id"] for option in field.options), default=0) + 1
    field.options = [*field.options, {"id": number, "label": label.strip()[:120], "hue": number % 8 + 1}]
    field.save(update_fields=["options"])
    emit(actor, "field.changed", entity="field", record_id=field.pk, after={"option": label})
    return number


def archive_options(actor: Actor, pk: int, ids: Sequence[int]) -> int:
    """Offer choices no longer; values keep them. Returns how many."""
    field = _field(pk)
    named = [option for option in field.options if option["id"] in ids and not option.get("archived")]
    for option in named:
        option["archived"] = True
        emit(actor, "field.changed", entity="field", record_id=pk, before={"option": option["label"]})
    if named:
        field.save(update_fields=["options"])
    return len(named)


def change_field(actor: Actor, pk: int, *, name: str, hint: str, required: bool, options: Sequence[str] = ()) -> CustomField:
    """Rename a field, add choices; choices are never removed while values may hold them. Raises Invalid for another field's name."""
    require(actor, SETTINGS.right("edit"))
    field = _field(pk)
    before = {"name": field.name, "hint": field.hint, "required": field.required}
    name = _named(name)
    if _folded(name) != _folded(field.name) and field.archived_at is None:
        _refuse_twins(field.entity, name)
    field.name, field.hint, field.required = name, hint[:300], required
    field.save(update_fields=["name", "hint", "required"])
    for label in options:
        if label.strip() and field.kind in (Kind.LIST, Kind.MULTI):
            add_option(actor, pk, label)
    emit(actor, "field.changed", entity="field", record_id=pk, before=before, after={"name": field.name, "hint": field.hint, "required": required})
    return field


def describe_field(actor: Actor, pk: int, *, wire: Mapping[str, Any], options: Sequence[Mapping[str, Any]] | None = None) -> CustomField:
    """What a program says of a field beyond what people see, and (`options`) its choices as they are to stand, those out of use included."""
    require(actor, SETTINGS.right("edit"))
    field = _field(pk)
    before = {"wire": field.wire, "options": field.options}
    held_moments, field.wire = field.holds_moments, dict(wire)
    if field.holds_moments and not held_moments:  # no value is older than that
        field.filterable = True
    if options is not None:
        field.options = [dict(option) for option in options]
    if before != {"wire": field.wire, "options": field.options}:
        field.save(update_fields=["wire", "options", "filterable"])
        emit(actor, "field.changed", entity="field", record_id=pk, before=before, after={"wire": field.wire, "options": field.options})
    return field


def archive_field(actor: Actor, pk: int) -> CustomField:
    """Take a field out of use; its values stay, and come back with `revive_field`."""
    require(actor, SETTINGS.right("edit"))
    field = _field(pk)
    if field.archived_at is None:
        field.archived_at = clock.now()
        field.save(update_fields=["archived_at"])
        gates.free(f"fields.{field.entity}")
        emit(actor, "field.archived", entity="field", record_id=pk)
    return field


def revive_field(actor: Actor, pk: int) -> CustomField:
    """Take it into use again; raises Invalid where another has its name meanwhile."""
    require(actor, SETTINGS.right("edit"))
    field = _field(pk)
    if field.archived_at is not None:
        _refuse_twins(field.entity, field.name)
        gates.require(f"fields.{field.entity}")
        field.archived_at = None
        field.save(update_fields=["archived_at"])
        emit(actor, "field.revived", entity="field", record_id=pk)
    return field


def _field(pk: int) -> CustomField:
    field = CustomField.objects.select_for_update().filter(pk=pk).first()
    if field is None:
        raise NotFound
    return field
