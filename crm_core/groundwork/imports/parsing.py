"""Cells into values, by the target's type and the column's notation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from crm_core.groundwork.custom_fields import services as custom
from crm_platform.kernel import money

from . import recognising
from .kinds import Parsed, Target


class BadCell(ValueError):
    """A cell that cannot be read; the sentence names column and value."""


class Parser:
    """Reads rows by a mapping: column position → target, with each column's notation."""

    def __init__(self, *, columns: Sequence[Mapping[str, Any]], mapping: Mapping[str, str], targets: Sequence[Target], notations: Mapping[str, Mapping[str, str]], currency: str) -> None:
        known = {target.name: target for target in targets}
        self.currency = currency
        self.plan: list[tuple[int, str, Target, Mapping[str, str]]] = []
        for at, column in enumerate(columns):
            target = known.get(mapping.get(column["name"], ""))
            if target is not None:
                given = notations.get(column["name"], {})
                date = given.get("date") or (column["date"] or {}).get("order") or "dmy"
                self.plan.append((at, column["name"], target, {"date": date, "decimal": given.get("decimal") or column["decimal"]["sign"]}))

    def parse(self, number: int, cells: list[str]) -> Parsed:
        """One row; raises BadCell."""
        values: dict[str, Any] = {}
        for at, column, target, notation in self.plan:
            text = cells[at] if at < len(cells) else ""
            if text:
                self._put(values, target, self._read(column, text, target, notation))
        return Parsed(number, cells, values)

    def _put(self, values: dict[str, Any], target: Target, value: Any) -> None:
        if target.type in ("phone", "email"):
            values.setdefault(target.name, []).append(value)
        elif target.name.startswith("custom:"):
            values.setdefault("custom", {})[target.name.removeprefix("custom:")] = value
        elif target.type == "tags":
            values[target.name] = [*values.get(target.name, []), *value]
        else:
            values.setdefault(target.name, value)

    def _read(self, column: str, text: str, target: Target, notation: Mapping[str, str]) -> Any:
        kind = target.type.removeprefix("custom-")
        if kind == "date":
            found = recognising.read_date(text, notation["date"])
            if found is None:
                raise BadCell(_("%(column)s: “%(value)s” is not a date in the order of this column.") % {"column": column, "value": text[:60]})
            return found
        if kind in ("money", "number"):
            number = recognising.read_number(text, notation["decimal"])
            if number is None:
                raise BadCell(_("%(column)s: “%(value)s” is not a number.") % {"column": column, "value": text[:60]})
            return money.minor(number, currency=self.currency) if kind == "money" else number
        if kind == "whole":
            whole = recognising.read_number(text, notation["decimal"])
            if whole is None or abs(whole) > 2_000_000_000:
                raise BadCell(_("%(column)s: “%(value)s” is not a number.") % {"column": column, "value": text[:60]})
            return int(whole)
        if kind == "tags":
            return [word.strip() for word in text.replace(";", ",").split(",") if word.strip()]
        return text


def custom_choices(actor: Any, entity: str, values: Mapping[str, Any], *, add: bool, note: Any) -> dict[str, Any]:
    """Words of list fields into their choices; missing ones are added where the person chose so. Raises BadCell."""
    known = {str(field.pk): field for field in custom.fields_of(entity)}
    read: dict[str, Any] = {}
    for key, value in values.items():
        field = known.get(key)
        if field is None:
            continue
        if field.kind == "list":
            read[key] = _choice(actor, field, str(value), add=add, note=note)
        elif field.kind == "multi":
            words = [word.strip() for word in str(value).replace(";", ",").split(",") if word.strip()]
            read[key] = [_choice(actor, field, word, add=add, note=note) for word in words]
        elif field.kind == "checkbox":
            read[key] = str(value).strip().casefold() in {"1", "yes", "true", "да", "oui", "ja", "ha", "x", "+"}
        else:
            read[key] = value
    return read


def _choice(actor: Any, field: Any, word: str, *, add: bool, note: Any) -> int:
    for option in field.options:
        if option["label"].casefold() == word.strip().casefold() and not option.get("archived"):
            return int(option["id"])
    if not add:
        raise BadCell(_("%(field)s: “%(value)s” is not one of the choices.") % {"field": field.name, "value": word[:60]})
    note(field.name, word)
    return custom.add_option(actor, field.pk, word)
