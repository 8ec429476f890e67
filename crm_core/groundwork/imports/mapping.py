"""From columns to targets: by name in five languages, then by content; with a profile of what the column holds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm_core.groundwork.custom_fields import services as custom
from crm_core.groundwork.custom_fields.models import Kind as FieldKind
from crm_core.groundwork.exports.columns import own_number
from crm_core.groundwork.records.ordering import fold
from crm_platform.kernel import preferences

from . import counting, kinds, reading, recognising
from .broken import Broken
from .kinds import ImportKind, Target
from .reading import CannotRead, Reading

PROFILED = 20_000
SEVERAL = ("phone", "email", "note")
SHOWN = 5
# Of one cell in the examples: they are kept with the run.
LONGEST_SHOWN = 2000
_NAME = re.compile(r"[\W_]+", re.UNICODE)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+\Z")
_PHONE = re.compile(r"[\d\s()+./-]{7,25}\Z")
_CUSTOM_TYPES = {
    FieldKind.TEXT: "text", FieldKind.NUMBER: "number", FieldKind.MONEY: "number", FieldKind.DATE: "date", FieldKind.LIST: "choice",
    FieldKind.MULTI: "choices", FieldKind.CHECKBOX: "yes", FieldKind.LINK: "text", FieldKind.OTHER: "moment",
}  # fmt: skip


def plain_name(text: str) -> str:
    """A head compared without case, accents, blanks and signs."""
    return _NAME.sub("", fold(text))


def targets_of(kind: ImportKind) -> list[Target]:
    """The kind's own targets and one for each custom field."""
    own = [Target(f"custom:{field.pk}", field.name, f"custom-{_CUSTOM_TYPES[FieldKind(field.kind)]}", field.name) for field in custom.fields_of(kind.kind.code) if not field.for_programs]
    return [*kind.targets, Target("record_id", gettext_lazy("Number in Kartoteka"), "whole", own_number()), *own]


def _names(targets: Sequence[Target]) -> dict[str, list[Target]]:
    """Head → targets, the likeliest first: by their labels here and now, by what others call them, by their labels in the other languages."""
    names: dict[str, list[Target]] = {}

    def add(word: str, target: Target) -> None:
        known = names.setdefault(plain_name(word), [])
        if target not in known:
            known.append(target)

    for target in targets:
        add(str(target.label), target)
    for target in targets:
        for word in target.names():
            add(word, target)
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            for target in targets:
                add(str(target.label), target)
    return names


def _called(head: str, kind: ImportKind, names: dict[str, list[Target]]) -> list[Target]:
    """The targets a head may mean: as it is, without the number of a twin, without the entity that some systems put before it ("Deal - Title")."""
    for word in (head, re.sub(r"\s*\(?\d+\)?\Z", "", head), re.sub(kind.prefix, "", head, flags=re.IGNORECASE) if kind.prefix else ""):
        found = names.get(plain_name(word)) if word else None
        if found:
            return found
    return []


def profile(path: Path, read: Reading) -> dict[str, Any]:
    """Head, number of rows, and for each column a few values and what they are. Raises CannotRead for a file without a head."""
    lines = reading.rows(path, read)
    head = next(lines, None)
    if head is None or not any(head):
        raise CannotRead(fields={"file": [_("The file has no head line that names its columns.")]})
    if len(head) > reading.MOST_COLUMNS:
        raise CannotRead(fields={"file": [_("The file has more than 300 columns.")]})
    filled = (line for line in lines if any(line) or isinstance(line, Broken))
    sample = list(islice(filled, PROFILED))
    headless = read.format != "vcard" and _is_data(head, sample)
    if headless:
        sample.insert(0, head)
    names = _distinct([""] * len(head) if headless else head)
    columns = [_column(name, [line[at][:LONGEST_SHOWN] if at < len(line) else "" for line in sample]) for at, name in enumerate(names)]
    examples = [[cell[:LONGEST_SHOWN] for cell in line[: len(head)]] for line in sample[:SHOWN]]
    counts, total = counting.Columns(len(names)), 0
    sample.reverse()
    # The sample goes as it is counted: what is counted of the rest takes its place in memory.
    for line in chain(iter(lambda: sample.pop() if sample else None, None), filled):
        counts.add(line)
        total += 1
    doubts = [*read.doubts, _("The first line looks like data, not like names of columns; it is read as a row.")] if headless else list(read.doubts)
    seen = counts.as_json(plain=[column["date"] is not None or column["figures"] for column in columns])
    columns = [{**column, **counted} for column, counted in zip(columns, seen, strict=True)]
    return {"rows": total, "counted": counts.rows, "columns": columns, "examples": examples, "headless": headless, "doubts": doubts}


def _is_data(head: Sequence[str], sample: Sequence[Sequence[str]]) -> bool:
    """Whether the first line is no head: it names nothing we know, and holds an address, phone, date or figure as the lines below do."""
    known = [(kind, _names(targets_of(kind))) for kind in kinds.all_kinds()]
    if any(_called(cell, kind, names) for cell in head if cell for kind, names in known):
        return False
    for at, cell in enumerate(head):
        looks = next((test for test in (_EMAIL.match, _looks_like_phone, recognising.looks_like_date, recognising.looks_like_figure) if test(cell)), None) if cell else None
        if looks is not None and (not sample or recognising.share([line[at] for line in sample[:100] if at < len(line)], looks) > 0.5):
            return True
    return False


def _distinct(head: Sequence[str]) -> list[str]:
    """Heads that occur twice get a number, so that each can be told apart; nameless ones a letter count."""
    seen: dict[str, int] = {}
    names = []
    for at, name in enumerate(head, 1):
        shown = name[:200] or _("Column %(n)d") % {"n": at}
        seen[shown] = seen.get(shown, 0) + 1
        names.append(shown if seen[shown] == 1 else f"{shown} ({seen[shown]})")
    return names


def _column(name: str, values: list[str]) -> dict[str, Any]:
    filled = [value for value in values if value]
    prefer = "mdy" if preferences.here().currency == "USD" else "dmy"
    order = recognising.date_order(values, prefer=prefer)
    # Each figure of a cell that holds several ("10.50; 7.25") by itself: together they would look like thousands.
    sign, certain = recognising.decimal_sign(figure for value in filled[:5000] for figure in value.split(";"))
    return {
        "name": name, "filled": len(filled), "examples": list(dict.fromkeys(value[:80] for value in filled[:50]))[:3],
        "date": {"order": order.order, "certain": order.certain, "doubt": order.doubt, "only": order.only} if order else None,
        "decimal": {"sign": sign, "certain": certain}, "email": recognising.share(filled[:500], _EMAIL.match) > 0.8,
        "phone": recognising.share(filled[:500], _looks_like_phone) > 0.8 and order is None, "figures": recognising.share(filled[:500], recognising.looks_like_figure) > 0.8,
    }  # fmt: skip


def _looks_like_phone(value: str) -> bool:
    return bool(_PHONE.match(value)) and 7 <= sum(letter.isdigit() for letter in value) <= 15


def suggest(kind: ImportKind, columns: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Column name → target name; a target is given once, save those of which a record has several. What can mean one thing only is placed first."""
    targets = targets_of(kind)
    names = _names(targets)
    called = {column["name"]: _called(column["name"], kind, names) for column in columns}
    chosen: dict[str, str] = {}
    for name, candidates in sorted(called.items(), key=lambda pair: len(pair[1]) > 1):
        target = next((one for one in candidates if one.type in SEVERAL or one.name not in chosen.values()), None)
        if target is not None:
            chosen[name] = target.name
    for column in columns:
        if column["name"] not in chosen:
            by_content = next((target.name for target in targets if _fits(target, column) and (target.type in SEVERAL or target.name not in chosen.values())), "")
            if by_content:
                chosen[column["name"]] = by_content
    return chosen


def _fits(target: Target, column: dict[str, Any]) -> bool:
    return (target.type == "email" and column["email"]) or (target.type == "phone" and column["phone"])


def guess_kind(columns: Sequence[dict[str, Any]]) -> ImportKind:
    """The kind whose targets fit the most columns by name."""
    return max(kinds.all_kinds(), key=lambda kind: (_fit(kind, columns), kind.code == "contacts"))


def _fit(kind: ImportKind, columns: Sequence[dict[str, Any]]) -> float:
    known = _names(kind.targets)
    hits = sum(1 for column in columns if _called(column["name"], kind, known))
    needed = {name for name in suggest(kind, columns).values() if name in kind.needs}
    return hits + (0.5 if needed else -5)


def lines_from(path: Path, read: Reading, *, after: int) -> Iterator[tuple[int, list[str]]]:
    """(row number, cells) of the filled rows beyond row `after`; the head, where there is one, is row 1."""
    first = 0 if read.headless else 1
    for number, line in enumerate(reading.rows(path, read), 1):
        if number > first and number > after and (any(line) or isinstance(line, Broken)):
            yield number, line
