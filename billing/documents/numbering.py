"""Numbers of our own documents: without a gap, by seller, kind and year, given at issue.

The series' row is locked until the commit: two issues stand in line, and one that is rolled back gives its number back.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import F

from .models import Kind, NumberSeries

_LETTERS = {Kind.PROFORMA: "P", Kind.INVOICE: "", Kind.CREDIT_NOTE: "C", Kind.CLOSING: "A"}


def next_number(seller: str, kind: str, *, at: datetime) -> str:
    """The next number, such as "KC-2027-00014". `seller` is its tax id or name. Inside a control unit; the later in it, the shorter others wait."""
    which = {"seller": seller, "kind": kind, "year": at.year}
    if not NumberSeries.objects.filter(**which).update(last=F("last") + 1):
        NumberSeries.objects.bulk_create([NumberSeries(**which)], ignore_conflicts=True)
        NumberSeries.objects.filter(**which).update(last=F("last") + 1)
    last = NumberSeries.objects.get(**which).last
    return f"K{_LETTERS[Kind(kind)]}-{at.year}-{last:05d}"
