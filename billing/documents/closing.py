"""The closing document of a month: what of the paid invoices fell into it, and what fell into earlier months of which no closing could know.

An invoice that is issued late, or a month in which nobody closed, is made good by the next closing: all closings of an invoice come
to its total, to the cent.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Q

from billing.models import BillingAccount
from billing.pricing import Line, Quote
from billing.pricing.quoting import part
from crm_platform.db import sides
from crm_platform.kernel.permissions import robot

from . import services, snapshots
from .models import Invoice, Kind
from .services import OURS, Wish
from .tax import Tax

# For how long before a month papers are looked for that no closing has told of yet.
_MISSED = timedelta(days=100)


def month_before(now: datetime) -> tuple[datetime, datetime]:
    """The last whole month before a moment."""
    end = datetime(now.year, now.month, 1, tzinfo=UTC)
    return datetime(end.year - (end.month == 1), (end.month - 2) % 12 + 1, 1, tzinfo=UTC), end


def close_month(now: datetime) -> int:
    """Write the closing documents of the last whole month that are not there yet; how many. Opens units of its own; twice is once."""
    start, end = month_before(now)
    with sides.control_unit():
        lately = Q(period_end__gt=start - _MISSED) | Q(issued_at__gte=start - _MISSED)
        stated = Invoice.objects.filter(lately, provider=OURS, kind=Kind.INVOICE, period_start__lt=end, issued_at__lt=now)
        accounts = list(stated.order_by("account").values_list("account", flat=True).distinct())
    return sum(_close(account, start, end) for account in accounts)


def _close(account_id: int, start: datetime, end: datetime) -> int:
    with sides.control_unit():
        account = services.locked(account_id)
        made = 0
        papers = Invoice.objects.filter(account=account, provider=OURS, kind__in=(Kind.INVOICE, Kind.CREDIT_NOTE), period_start__lt=end)
        by_currency: dict[str, list[Invoice]] = {}
        for paper in papers.order_by("pk"):
            by_currency.setdefault(paper.currency, []).append(paper)
        for currency, found in by_currency.items():
            operation = f"closing:{account.public_id}:{start:%Y-%m}:{currency}"
            if not Invoice.objects.filter(operation=operation).exists():
                made += _write(account, found, currency, operation, (start, end))
        return made


def _write(account: BillingAccount, papers: list[Invoice], currency: str, operation: str, month: tuple[datetime, datetime]) -> int:
    last = Invoice.objects.filter(account=account, provider=OURS, kind=Kind.CLOSING, currency=currency).order_by("-period_end").first()
    told = [(paper, share(paper, _untold_from(paper, last), month[1])) for paper in papers]
    lines = [line for _paper, found in told for line in found]
    if not lines:
        return 0
    newest = next(paper for paper, found in reversed(told) if found)
    rule = Tax(newest.terms.get("tax_bp", 0), newest.terms.get("note", ""))
    wish = Wish(Kind.CLOSING, Quote(currency, tuple(lines)), operation, tax=rule, buyer=newest.buyer, period=month, language=newest.language)
    services.issue(account, wish, actor=robot("documents"))
    return 1


def _untold_from(paper: Invoice, last: Invoice | None) -> datetime:
    """From when on no closing has told of a paper: the last closing knew of those that were written before it."""
    begins = paper.period_start or datetime.min.replace(tzinfo=UTC)
    return max(begins, last.period_end) if last is not None and last.period_end is not None and paper.pk < last.pk else begins


def share(paper: Invoice, start: datetime, end: datetime) -> list[Line]:
    """What of a document's lines falls into a month, by seconds: up to its end less up to its start, so that nothing is lost by rounding."""
    begins, ends = paper.period_start, paper.period_end
    if begins is None or ends is None:
        return []
    whole = int((ends - begins).total_seconds())
    upto = [max(0, min(whole, int((moment - begins).total_seconds()))) for moment in (start, end)]
    found = []
    for line in snapshots.read(paper.lines):
        values: dict[str, Any] = {}
        for name in ("amount", "discount", "tax"):
            value = getattr(line, name)
            values[name] = part(value, upto[1], whole) - part(value, upto[0], whole)
        if any(values.values()):
            found.append(Line(line.ref, line.quantity, line.unit, **values))
    return found
