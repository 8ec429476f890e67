"""Seats by the day that are on no bill yet, for whoever shows the bills to come: those of months that are over wait for the next one already, those of this month will when it is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db.models import Count
from django.utils import timezone

from billing import pricing
from billing.models import DayStretch, MoneyEntry
from billing.pricing import Line, Quote
from billing.providers.manual_invoice.books import AHEAD
from billing.subscribing.accounts import Held
from crm_platform.kernel import clock

from . import admitting
from .days import CHARGED, CLOSED
from .models import SeatDay
from .terms import terms

# A bill by transfer is written so long before its period: what comes afterwards is on the one after it.
_AHEAD = {"manual_invoice": AHEAD}


@dataclass(frozen=True, slots=True)
class Used:
    """Active days since the first of last month, by day, as counted in the workspace; `month` is the first of this one and `next` that of the next, by the firm's clock."""

    month: date
    next: datetime
    days: Mapping[date, int] = field(default_factory=dict)

    @property
    def this_month(self) -> int:
        """How many there were in this month."""
        return sum(count for day, count in self.days.items() if day >= self.month)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A line of days, and from when on it waits for a bill."""

    at: datetime
    line: Line


def used() -> Used:
    """Inside the workspace's unit."""
    month = admitting.month()
    start, ends = (month - timedelta(days=1)).replace(day=1), (month + timedelta(days=31)).replace(day=1)
    rows = SeatDay.objects.filter(day__gte=start).values_list("day").annotate(n=Count("pk")) if terms().occasional else []
    return Used(month, datetime(ends.year, ends.month, 1, tzinfo=timezone.get_current_timezone()), dict(rows))


def waiting(had: Held, seen: Used) -> tuple[Waiting, ...]:
    """The lines, the oldest first. Inside a control unit."""
    row = had.subscription
    if not had.live or row.occasional_ceiling is None:
        return ()
    entries = list(MoneyEntry.objects.filter(account=had.account, name__in=(CHARGED, CLOSED)).order_by("pk"))
    until = max((date.fromisoformat(one.after["until"]) for one in entries if one.after.get("until")), default=date.min)
    since = _since(had)
    found = [Waiting(one.at, _line(had, one.after["days"], one.after["amount"])) for one in entries if one.name == CHARGED and (since is None or one.at >= since)]
    each = pricing.read(row.plan.terms).day.get(row.currency, 0)
    before = sum(count for day, count in seen.days.items() if until <= day < seen.month)
    now = sum(count for day, count in seen.days.items() if day >= max(until, seen.month))
    found += [Waiting(at, _line(had, count, count * each)) for at, count in ((clock.now(), before), (seen.next, now)) if count and each]
    return tuple(found)


def _since(had: Held) -> datetime | None:
    """What was charged before is on a bill: that of the present period, or one of its own."""
    row = had.subscription
    apart = DayStretch.objects.filter(account=had.account, last=True).exclude(settled_at=None).order_by("-settled_at").first()
    begun = row.period_start - ahead(had) if row.period_start is not None else None
    return max((moment for moment in (begun, apart.settled_at if apart else None) if moment is not None), default=None)


def _line(had: Held, count: int, amount: int) -> Line:
    plan = had.subscription.plan
    return Line(f"days:{plan.code}:{plan.version}", count, amount // count if count else 0, amount)


def ahead(had: Held) -> timedelta:
    """How long before its period a bill of the account is written."""
    return _AHEAD.get(had.account.provider, timedelta())


def on_bill(had: Held, lines: Sequence[Waiting], *, after: datetime | None, at: datetime) -> Quote:
    """Those that stand on the bill of a period that begins `at`, the bill before it being of `after`, with their tax. Inside a control unit."""
    early = ahead(had)
    mine = [one.line for one in lines if one.at < at - early and (after is None or one.at >= after - early)]
    return pricing.quote(mine, had.subscription.currency, tax_bp=had.tax_bp())
