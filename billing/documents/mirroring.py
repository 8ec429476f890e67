"""A provider's invoices, as we keep them: its number, its figures, its state. Nothing is issued here, and of our own documents nothing is changed."""

from __future__ import annotations

import logging
from typing import Any

from django.db.models import QuerySet, Sum

from billing.models import BillingAccount, MoneyEntry
from billing.providers.protocol import AccountSeen, InvoiceSeen
from crm_platform.kernel import jobs

from . import correcting, snapshots
from .models import Invoice, Kind, Refund, RefundState, Status

_log = logging.getLogger("kartoteka.billing")
OURS = "manual_invoice"


def mirror(account: BillingAccount, seen: InvoiceSeen) -> Invoice | None:
    """Bring our row of a provider's invoice to what was seen, however often it is seen. Inside a control unit, the account's row locked.

    What was issued keeps its seller and buyer; None for our own documents, whose rows are the truth.
    """
    if account.provider == OURS:
        return None
    values = _values(seen)
    row = Invoice.objects.select_for_update().filter(provider=account.provider, external_id=seen.external_id).first()
    if row is None:
        people = {"buyer": snapshots.buyer(account), "seller": snapshots.seller(seen.quote.currency)}
        row = Invoice(account=account, provider=account.provider, external_id=seen.external_id, language=account.language, **people, **values)
        row.save()
        _tell_of(row)
        return row
    if row.account_id != account.pk:
        _log.error("an invoice of another account", extra={"invoice": seen.external_id, "account": account.public_id})
        return None
    _update(account, row, values)
    return row


def mirror_notes(account: BillingAccount, seen: AccountSeen) -> None:
    """Bring our rows of a provider's credit notes to what was seen, each beside its invoice. Inside a control unit, the account's row locked, the invoices kept."""
    for one in seen.notes:
        corrected = Invoice.objects.filter(account=account, provider=account.provider, external_id=one.invoice).first()
        if corrected is None:  # of an invoice that is too old to be kept
            continue
        values = {**snapshots.amounts(one.quote), "number": one.number, "status": one.status, "reason": one.reason, "pdf_url": one.pdf_url}
        people = {"buyer": corrected.buyer, "seller": corrected.seller, "language": corrected.language, "subscription": corrected.subscription}
        Invoice.objects.update_or_create(
            provider=account.provider, external_id=one.external_id, defaults=values,
            create_defaults={**values, **people, "account": account, "kind": Kind.CREDIT_NOTE, "corrects": corrected, "created_at": one.created, "issued_at": one.created},
        )  # fmt: skip


def mirrored(account: BillingAccount) -> dict[str, tuple[str, int, int, int]]:
    """What is kept of an account's invoices at its provider, by their ids there: status, total, what was paid, what was given back. Inside a control unit."""
    rows = list(Invoice.objects.filter(account=account, provider=account.provider).exclude(external_id=""))
    held: dict[int, int] = {}
    if account.provider != OURS:  # of these a provider does not know yet
        held = dict(_open_refunds().filter(invoice__account=account).values_list("invoice").annotate(held=Sum("amount_minor")))
    return {row.external_id: (row.status, row.total_minor, row.paid_minor, row.refunded_minor - held.get(row.pk, 0)) for row in rows}


def _values(seen: InvoiceSeen) -> dict[str, Any]:
    status = seen.status if seen.status in Status.values else Status.OPEN
    return {
        **snapshots.amounts(seen.quote), "number": seen.number, "status": status, "subscription": seen.subscription,
        "paid_minor": seen.paid, "refunded_minor": min(seen.refunded, seen.paid),
        "period_start": seen.period_start, "period_end": seen.period_end, "created_at": seen.created,
        "issued_at": None if status == Status.DRAFT else seen.created, "due_at": seen.due_at, "paid_at": seen.paid_at,
        "failed_at": seen.failed_at, "attempts": seen.attempts, "next_attempt_at": seen.next_attempt, "confirm_needed": seen.confirm_needed,
        "hosted_url": seen.hosted_url, "pdf_url": seen.pdf_url, "disputed": seen.disputed,
        "problem": seen.problem[:60],
    }  # fmt: skip


def _update(account: BillingAccount, row: Invoice, values: dict[str, Any]) -> None:
    held = _held(row)
    values["refunded_minor"] = min(values["refunded_minor"] + held, max(values["paid_minor"], 0))
    changed = {name: value for name, value in values.items() if getattr(row, name) != value}
    if not changed:
        return
    if row.status != Status.DRAFT and "total_minor" in changed:
        _log.error("an issued invoice changed its total at the provider", extra={"invoice": row.external_id, "before": row.total_minor, "after": values["total_minor"]})
    if "disputed" in changed:
        MoneyEntry.objects.create(
            account=account, name="invoice.disputed", actor=f"provider {account.provider}", before={"disputed": row.disputed},
            after={"invoice": row.public_id, "disputed": values["disputed"]},
        )  # fmt: skip
    for name, value in changed.items():
        setattr(row, name, value)
    row.save(update_fields=list(changed))
    if "status" in changed:
        _tell_of(row)


def _tell_of(row: Invoice) -> None:
    """A receipt goes by mail once it is paid; a tax on it that is not due is corrected."""
    if row.status == Status.PAID:
        jobs.later("bills.told", row.pk)
        if correcting.is_untaxed(row.account) and row.tax_minor > 0:
            jobs.later(correcting.RETAX, row.account_id, key=f"{correcting.RETAX}.{row.account_id}")


def _held(row: Invoice) -> int:
    """Of refunds of ours of which the provider does not know yet."""
    return int(_open_refunds().filter(invoice=row).aggregate(held=Sum("amount_minor"))["held"] or 0)


def _open_refunds() -> QuerySet[Refund]:
    return Refund.objects.filter(state__in=(RefundState.WAITING, RefundState.ASKED))
