"""Periods and proration. The anchor's day is kept: from 31 January to 28 February to 31 March; time is UTC."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from .quoting import Line, part
from .terms import Interval


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` until before `end`."""

    start: datetime
    end: datetime

    def left(self, at: datetime) -> timedelta:
        """How much of it is left at a moment: the whole before it begins, nothing after its end."""
        return max(timedelta(0), self.end - max(at, self.start))


def after(anchor: datetime, interval: Interval, count: int) -> datetime:
    """The moment `count` intervals after the anchor, on the anchor's day of the month or the month's last."""
    months = anchor.month - 1 + count * (12 if interval is Interval.YEAR else 1)
    year, month = anchor.year + months // 12, months % 12 + 1
    return anchor.replace(year=year, month=month, day=min(anchor.day, calendar.monthrange(year, month)[1]))


def period_at(anchor: datetime, interval: Interval, at: datetime) -> Period:
    """The period of an anchored subscription in which `at` falls; the first one before the anchor."""
    count = max(0, (at.year - anchor.year) * 12 + at.month - anchor.month - 1)
    if interval is Interval.YEAR:
        count = max(0, at.year - anchor.year - 1)
    while after(anchor, interval, count + 1) <= at:
        count += 1
    return Period(after(anchor, interval, count), after(anchor, interval, count + 1))


def prorated(old: Sequence[Line], new: Sequence[Line], period: Period, at: datetime) -> list[Line]:
    """Credits for what is left of the old lines and charges for the same time of the new, by seconds, each line rounded once.

    Lines that did not change give none, so that taking a seat and giving it back the same second nets to nought.
    """
    left, whole = _seconds(period.left(at)), _seconds(period.end - period.start)
    kept = {(line.ref, line.quantity, line.unit) for line in old} & {(line.ref, line.quantity, line.unit) for line in new}
    changed = [(sign, line) for sign, side in ((-1, old), (1, new)) for line in side if (line.ref, line.quantity, line.unit) not in kept]
    return [replace(line, amount=sign * part(line.amount, left, whole), discount=sign * part(line.discount, left, whole), tax=sign * part(line.tax, left, whole)) for sign, line in changed]


def _seconds(duration: timedelta) -> int:
    return int(duration.total_seconds())
