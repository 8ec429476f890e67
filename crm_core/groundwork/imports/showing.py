"""What the wizard shows before anything is written: the first rows as they will stand here, and what a date becomes in each order."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm_platform.kernel import money, preferences
from crm_platform.ui.markup import figure

from . import kinds, mapping, recognising, seeing
from .models import ImportRun
from .parsing import BadCell, Parser
from .running import parser_of
from .seeing import Saw

DATE_ORDERS = (("dmy", gettext_lazy("day, month, year")), ("mdy", gettext_lazy("month, day, year")), ("ymd", gettext_lazy("year, month, day")))
# Where day and month can be mixed up, one of these it is.
MIXED_UP = (("mdy", gettext_lazy("Month / day / year"), "dmy"), ("dmy", gettext_lazy("Day / month / year"), "mdy"))


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell as it will stand here, the name of its column, whether it is a figure or a date, and what it was or might be instead."""

    text: str
    label: str
    figure: bool
    date: bool
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One of the first rows: its cells, and what is wrong with it, if anything."""

    cells: list[Cell]
    wrong: str


@dataclass(frozen=True, slots=True)
class Order:
    """An order of day and month to choose: what it makes of a date, or how many rows it cannot read."""

    code: str
    label: str
    told: str


def heads(run: ImportRun) -> list[tuple[str, bool]]:
    """The places the matched columns go to, and whether each holds figures, in the order of the file."""
    targets = {target.name: target for target in mapping.targets_of(kinds.find(run.kind))}
    found = [(column["name"], targets.get(run.mapping.get(column["name"], ""))) for column in run.reading["columns"]]
    return [(str(target.label), target.plain_type in kinds.FIGURES) for _name, target in found if target is not None]


def rows(run: ImportRun, saw: Sequence[Saw]) -> Iterator[Row]:
    """The first rows as they would be read: spellings that look like one as the run takes them, dates that might be others marked."""
    parser, folded = parser_of(run), seeing.folded(saw)
    unsure = {one.column["name"] for one in saw if one.unsure}
    for number, cells in enumerate(run.reading["examples"], 1 if run.reading.get("headless") else 2):
        try:
            values, wrong = parser.parse(number, cells).values, ""
        except BadCell as error:
            values, wrong = {}, str(error)
        yield Row(list(_cells(parser, kinds.find(run.kind), cells, values, folded, unsure)), wrong)


def _cells(parser: Parser, kind: kinds.ImportKind, cells: list[str], values: Mapping[str, Any], folded: Mapping[str, Mapping[str, str]], unsure: Collection[str]) -> Iterator[Cell]:
    for at, column, target, notation in parser.plan:
        text, plain, doubt = (cells[at] if at < len(cells) else ""), target.plain_type, ""
        shown = _shown(text, plain, notation, sum_of=values.get(target.name), currency=values.get("currency") or parser.currency)
        mains = folded.get(target.name)
        if mains:
            given = kind.names[target.name].split(text)
            if any(name in mains for name in given):
                shown = ", ".join(dict.fromkeys(mains.get(name, name) for name in given))
                doubt = _("was %(name)s") % {"name": ", ".join(name for name in given if name in mains)}
        elif column in unsure:
            doubt = _or_else(text, notation["date"])
        yield Cell(shown, str(target.label), plain in kinds.FIGURES, plain in kinds.DATES, doubt)


def _or_else(text: str, order: str) -> str:
    """What a date might be as well."""
    other = recognising.read_date(text, "dmy" if order == "mdy" else "mdy")
    return _("or %(day)s") % {"day": date_format(other, "j M")} if other and other != recognising.read_date(text, order) else ""


def _shown(text: str, kind: str, notation: Mapping[str, str], *, sum_of: Any, currency: str) -> str:
    """A cell as it will stand here; as it stands in the file where it cannot be read."""
    if kind == "money" and isinstance(sum_of, int):
        return money.show(sum_of, currency=currency)
    if kind == "date" and (day := recognising.read_date(text, notation["date"])):
        return _day(day)
    if kind == "moment" and (moment := recognising.read_moment(text, notation["date"], zone=preferences.zone())):
        return date_format(moment.astimezone(preferences.zone()), "j M Y H:i")
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


def mixed_up(column: Mapping[str, Any]) -> list[Order]:
    """Both orders of day and month for a column that does not say which it is in."""
    only = column["date"].get("only", {})
    text = next((text for text in column["examples"] if recognising.read_date(text, "dmy") and recognising.read_date(text, "mdy")), "")
    found = []
    for code, label, other in MIXED_UP:
        unread, told, day = only.get(other, 0), "", recognising.read_date(text, code) if text else None
        if unread:
            told = ngettext("%(n)s row could not be read", "%(n)s rows could not be read", unread) % {"n": figure(unread)}
        elif day:
            told = _("%(text)s becomes %(day)s") % {"text": text, "day": date_format(day, "j E Y")}
        found.append(Order(code, str(label), told))
    return found


def dates_told(column: Mapping[str, Any]) -> str:
    """How many rows can be read in one order only, and how many in both."""
    only = (column["date"] or {}).get("only")
    if not only:
        return ""
    both = only.get("both", 0)
    told = [ngettext("%(n)s row can only be %(order)s.", "%(n)s rows can only be %(order)s.", only[code]) % {"n": figure(only[code]), "order": label} for code, label in DATE_ORDERS if only.get(code)]
    if both:
        told.append(ngettext("%(n)s row could be either.", "%(n)s rows could be either.", both) % {"n": figure(both)})
    return " ".join(told)


def _day(day: date) -> str:
    return date_format(day, "j M Y")
