"""Periods, bills and standing of what was bought by transfer. Everything here is written inside the caller's control unit, with the account locked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.utils.dateparse import parse_datetime

from billing import catalogue
from billing.documents import balance, services, snapshots, tax
from billing.documents.models import Invoice, Kind, Status
from billing.documents.services import Wish
from billing.models import BillingAccount
from billing.pricing import Discount, Interval, Quote, lines_of, quote
from billing.pricing.periods import Period, after, period_at, prorated
from billing.providers.protocol import Target
from crm_platform.kernel import clock
from crm_platform.kernel.permissions import robot

from .models import TransferCustomer, TransferSubscription

HOUSE = robot("transfers")
# Lines that no version's price makes: they wait for the next bill.
DAYS = "days:"
# How long one works before the money has landed; until when a change is to be paid; how long before its period a renewal's bill comes.
LANDING, CHANGE_DUE, AHEAD = timedelta(days=5), timedelta(days=7), timedelta(days=10)
# So long after its day an unpaid bill is followed by no other; from then on work has stopped; so long a checkout's can still be paid.
HELD, STANDSTILL, FORGOTTEN = timedelta(days=10), timedelta(days=15), timedelta(days=30)


def stored(target: Target, *, coupon_from: datetime | None = None) -> dict[str, Any]:
    """A target as a row keeps it, with the moment of the first bill that its coupon is for."""
    kept = {**asdict(target), "interval": str(target.interval), "add_ons": dict(target.add_ons), "trial_end": target.trial_end and target.trial_end.isoformat()}
    return kept | ({"coupon_from": coupon_from.isoformat()} if target.coupon and coupon_from else {})


def read(kept: Mapping[str, Any]) -> Target:
    """The reverse of `stored`."""
    values = {name: value for name, value in kept.items() if name not in ("begins", "coupon_from")}
    ends = parse_datetime(values["trial_end"]) if values.get("trial_end") else None
    return Target(**{**values, "interval": Interval(values["interval"]), "trial_end": ends})


def period_of(row: TransferSubscription, at: datetime) -> Period:
    """The period in which a moment falls; what is left of a trial is one of its own."""
    if row.trial_end is not None and at < row.trial_end:
        return Period(row.created_at, row.trial_end)
    return period_at(row.anchor, read(row.target).interval, at)


def rule_of(row: TransferSubscription) -> tuple[dict[str, Any], tax.Tax]:
    """The buyer as of now, and by which rule what they buy is taxed."""
    customer = row.customer
    buyer = snapshots.buyer(customer.account, name=customer.name, email=customer.email)
    return buyer, tax.of(buyer)


def whole(row: TransferSubscription, target: Target, *, at: datetime) -> Quote:
    """The bill of one whole period that begins at a moment."""
    return quote(lines_of(catalogue.items_of(target)), target.currency, discount=_discount(row, target, at), tax_bp=rule_of(row)[1].bp)


def coupon_from(row: TransferSubscription, target: Target, *, next_bill: datetime) -> datetime:
    """The first bill that a target's coupon is for: one that is held already keeps its beginning, another counts from the next bill."""
    if target.coupon != row.target.get("coupon"):
        return next_bill
    return parse_datetime(row.target.get("coupon_from", "")) or row.anchor


def _discount(row: TransferSubscription, target: Target, at: datetime) -> Discount | None:
    """The coupon's, as long as it lasts: `once` for the first bill, `repeating` for its months."""
    found = catalogue.coupon_of(target.coupon)
    if found is None:
        return None
    begins = coupon_from(row, target, next_bill=period_of(row, at).end if row.pk else at)
    if at < begins or (found.duration == "once" and at > begins) or (found.duration == "repeating" and at >= after(begins, Interval.MONTH, found.months or 1)):
        return None
    return catalogue.discount_of(found)


def difference(row: TransferSubscription, target: Target, at: datetime) -> Quote:
    """Credit for what is left of the old, charge for the same time of the new; a new interval begins at once and is charged whole."""
    held = read(row.target)
    if row.trial_end is not None and at < row.trial_end:
        return Quote(target.currency, ())
    period = period_of(row, at)
    before, then = whole(row, held, at=period.start).lines, whole(row, target, at=period.start if held.interval == target.interval else at).lines
    if held.interval == target.interval:
        return Quote(target.currency, tuple(prorated(before, then, period, at)))
    return Quote(target.currency, (*prorated(before, (), period, at), *then))


def bill(row: TransferSubscription, owed: Quote, *, operation: str, due_at: datetime, period: Period) -> Invoice:
    """A bill of a subscription, in its customer's language."""
    buyer, rule = rule_of(row)
    wish = Wish(
        Kind.PROFORMA, owed, operation, tax=rule, buyer=buyer, due_at=due_at, period=(period.start, period.end), subscription=row.external_id, language=row.customer.language,
    )  # fmt: skip
    return services.issue(services.locked(row.customer.account_id), wish, actor=HOUSE)


def give_credit(row: TransferSubscription, owed: Quote, *, operation: str, period: Period) -> None:
    """What a change gives back (`owed` below nought): a credit note on the invoice of its period, where there is one, and credit, first for what is still open."""
    account = services.locked(row.customer.account_id)
    stated = Invoice.objects.filter(account=account, subscription=row.external_id, kind=Kind.INVOICE, period_start__lt=period.end, period_end__gt=period.start).order_by("-pk").first()
    if stated is not None:
        buyer, rule = rule_of(row)
        wish = Wish(Kind.CREDIT_NOTE, owed, f"note:{operation}", tax=rule, buyer=buyer, corrects=stated, period=(period.start, period.end), subscription=row.external_id, language=row.customer.language)
        services.issue(account, wish, actor=HOUSE)
    balance.enter(account, -owed.total, currency=owed.currency, reason="change", actor=HOUSE.name, operation=f"credit:{operation}", document=stated)
    services.use_credit(account, open_bills([row]), actor=HOUSE)


def open_bills(rows: Sequence[TransferSubscription]) -> list[Invoice]:
    """What is owed on them, the oldest first."""
    found = Invoice.objects.filter(subscription__in=[row.external_id for row in rows], kind=Kind.PROFORMA, status=Status.OPEN)
    return list(found.order_by("due_at", "pk"))


def drop_ahead(row: TransferSubscription, *, reason: str) -> None:
    """Take back the bill of a period that has not begun, so that it is made anew; what came for it becomes credit."""
    account = services.locked(row.customer.account_id)
    now = clock.now()
    begins = max(now, row.trial_end or now)
    for one in Invoice.objects.filter(subscription=row.external_id, kind=Kind.PROFORMA, period_start__gt=begins, status__in=(Status.OPEN, Status.PAID)).order_by("-period_start"):
        services.take_back(account, one, actor=HOUSE, reason=reason)
        row.lines = [*row.lines, *({**line, "tax": 0} for line in one.lines if str(line["ref"]).startswith(DAYS))]
        if one.period_start:
            row.billed_until = min(row.billed_until, one.period_start)
    if begins == now:
        row.billed_until = min(row.billed_until, period_of(row, now).end)
    row.save(update_fields=["billed_until", "lines"])


def drop_open(row: TransferSubscription, *, reason: str) -> None:
    """Nothing more is asked for: what nobody paid on is taken back."""
    account = services.locked(row.customer.account_id)
    for one in open_bills([row]):
        if not one.paid_minor:
            services.void(account, one, actor=HOUSE, reason=reason)


def go_on(row: TransferSubscription, now: datetime) -> None:
    """Bring a subscription to a moment: its end, the change that waited for it, a late first payment, the next period's bill. Twice is once."""
    if row.closed_at is not None or (row.ended_at is not None and row.ended_at <= now):
        return
    if row.cancel_at is not None and row.cancel_at <= now:
        row.ended_at = row.cancel_at
        row.save(update_fields=["ended_at"])
        drop_ahead(row, reason="cancelled")
        return
    if is_waiting(row) or lapsed_at(row, now) is not None:
        if row.first is not None and row.first.due_at is not None and now >= row.first.due_at + FORGOTTEN:
            let_go(row, now, reason="never paid")
        return
    _begin_late(row)
    _take_scheduled(row, now)
    if row.paused_until is not None and row.paused_until <= now:
        row.paused_until = None
        row.save(update_fields=["paused_until"])
    while row.billed_until - AHEAD <= now and _may_bill(row, now):
        _renew(row)


def let_go(row: TransferSubscription, now: datetime, *, reason: str) -> None:
    """What nobody paid for is over for good: its bills are taken back, and what came for a part of them becomes credit."""
    account = services.locked(row.customer.account_id)
    for one in open_bills([row]):
        services.take_back(account, one, actor=HOUSE, reason=reason)
    row.closed_at = now
    row.save(update_fields=["closed_at"])


def is_waiting(row: TransferSubscription) -> bool:
    """Whether it has not begun, and will with the payment of its first bill."""
    return row.waits and row.first is not None and row.first.status != Status.PAID


def lapsed_at(row: TransferSubscription, now: datetime) -> datetime | None:
    """When it was over because the bill of the checkout was never paid."""
    first = row.first
    if row.waits or first is None or first.due_at is None or first.status == Status.PAID or first.paid_minor or now < first.due_at:
        return None
    return first.due_at


def _begin_late(row: TransferSubscription) -> None:
    """Paid after it had lapsed, or after the day on which it would have begun if it had not waited for that: it begins on the day of the payment."""
    first = row.first
    if first is None or first.paid_at is None or row.anchor >= first.paid_at:
        return
    until = first.period_start if row.waits else first.due_at
    if until is None or first.paid_at <= until:
        return
    if row.billed_until <= after(row.anchor, read(row.target).interval, 1):
        row.anchor, row.trial_end = first.paid_at, None
        row.billed_until = after(row.anchor, read(row.target).interval, 1)
        row.save(update_fields=["anchor", "trial_end", "billed_until"])


def _take_scheduled(row: TransferSubscription, now: datetime) -> None:
    if row.scheduled is None:
        return
    wanted, begins = read(row.scheduled), parse_datetime(row.scheduled["begins"]) if row.scheduled.get("begins") else None
    if begins is None or begins > now:
        return
    if wanted.interval != read(row.target).interval:
        row.anchor = begins
    row.target, row.scheduled = {name: value for name, value in row.scheduled.items() if name != "begins"}, None
    row.save(update_fields=["target", "scheduled", "anchor"])


def _may_bill(row: TransferSubscription, now: datetime) -> bool:
    """Not for a period after the end; and nothing more while a bill is overdue by more than its days of full work."""
    if row.cancel_at is not None and row.cancel_at <= row.billed_until:
        return False
    return not any(one.due_at is not None and one.due_at < now - HELD for one in open_bills([row]))


def _renew(row: TransferSubscription) -> None:
    waiting = read(row.scheduled) if row.scheduled else None
    target = waiting or read(row.target)
    start = _after_standstill(row)
    anchor = start if waiting is not None and waiting.interval != read(row.target).interval else row.anchor
    end = period_at(anchor, target.interval, start).end
    if row.paused_until is None or row.paused_until <= start:
        bill(row, _with_lines(row, whole(row, target, at=start)), operation=f"{row.external_id}:{start.isoformat()}:{_version(row)}", due_at=start + LANDING, period=Period(start, end))
    row.billed_until = end
    row.save(update_fields=["billed_until", "anchor"])


def _with_lines(row: TransferSubscription, owed: Quote) -> Quote:
    """A period's bill with the lines that wait for it, taxed as it is."""
    waiting = quote(snapshots.read(row.lines), owed.currency, tax_bp=rule_of(row)[1].bp)
    row.lines = []
    row.save(update_fields=["lines"])
    return Quote(owed.currency, (*owed.lines, *waiting.lines))


def _after_standstill(row: TransferSubscription) -> datetime:
    """When the next period begins: where the last bill was paid only after work had stopped, on that day. The time between is not asked for."""
    last = Invoice.objects.filter(subscription=row.external_id, kind=Kind.PROFORMA, status=Status.PAID).order_by("-pk").first()
    if last is not None and last.paid_at and last.due_at and last.paid_at > max(last.due_at + STANDSTILL, row.billed_until):
        row.anchor = row.billed_until = last.paid_at
    return row.billed_until


def _version(row: TransferSubscription) -> int:
    """How many bills there were: one that was taken back is followed by another of the same period."""
    return Invoice.objects.filter(subscription=row.external_id, kind=Kind.PROFORMA, status=Status.VOID).count()


def customer_locked(external_id: str) -> tuple[TransferCustomer, BillingAccount]:
    """A customer, with its account locked."""
    found = TransferCustomer.objects.select_related("account").get(external_id=external_id)
    return found, services.locked(found.account_id)
