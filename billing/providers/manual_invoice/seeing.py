"""What the provider of transfers has, as the protocol shows it. Pure reading, inside a control unit; the state is computed from moments and now."""

from __future__ import annotations

from datetime import datetime

from billing import catalogue
from billing.documents import balance, snapshots
from billing.documents.models import Invoice, Kind, Status
from billing.pricing import Quote
from billing.providers import choosing
from billing.providers.protocol import AccountSeen, InvoiceSeen, SubscriptionSeen
from crm_platform.kernel import clock

from . import books
from .models import TransferCustomer, TransferSubscription


def account(customer: str) -> AccountSeen:
    """All of one customer."""
    now = clock.now()
    who = TransferCustomer.objects.select_related("account").filter(external_id=customer).first()
    if who is None:
        return AccountSeen(customer, True, (), (), {}, 0, now)
    rows = list(who.subscriptions.select_related("first", "customer").filter(closed_at=None).order_by("-pk"))
    bills = list(Invoice.objects.filter(account=who.account, kind=Kind.PROFORMA, subscription__in=[row.external_id for row in rows]).order_by("-created_at", "-pk"))
    currency = who.account.currency or next((books.read(row.target).currency for row in who.subscriptions.order_by("-pk")[:1]), "")
    subscriptions = tuple(_subscription(row, [one for one in bills if one.subscription == row.external_id], now) for row in rows)
    return AccountSeen(
        customer, False, subscriptions, tuple(_invoice(one, now) for one in bills), {"brand": "transfer"}, -balance.credit_of(who.account, currency), now, {"account": who.account.public_id}
    )


def _subscription(row: TransferSubscription, bills: list[Invoice], now: datetime) -> SubscriptionSeen:
    target, ended = books.read(row.target), row.ended_at or books.lapsed_at(row, now)
    if ended is None and row.cancel_at is not None and row.cancel_at <= now:
        ended = row.cancel_at
    status = "active"
    if ended is not None and ended <= now:
        status = "canceled"
    elif books.is_waiting(row):
        status = "incomplete"
    elif row.trial_end is not None and now < row.trial_end:
        status = "trialing"
    elif any(_is_overdue(one, now) for one in bills):
        status = "past_due"
    period = books.period_of(row, min(now, ended) if ended else now)
    coupon = catalogue.coupon_of(target.coupon)
    return SubscriptionSeen(
        row.external_id, status, target.currency, target.interval, choosing.sold_of(target), row.created_at, row.anchor, period.start, period.end, row.trial_end, row.cancel_at,
        ended, row.paused_until is not None and now < row.paused_until, discount=catalogue.discount_of(coupon) if coupon else None,
    )  # fmt: skip


def _is_overdue(bill: Invoice, now: datetime) -> bool:
    return bill.status == Status.OPEN and bill.due_at is not None and bill.due_at <= now


def _invoice(row: Invoice, now: datetime) -> InvoiceSeen:
    overdue = _is_overdue(row, now)
    return InvoiceSeen(
        row.external_id, row.number, row.status, Quote(row.currency, snapshots.read(row.lines)), row.paid_minor, row.due_minor, row.created_at, row.period_start, row.period_end,
        row.due_at, row.paid_at, row.due_at if overdue else None, int(overdue), subscription=row.subscription, refunded=row.refunded_minor,
    )  # fmt: skip
