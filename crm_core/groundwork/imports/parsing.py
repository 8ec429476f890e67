"""Cells into values, by the target's type and the column's notation."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from crm_core.groundwork.custom_fields import services as custom
from crm_core.groundwork.tags import services as tags
from crm_platform.kernel import money, preferences

from . import currencies, recognising
from .broken import Broken
from .kinds import DATES, Batch, Parsed, Target, may_add


class BadCell(ValueError):
    """A cell that cannot be read; the sentence names column and value."""


# How several values stand in one cell: our export and most CRMs, Google's address book.
_BETWEEN = re.compile(r"[;,\n]|:::")
LEAST_DIGITS = 5
# A figure from here on ("1E40") cannot even be reckoned into minor units; what is merely too large for its place is refused there.
BEYOND = 10**24


def several(text: str, kind: str) -> list[str]:
    """The phones or e-mails of one cell; what is too short to be a phone ("ext. 12") stays with the one before it."""
    parts = [part.strip() for part in _BETWEEN.split(text) if part.strip()] if ";" in text or "," in text or "\n" in text or ":::" in text else [text]
    if kind == "email":
        return [word for part in parts for word in (part.split() if part.count("@") > 1 else [part])]
    kept: list[str] = []
    for part in parts:
        if kept and sum(letter.isdigit() for letter in part) < LEAST_DIGITS:
            kept[-1] = f"{kept[-1]}, {part}"
        else:
            kept.append(part)
    return kept


class Parser:
    """Reads rows by a mapping: column position → target, with each column's notation."""

    def __init__(self, *, columns: Sequence[Mapping[str, Any]], mapping: Mapping[str, str], targets: Sequence[Target], notations: Mapping[str, Mapping[str, str]], currency: str) -> None:
        known = {target.name: target for target in targets}
        self.currency = currency
        self.sums = [target.name for target in targets if target.type in ("money", "sums")]
        self.plan: list[tuple[int, str, Target, Mapping[str, str]]] = []
        for at, column in enumerate(columns):
            target = known.get(mapping.get(column["name"], ""))
            if target is not None:
                given = notations.get(column["name"], {})
                date = given.get("date") or (column["date"] or {}).get("order") or "dmy"
                percent = "%" if "%" in str(target.label) else ""
                self.plan.append((at, column["name"], target, {"date": date, "decimal": given.get("decimal") or column["decimal"]["sign"], "percent": percent}))

    def parse(self, number: int, cells: list[str]) -> Parsed:
        """One row; raises BadCell."""
        if isinstance(cells, Broken):
            raise BadCell(cells.reason)
        values: dict[str, Any] = {}
        for at, column, target, notation in self.plan:
            text = cells[at] if at < len(cells) else ""
            if "\ufffd" in text:
                raise BadCell(_("%(column)s: some letters cannot be read in the encoding of the file: “%(value)s”.") % {"column": column, "value": text[:60]})
            if text:
                self._put(values, target, self._read(column, text, target, notation))
        if self.sums:
            self._settle(values)
        return Parsed(number, cells, values)

    def _settle(self, values: dict[str, Any]) -> None:
        """Sums into minor units of the row's currency: its column's, the one beside the figure, else the one chosen."""
        given = {name: values[name] if isinstance(values[name], list) else [values[name]] for name in self.sums if name in values}
        codes = {figure[1] for figures in given.values() for figure in figures if figure is not None} - {""}
        if values.get("currency"):
            codes.add(values["currency"])
        if len(codes) > 1:
            raise BadCell(_("The row names more than one currency: %(codes)s.") % {"codes": ", ".join(sorted(codes))})
        if codes:
            values["currency"] = next(iter(codes))
        currency = values.get("currency") or self.currency
        for name, figures in given.items():
            minor = [None if figure is None else money.minor(figure[0], currency=currency) for figure in figures]
            values[name] = minor if isinstance(values[name], list) else minor[0]

    def _put(self, values: dict[str, Any], target: Target, value: Any) -> None:
        if target.type in ("phone", "email"):
            values.setdefault(target.name, []).extend(several(value, target.type))
        elif target.name.startswith("custom:"):
            values.setdefault("custom", {})[target.name.removeprefix("custom:")] = value
        elif target.type == "note":
            values[target.name] = "\n\n".join(filter(None, (values.get(target.name, ""), value)))
        elif target.type == "tags":
            values[target.name] = [*values.get(target.name, []), *(word.strip() for word in value.replace(";", ",").split(",") if word.strip())]
        else:
            values.setdefault(target.name, value)

    def _read(self, column: str, text: str, target: Target, notation: Mapping[str, str]) -> Any:
        kind = target.plain_type
        if kind in DATES:
            found = recognising.read_date(text, notation["date"]) if kind == "date" else recognising.read_moment(text, notation["date"], zone=preferences.zone())
            if found is None:
                raise BadCell(_("%(column)s: “%(value)s” is not a date in the order of this column.") % {"column": column, "value": text[:60]})
            return found
        if kind in ("money", "number", "whole"):
            return self._figure(column, text, kind, notation)
        if kind in ("figures", "sums"):
            one = "number" if kind == "figures" else "money"
            return [self._figure(column, part, one, notation) if part.strip() else None for part in re.split(r"[;\n]", text)]
        if kind == "currency":
            return self._currency(column, text, named=currencies.of_cell)
        return text

    def _figure(self, column: str, text: str, kind: str, notation: Mapping[str, str]) -> Any:
        # The currency first: "5 Canadian dollars" is better told of its currency than of being no figure.
        currency = self._currency(column, currencies.apart(text)[1], named=currencies.named) if kind == "money" else ""
        number = recognising.read_number(text, notation["decimal"], percent=bool(notation["percent"]))
        if number is None or abs(number) >= (2_000_000_001 if kind == "whole" else BEYOND):
            raise BadCell(_("%(column)s: “%(value)s” is not a number.") % {"column": column, "value": text[:60]})
        if kind == "money":
            return number, currency
        return int(number) if kind == "whole" else number

    def _currency(self, column: str, words: str, *, named: Callable[..., str]) -> str:
        try:
            return named(words, chosen=self.currency)
        except currencies.UnknownCurrency as unknown:
            raise BadCell(_("%(column)s: the currency “%(value)s” is not one that can be kept here.") % {"column": column, "value": str(unknown)[:60]}) from None


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


def tag_ids(batch: Batch, entity: str, names: Sequence[str]) -> list[int]:
    """The ids of a row's tags; new ones are made, as on a card, and noted."""
    before = set(tags.tags_of(entity))
    found = tags.ids_of(entity, names, by=batch.actor)
    for name in tags.names_of(entity, [pk for pk in found if pk not in before]):
        batch.note_added(_("Tags"), name)
    return found


def _choice(actor: Any, field: Any, word: str, *, add: bool, note: Any) -> int:
    for option in field.options:
        if option["label"].casefold() == word.strip().casefold() and not option.get("archived"):
            return int(option["id"])
    if not may_add(actor):
        raise BadCell(_("%(field)s has no choice “%(value)s”; an administrator can add it.") % {"field": field.name, "value": word[:60]})
    if not add:
        raise BadCell(_("%(field)s: “%(value)s” is not one of the choices.") % {"field": field.name, "value": word[:60]})
    note(field.name, word)
    return custom.add_option(actor, field.pk, word)
