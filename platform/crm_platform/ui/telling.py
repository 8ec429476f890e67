"""Sums and moments as the reader is told of them: in the reader's language and the firm's time zone."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext

from crm_platform.kernel import clock, money
from crm_platform.ui.markup import fill

# Days begin at a quarter of an hour everywhere: so long a moment stays "today".
_QUARTER = 900


@dataclass(frozen=True, slots=True)
class Reader:
    """Who is told, and when: found once for the rows of a list, since looking up language and zone for each cell costs more than the cell."""

    language: str
    zone: tzinfo
    quarter: float

    def sum_of(self, minor: int | None, currency: str) -> SafeString:
        """A sum of money as people read it, and as programs do."""
        return SafeString("") if minor is None else _sum_of(minor, currency, self.language)

    def when(self, moment: datetime | date | None, *, clock_time: bool = True) -> SafeString:
        """A moment as a colleague would say it: "today 14:30", "yesterday", "22 Nov"; the whole date in its title."""
        return SafeString("") if moment is None else _when(moment, self.quarter, self.zone, self.language, clock_time)


def reader() -> Reader:
    """Whoever is told now."""
    return Reader(get_language() or "en", timezone.get_current_timezone(), clock.now().timestamp() // _QUARTER)


def sum_of(minor: int | None, currency: str) -> SafeString:
    """`Reader.sum_of`, for one sum."""
    return reader().sum_of(minor, currency)


def when(moment: datetime | date | None, *, clock_time: bool = True) -> SafeString:
    """`Reader.when`, for one moment."""
    return reader().when(moment, clock_time=clock_time)


@functools.lru_cache(maxsize=8192)
def _sum_of(minor: int, currency: str, language: str) -> SafeString:
    return fill('<data value="{}">{}</data>', money.major(minor, currency=currency), money.show(minor, currency=currency))


@functools.lru_cache(maxsize=16384)
def _when(moment: datetime | date, quarter: float, zone: tzinfo, language: str, clock_time: bool) -> SafeString:
    today = datetime.fromtimestamp(quarter * _QUARTER, zone).date()
    local = moment.astimezone(zone).replace(second=0, microsecond=0) if isinstance(moment, datetime) else None
    day = local.date() if local else moment
    time_of = f" {date_format(local, 'H:i')}" if local and clock_time else ""
    full = date_format(local or day, "j E Y H:i" if local else "j E Y")
    return fill('<time datetime="{}" title="{}">{}</time>', (local or day).isoformat(), full, _spoken(day, today, time_of))


def _spoken(day: Any, today: date, time_of: str) -> str:
    near = {0: gettext("today"), -1: gettext("yesterday"), 1: gettext("tomorrow")}
    distance = (day - today).days
    if distance in near:
        return f"{near[distance]}{time_of}"
    return date_format(day, "j M" if day.year == today.year else "j M Y")
