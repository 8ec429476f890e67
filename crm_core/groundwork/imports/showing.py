"""What the wizard shows before anything is written: the first rows as they will stand here, and what a date becomes in each order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm_platform.kernel import money
from crm_platform.ui.markup import figure

from . import kinds, mapping, recognising
from .models import ImportRun
from .parsing import BadCell, Parser
from .running import parser_of

DATE_ORDERS = (("dmy", gettext_lazy("day, month, year")), ("mdy", gettext_lazy("month, day, year")), ("ymd", gettext_lazy("year, month, day")))


@dataclass(frozen=True, slots=True)
class Row:
    """One of the first rows: its cells as they will stand here, whether each is a figure, and what is wrong with it, if anything."""

    cells: list[tuple[str, bool]]
    wrong: str


def heads(run: ImportRun) -> list[tuple[str, bool]]:
    """The places the matched columns go to, and whether each holds figures, in the order of the file."""
    targets = {target.name: target for target in mapping.targets_of(kinds.find(run.kind))}
    found = [(column["name"], targets.get(run.mapping.get(column["name"], ""))) for column in run.reading["columns"]]
    return [(str(target.label), target.plain_type in kinds.FIGURES) for _name, target in found if target is not None]


def rows(run: ImportRun) -> Iterator[Row]:
    """The first rows as they would be read."""
    parser = parser_of(run)
    for number, cells in enumerate(run.reading["examples"], 1 if run.reading.get("headless") else 2):
        try:
            values, wrong = parser.parse(number, cells).values, ""
        except BadCell as error:
            values, wrong = {}, str(error)
        yield Row(list(_cells(parser, cells, values)), wrong)


def _cells(parser: Parser, cells: list[str], values: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    for at, _column, target, notation in parser.plan:
        text, kind = (cells[at] if at < len(cells) else ""), target.plain_type
        yield _shown(text, kind, notation, sum_of=values.get(target.name), currency=values.get("currency") or parser.currency), kind in kinds.FIGURES


def _shown(text: str, kind: str, notation: Mapping[str, str], *, sum_of: Any, currency: str) -> str:
    """A cell as it will stand here; as it stands in the file where it cannot be read."""
    if kind == "money" and isinstance(sum_of, int):
        return money.show(sum_of, currency=currency)
    if kind == "date" and (day := recognising.read_date(text, notation["date"])):
        return _day(day)
    if kind in kinds.FIGURES and (number := recognising.read_number(text, notation["decimal"], percent=bool(notation["percent"]))) is not None:
        return figure(number) if kind == "number" else str(int(number))
    return text


def orders(examples: list[str]) -> list[tuple[str, str]]:
    """The orders of day, month and year to choose from, each with what the first of the column's dates becomes in it."""
    choices = []
    for code, label in DATE_ORDERS:
        text = next((text for text in examples if recognising.read_date(text, code)), "")
        day = recognising.read_date(text, code) if text else None
        choices.append((code, _("%(order)s: %(text)s is %(day)s") % {"order": label, "text": text, "day": _day(day)} if day else str(label)))
    return choices


def _day(day: date) -> str:
    return date_format(day, "j M Y")
