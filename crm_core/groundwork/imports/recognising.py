"""What a column holds: dates in which order, figures in which notation; decided for the column from its unambiguous rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any

from crm_core.groundwork.records.fields import read_decimal
from crm_platform.kernel.reading import at_place

from . import currencies

_DATE = re.compile(r"(\d{1,4})[./\-\s](\d{1,2})[./\-\s](\d{1,4})(?:[T ,]+(\d{1,2}):(\d{2})(?::\d{2})?)?(?:\.\d+)?\s*(Z|[+-]\d{2}:?\d{2})?\s*\Z", re.IGNORECASE)
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january янв января январь janvier januari yanvar", "feb february фев февраля февраль février fevrier februari fevral",
            "mar march мар марта март mars maart mart", "apr april апр апреля апрель avril aprel", "may мая май mai mei",
            "jun june июн июня июнь juin juni iyun", "jul july июл июля июль juillet juli iyul", "aug august авг августа август août aout augustus avgust",
            "sep sept september сен сентября сентябрь septembre sentabr", "oct october окт октября октябрь octobre oktober oktabr",
            "nov november ноя ноября ноябрь novembre noyabr", "dec december дек декабря декабрь décembre decembre dekabr",
        ),
        1,
    )
    for name in names.split()
}  # fmt: skip
_FIGURE_ONLY = re.compile(r"(?:[^\w\s]{1,2}|[A-Z]{3})?\s?[-+]?\d[\d.,\s']*(?:[eE][-+]?\d{1,2})?(?:\s?(?:[^\w\s]{1,2}|[A-Z]{3}))?\Z")
# Python and spreadsheets write large figures so; the sign before the power is the decimal one, thousands are never grouped in it.
_POWER = re.compile(r"(-?)(\d+(?:[.,]\d+)?)[eE]([+-]?\d{1,2})")
# What may stand between the digits of a figure: any other sign ("12/5", "10:30") makes it something else.
_PLAIN = re.compile(r"[\d.,\s'’‘`´ʼ()+-]*")
_WORDY = re.compile(r"(?:(\d{1,2})[.\s-]+([^\W\d_]+)\.?[,\s-]+(\d{2,4})|([^\W\d_]+)\.?\s+(\d{1,2}),?\s+(\d{2,4}))", re.UNICODE)
# The time at the end of a cell: 14:30, 2:30:05 PM, T14:30:00.123+03:00.
_TIME = re.compile(r"[T\s,]+(\d{1,2}):(\d{2})(?::(\d{2}))?(?:[.,]\d+)?\s*([ap]\.?m\.?)?\s*(Z|[+-]\d{2}(?::?\d{2})?)?\s*\Z", re.IGNORECASE)


# A date or a figure is shorter; looking for one in a picture written as letters would take hours.
LONGEST = 100


@dataclass(frozen=True, slots=True)
class DateOrder:
    """`order` is ymd, dmy or mdy; `certain` unless every row of the column could be read both ways; `doubt` counts those that cannot be read in it.

    `only`: how many rows can be read in one order only, by that order, and in "both".
    """

    order: str
    certain: bool
    doubt: int = 0
    only: dict[str, int] = field(default_factory=dict, compare=False)


def date_order(values: Iterable[str], *, prefer: str = "dmy") -> DateOrder | None:
    """The order in which a column's dates are written; None where fewer than half of its values are dates."""
    counts = Counter(_order_of(text) for text in values if text)
    seen = sum(counts.values())
    if not seen or counts[""] * 2 > seen:
        return None
    only = {order: counts[order] for order in ("ymd", "dmy", "mdy", "both") if counts[order]}
    if counts["ymd"] >= max(counts["dmy"], counts["mdy"], 1):
        return DateOrder("ymd", certain=True, only=only)
    if not counts["dmy"] and not counts["mdy"]:
        return DateOrder(prefer, certain=False, only=only)
    order = "dmy" if counts["dmy"] >= counts["mdy"] else "mdy"
    return DateOrder(order, certain=not (counts["dmy"] and counts["mdy"]), doubt=min(counts["dmy"], counts["mdy"]), only=only)


def _order_of(text: str) -> str:
    """The one order a text can be read in; "both" for a date of more orders, "" for no date."""
    text = day_of(text)
    found = _DATE.match(text)
    if not found:
        return "both" if len(text) <= LONGEST and _WORDY.search(text) else ""
    first, second = int(found.group(1)), int(found.group(2))
    if len(found.group(1)) == 4:
        return "ymd"
    if first > 12 >= second:
        return "dmy"
    return "mdy" if second > 12 >= first else "both"


def read_date(text: str, order: str) -> date | None:
    """A date in the column's order; None where it is none in it (31/12 in a month-first column)."""
    text = day_of(text)
    found = _DATE.match(text)
    if not found:
        return _read_wordy(text)
    a, b, c = int(found.group(1)), int(found.group(2)), int(found.group(3))
    if len(found.group(1)) == 4:
        year, month, day = a, b, c
    elif order == "mdy":
        month, day, year = a, b, c
    else:
        day, month, year = a, b, c
    return _date(year, month, day)


def day_of(text: str) -> str:
    """What a cell says before its time; a long text is cut off."""
    text = text.strip()
    found = _TIME.search(text[:LONGEST])
    return text[: found.start()] if found else text[: LONGEST + 1]


def read_moment(text: str, order: str, *, zone: tzinfo) -> datetime | None:
    """A date with its time, midnight where none is said, in `zone` unless it names another; None where it is none."""
    text = text.strip()
    found = _TIME.search(text[:LONGEST])
    day = read_date(text, order)
    if day is None or (found is None and ":" in text):
        return None
    hour, minute, second, half, elsewhere = found.groups() if found else ("0", "00", None, None, None)
    if half:
        hour = str(int(hour) % 12 + (12 if half[0] in "pP" else 0)) if 1 <= int(hour) <= 12 else "99"
    try:
        read = datetime.fromisoformat(f"{day.isoformat()}T{int(hour):02}:{minute}:{second or '00'}{(elsewhere or '').upper()}")
    except ValueError:
        return None
    if read.tzinfo:  # no place is farther from London, and "14:30-15:30" is a span
        return read if abs(read.utcoffset() or timedelta()) <= timedelta(hours=14) else None
    return at_place(read, zone)


def _read_wordy(text: str) -> date | None:
    found = _WORDY.search(text) if len(text) <= LONGEST else None
    if not found:
        return None
    day, name, year = (found.group(1), found.group(2), found.group(3)) if found.group(1) else (found.group(5), found.group(4), found.group(6))
    month = _MONTHS.get(name.lower()) or _MONTHS.get(name.lower()[:3])
    return _date(int(year), month, int(day)) if month else None


def _date(year: int, month: int, day: int) -> date | None:
    if year < 100:
        year += 2000 if year < 70 else 1900
    try:
        return date(year, month, day)
    except ValueError:
        return None


def decimal_sign(values: Iterable[str]) -> tuple[str, bool]:
    """"," or "." as the decimal sign of a column, and whether it is certain: from the rows that can be read one way only."""
    comma = point = 0
    for text in values:
        figure = currencies.apart(text[:LONGEST])[0]
        if power := _POWER.fullmatch(figure):
            comma += "," in power.group(2)
            point += "." in power.group(2)
            continue
        plain = re.sub(r"[^\d.,]", "", figure) if _PLAIN.fullmatch(figure) else ""
        last = max(plain.rfind(","), plain.rfind("."))
        if last < 0:
            continue
        both = "," in plain and "." in plain
        digits = len(plain) - last - 1
        repeated = plain.count(plain[last]) > 1
        if both and not repeated:
            comma += plain[last] == ","
            point += plain[last] == "."
        elif repeated:
            comma += plain[last] == "."
            point += plain[last] == ","
        elif digits != 3:
            comma += plain[last] == ","
            point += plain[last] == "."
    if not comma and not point:
        return ".", False
    return ("," if comma > point else "."), not (comma and point)


def read_number(text: str, sign: str, *, percent: bool = False) -> Decimal | None:
    """A figure in the column's notation; one that can only be read the other way is still read.

    What has more to it than a currency ("5k", "1 млн", "12 pcs") is none: without that it would be another figure.
    `percent`: the column holds per cents, a sign of that says nothing new.
    """
    if len(text) > LONGEST:
        return None
    text, words = currencies.apart(text)
    if currencies.strange(words.replace("%", "") if percent else words):
        return None
    if power := _POWER.fullmatch(text):
        return Decimal(format(Decimal(f"{power.group(1)}{power.group(2).replace(',', '.')}E{power.group(3)}"), "f"))
    if not _PLAIN.fullmatch(text):
        return None
    plain = re.sub(r"[^\d.,()+-]", "", text)
    negative = plain.startswith(("(", "-"))
    plain = plain.strip("()+-")
    if not plain or not re.fullmatch(r"[\d.,]+", plain) or not any(letter.isdigit() for letter in plain):
        return None
    if _written_with(plain, sign):
        try:
            value = Decimal(plain.replace("." if sign == "," else ",", "").replace(sign, "."))
        except InvalidOperation:
            return None
        return -value if negative else value
    return read_decimal(text)


def _written_with(plain: str, sign: str) -> bool:
    """Whether a figure fits the notation whose decimal sign is `sign`: at most one of it, the other sign only before groups."""
    other = "." if sign == "," else ","
    if plain.count(sign) > 1 or (sign in plain and plain.rfind(other) > plain.find(sign)):
        return False
    return sign in plain or _grouped(plain, other)


def _grouped(plain: str, sign: str) -> bool:
    """Whether the sign stands only before groups of three."""
    groups = plain.split(sign)
    return all(len(group) == 3 for group in groups[1:])


def looks_like_date(text: str) -> bool:
    """Whether a text is a date in any order."""
    return bool(_DATE.match(day_of(text)))


def looks_like_figure(text: str) -> bool:
    """Whether a text is a figure, with a currency or without."""
    return len(text) <= LONGEST and bool(_FIGURE_ONLY.match(text.strip()))


def share(values: Iterable[str], test: Any) -> float:
    """Which part of the filled values pass a test."""
    filled = [value for value in values if value]
    return sum(1 for value in filled if test(value)) / len(filled) if filled else 0.0
