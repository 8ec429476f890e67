"""What waits for an operator: events that could not be handled, differences to the providers, refunds that a second person must agree to."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db.models import QuerySet

from billing.documents import refunding
from billing.documents.models import Invoice, Refund, RefundState
from billing.providers import events, reconciling
from billing.providers.models import Drift, EventStatus, ProviderEvent
from crm_platform.accounts.operators import Duty, Operator, require
from crm_platform.db import sides
from crm_platform.events.backbone import emit
from crm_platform.kernel import money
from crm_platform.kernel.errors import NotFound

TROUBLED = (EventStatus.FAILED, EventStatus.DEAD, EventStatus.ORPHAN)


def troubled_events(status: str = "") -> QuerySet[ProviderEvent]:
    """Events that were not handled, the newest first; without their bodies, which hold what people wrote."""
    wanted = [status] if status in TROUBLED else TROUBLED
    return ProviderEvent.objects.filter(status__in=wanted).defer("raw").order_by("-received_at", "-id")


def replay(operator: Operator, pk: int) -> ProviderEvent:
    """Ask for an event once more. Inside a control unit."""
    require(operator, Duty.MONEY)
    event = ProviderEvent.objects.defer("raw").filter(pk=pk).first()
    if event is None:
        raise NotFound
    emit(operator.actor, "provider_event.replayed", entity="provider_event", record_id=pk, before={"status": event.status}, after={"event": event.external_id})
    return events.replay(event.external_id)


def drifts() -> QuerySet[Drift]:
    """Open differences, those with the most money at risk first."""
    return Drift.objects.filter(closed_at=None).select_related("account__workspace").order_by("-money_minor", "found_at", "id")


def mend(operator: Operator, pk: int) -> bool:
    """Look at the account of a difference, and let what we have follow the provider; whether the difference is gone. Nothing is charged, cancelled or given back. Opens units of its own.

    Raises NotFound for one of no account, ProviderUnavailable.
    """
    require(operator, Duty.MONEY)
    with sides.control_unit():
        row = Drift.objects.filter(pk=pk, closed_at=None, account__isnull=False).first()
    if row is None or row.account_id is None:
        raise NotFound
    reconciling.reconcile_account(row.account_id, fix=True)
    with sides.control_unit():
        gone = not Drift.objects.filter(pk=pk, closed_at=None).exists()
        emit(operator.actor, "drift.mended", entity="drift", record_id=pk, before={"difference": row.kind}, after={"gone": gone})
    return gone


def refunds(*, waiting: bool) -> QuerySet[Refund]:
    """Those that wait for a second person, the longest waiting first; or all others, the newest first."""
    rows = Refund.objects.select_related("invoice__account__workspace")
    return rows.filter(state=RefundState.WAITING).order_by("asked_at", "id") if waiting else rows.exclude(state=RefundState.WAITING).order_by("-asked_at", "-id")


def give_back(operator: Operator, public_id: str, *, document: str, amount: Decimal, reason: str, operation: str) -> Refund:
    """Money back on a document of this workspace. Opens units of its own; the same operation is done once. Raises what `refunding.refund` raises."""
    require(operator, Duty.MONEY)
    with sides.control_unit():
        found = Invoice.objects.filter(public_id=document, account__workspace__public_id=public_id).values_list("currency", flat=True).first()
    if found is None:
        raise NotFound
    return refunding.refund(document, money.minor(amount, currency=found), reason=reason, actor=operator.actor, operation=operation)


def decide(operator: Operator, public_id: str, *, agree: bool) -> Refund:
    """The second person's word. Opens units of its own. Raises SecondPerson for whoever asked for it."""
    require(operator, Duty.MONEY)
    return refunding.approve_refund(public_id, agree=agree, actor=operator.actor)


def waiting_count() -> tuple[int, bool]:
    """How many refunds wait for a second person: what the rail shows."""
    return Refund.objects.filter(state=RefundState.WAITING).count(), True


def dead_count() -> tuple[int, bool]:
    """How many events were given up."""
    return ProviderEvent.objects.filter(status=EventStatus.DEAD).count(), True


def drift_count() -> tuple[int, bool]:
    """How many differences are open."""
    return Drift.objects.filter(closed_at=None).count(), False


def invoices_of(account: Any) -> list[Invoice]:
    """The newest documents of an account."""
    return list(Invoice.objects.filter(account=account).order_by("-created_at", "-id")[:50]) if account else []
