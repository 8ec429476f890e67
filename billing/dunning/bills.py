"""The open bill, as the documents keep it."""

from __future__ import annotations

from django.db.models import Q

from billing.documents.models import Invoice, Kind, Status
from crm_platform.kernel.money import Money

from .letters import Bill


def open_bill(workspace_id: int) -> Bill:
    """The oldest that is still open, or that its provider cannot make; an empty one where the documents know of none. Inside a control unit."""
    owed = Q(status=Status.OPEN) | (Q(status=Status.DRAFT) & ~Q(problem=""))
    row = Invoice.objects.filter(owed, account__workspace_id=workspace_id).exclude(kind=Kind.CREDIT_NOTE).order_by("created_at", "id").first()
    if row is None:
        return Bill()
    return Bill(owed=Money(row.total_minor - row.paid_minor, row.currency), url=row.hosted_url, confirm=row.confirm_needed, unmade=bool(row.problem), reference=row.reference)
