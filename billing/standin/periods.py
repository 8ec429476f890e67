"""Periods of a subscription, anchored: 31 January, 28 February, 31 March. All of it in UTC."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime

DAY = 86_400
_FIXED = {"day": DAY, "week": 7 * DAY}
_MONTHS = {"month": 1, "year": 12}


def added(anchor: int, *, interval: str, count: int, times: int = 1) -> int:
    """The moment so many intervals after the anchor; a day that a month has not is its last."""
    if interval in _FIXED:
        return anchor + _FIXED[interval] * count * times
    start = datetime.fromtimestamp(anchor, UTC)
    months = start.year * 12 + start.month - 1 + _MONTHS[interval] * count * times
    year, month = divmod(months, 12)
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return int(start.replace(year=year, month=month + 1, day=day).timestamp())


def boundary(anchor: int, after: int, *, interval: str, count: int) -> int:
    """The first boundary of the anchor's periods later than `after`."""
    length = _FIXED.get(interval, 0) * count
    if length:
        return anchor + ((after - anchor) // length + 1) * length
    start, now = datetime.fromtimestamp(anchor, UTC), datetime.fromtimestamp(after, UTC)
    step = _MONTHS[interval] * count
    times = ((now.year - start.year) * 12 + now.month - start.month) // step - 1
    while (found := added(anchor, interval=interval, count=count, times=times)) <= after:
        times += 1
    return found


def before(anchor: int, moment: int, *, interval: str, count: int) -> int:
    """The last boundary at or before the moment."""
    end = boundary(anchor, moment, interval=interval, count=count)
    start, step = datetime.fromtimestamp(anchor, UTC), _MONTHS.get(interval, 0) * count
    if not step:
        return end - _FIXED[interval] * count
    last = datetime.fromtimestamp(end, UTC)
    times = ((last.year - start.year) * 12 + last.month - start.month) // step
    return added(anchor, interval=interval, count=count, times=times - 1)
