"""Periods that people name: "this month", or from a day to a day."""

from __future__ import annotations

from datetime import date, timedelta

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

NAMED = (
    ("today", gettext_lazy("Today")), ("week", gettext_lazy("This week")), ("month", gettext_lazy("This month")), ("last-month", gettext_lazy("Last month")),
    ("quarter", gettext_lazy("This quarter")), ("year", gettext_lazy("This year")), ("last-year", gettext_lazy("Last year")),
)  # fmt: skip


def bounds(value: str, *, today: date) -> tuple[date | None, date | None] | None:
    """First and last day of a named period or of "2026-01-01..2026-03-31" (either end may be empty); None for anything else. Weeks begin on Monday."""
    month = today.replace(day=1)
    quarter = month.replace(month=3 * ((today.month - 1) // 3) + 1)
    named = {
        "today": today, "week": today - timedelta(days=today.weekday()), "month": month, "quarter": quarter, "year": today.replace(month=1, day=1),
    }  # fmt: skip
    if value in named:
        return named[value], today
    if value == "last-month":
        last = month - timedelta(days=1)
        return last.replace(day=1), last
    if value == "last-year":
        return date(today.year - 1, 1, 1), date(today.year - 1, 12, 31)
    return _range(value)


def _range(value: str) -> tuple[date | None, date | None] | None:
    low, dots, high = value.partition("..")
    try:
        ends = date.fromisoformat(low) if low else None, date.fromisoformat(high) if high else None
    except ValueError:
        return None
    return ends if dots and any(ends) else None


def words(value: str) -> str:
    """A range of days as people write it; what is no range stays as it is."""
    ends = _range(value)
    if ends is None:
        return value
    low, high = (date_format(end, "SHORT_DATE_FORMAT") if end else "" for end in ends)
    if low and high:
        return _("%(first)s to %(last)s") % {"first": low, "last": high}
    return _("from %(day)s") % {"day": low} if low else _("until %(day)s") % {"day": high}
