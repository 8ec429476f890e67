"""Verbs of our own documents: issue, record a payment, take back. Each stands in the journal of money, and is done once by its operation.

The account's row is locked first by every verb, so that two at once come one after the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db.models import F
from django.utils.translation import gettext_lazy as _

from billing.models import BillingAccount, MoneyEntry
from billing.pricing import Quote
from crm_platform.kernel import clock, ids, jobs
from crm_platform.kernel.errors import Conflict, Invalid, NotFound
from crm_platform.kernel.permissions import Actor

from . import balance, snapshots
from .models import Invoice, Kind, Payment, Status
from .numbering import next_number
from .permissions import require_money
from .tax import NO_TAX, Tax

OURS = "manual_invoice"
# The job that gives what the account has as credit with us to the provider which bills it (`subscribing.carrying`).
CARRY = "billing.carry_credit"


class NothingOwed(Conflict):
    """A document on which nothing can be paid."""

    code = "nothing_owed"
    sentence = _("Nothing can be paid on {number}: it was taken back, or it is no bill.")


class BadAmount(Invalid):
    """A sum that nobody can pay."""

    code = "bad_amount"
    sentence = _("This sum cannot be recorded as a payment: it is nothing, less than nothing, or too large.")


class PartlyPaid(Conflict):
    """A document that was paid on cannot be taken back; what was paid is given back by a refund."""

    code = "partly_paid"
    sentence = _("Money has come for {number}. Give it back first, or let the rest come.")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a document is to say. `operation` makes it once."""

    kind: Kind
    quote: Quote
    operation: str
    tax: Tax = NO_TAX
    buyer: Mapping[str, Any] = field(default_factory=dict)
    due_at: datetime | None = None
    period: tuple[datetime, datetime] | None = None
    subscription: str = ""
    language: str = "en"
    corrects: Invoice | None = None
    bill: Invoice | None = None
    reason: str = ""


def locked(account_id: int) -> BillingAccount:
    """The account, locked until the commit. Raises NotFound."""
    found = BillingAccount.objects.select_for_update().filter(pk=account_id).first()
    if found is None:
        raise NotFound
    return found


def note(account: BillingAccount, name: str, *, actor: Actor | str, operation: str = "", reason: str = "", **after: Any) -> None:
    """A line in the journal of money."""
    who = actor if isinstance(actor, str) else actor.name
    MoneyEntry.objects.create(account=account, name=name, actor=who, reason=reason, after=after, operation=operation[:64])


def issue(account: BillingAccount, wish: Wish, *, actor: Actor) -> Invoice:
    """Write a document and give it its number. Inside a control unit with the account locked (`locked`); the same operation gives the same document.

    A proforma takes what the account has as credit, and one of nothing is paid at once.
    """
    known = Invoice.objects.filter(operation=wish.operation).first()
    if known is not None:
        return known
    now = clock.now()
    seller = snapshots.seller(wish.quote.currency)
    start, end = wish.period or (None, None)
    row = Invoice.objects.create(
        account=account, provider=OURS, subscription=wish.subscription, kind=wish.kind, status=Status.OPEN, **snapshots.amounts(wish.quote),
        seller=seller, buyer=dict(wish.buyer) or snapshots.buyer(account), terms=wish.tax.stored(), period_start=start, period_end=end,
        created_at=now, issued_at=now, due_at=wish.due_at, language=wish.language, corrects=wish.corrects, bill=wish.bill, reason=wish.reason,
        operation=wish.operation, reference=_reference() if wish.kind == Kind.PROFORMA else "",
    )  # fmt: skip
    row.external_id = row.public_id
    if wish.kind != Kind.PROFORMA:
        row.status, row.paid_at = Status.PAID, now
        row.paid_minor = row.total_minor if wish.kind == Kind.INVOICE else 0
    row.series = (seller["tax_id"] or seller["name"])[:60]
    row.number = next_number(row.series, wish.kind, at=now)
    row.save(update_fields=["external_id", "status", "paid_at", "paid_minor", "series", "number"])
    note(account, f"{wish.kind}.issued", actor=actor, operation=wish.operation, reason=wish.reason, number=row.number, total=row.total_minor, currency=row.currency)
    if wish.kind == Kind.PROFORMA:
        _use_credit(account, row, actor=actor)
    jobs.later("documents.print", row.pk)
    jobs.later("bills.told", row.pk)
    return row


def _reference() -> str:
    """What a payer writes: short, without letters that are mistaken for one another, told apart from any number of ours."""
    return f"KT{ids.random_id(8).upper()}"


def _use_credit(account: BillingAccount, row: Invoice, *, actor: Actor) -> None:
    used = min(balance.credit_of(account, row.currency), row.total_minor)
    if used > 0:
        row.terms = {**row.terms, "credit": used}
        row.save(update_fields=["terms"])
        balance.enter(account, -used, currency=row.currency, reason=row.number, actor=actor.name, operation=f"use:{row.public_id}", document=row)
        _pay(account, row, used, method="balance", actor=actor, operation=f"use:{row.public_id}")
    elif row.total_minor <= 0:
        if row.total_minor < 0:
            balance.enter(account, -row.total_minor, currency=row.currency, reason=row.number, actor=actor.name, operation=f"credit:{row.public_id}", document=row)
        _settle(account, row, actor=actor)


def record_payment(
    account: BillingAccount, row: Invoice, amount: int, *, actor: Actor, operation: str, at: datetime | None = None, external_id: str = "", payer: Mapping[str, Any] | None = None,
) -> Payment:  # fmt: skip
    """Note money that came for one of our bills: part of it leaves the rest owed, what is over becomes credit, and so does all that comes for one that was taken back.

    Inside a control unit with the account locked. The same operation is recorded once. Raises BadAmount, NothingOwed for what is no bill of ours.
    """
    require_money(actor)
    known = Payment.objects.filter(operation=operation).first()
    if known is not None:
        return known
    if not 0 < amount <= 10**11:
        raise BadAmount
    row.refresh_from_db()
    if row.provider != OURS or row.kind != Kind.PROFORMA:
        raise NothingOwed(number=row.number)
    paid = _pay(account, row, amount, method="transfer" if external_id else "hand", actor=actor, operation=operation, at=at, external_id=external_id, payer=payer)
    if row.status == Status.VOID:
        note(account, "payment.late", actor=actor, operation=operation, number=row.number, amount=amount)
        use_credit(account, Invoice.objects.filter(account=account, provider=OURS, kind=Kind.PROFORMA, status=Status.OPEN, currency=row.currency).order_by("due_at", "pk"), actor=actor)
        jobs.later(CARRY, account.pk, key=f"{CARRY}.{account.pk}")
    return paid


def _pay(
    account: BillingAccount, row: Invoice, amount: int, *, method: str, actor: Actor, operation: str, at: datetime | None = None, external_id: str = "", payer: Mapping[str, Any] | None = None,
) -> Payment:  # fmt: skip
    moment = at or clock.now()
    owed = 0 if row.status == Status.VOID else max(0, row.total_minor - row.paid_minor)
    taken, over = min(amount, owed), max(0, amount - owed)
    paid = Payment.objects.create(invoice=row, amount_minor=amount, at=moment, method=method, external_id=external_id, payer=dict(payer or {}), actor=actor.name, operation=operation)
    Invoice.objects.filter(pk=row.pk).update(paid_minor=F("paid_minor") + taken)
    row.refresh_from_db(fields=["paid_minor"])
    note(account, "payment.recorded", actor=actor, operation=operation, number=row.number, amount=amount, over=over, method=method)
    if over:
        balance.enter(account, over, currency=row.currency, reason=row.number, actor=actor.name, operation=f"over:{operation}", document=row)
    if row.paid_minor >= row.total_minor and row.status not in (Status.PAID, Status.VOID):
        _settle(account, row, actor=actor, at=moment)
    _look_again(account)
    return paid


def _settle(account: BillingAccount, row: Invoice, *, actor: Actor, at: datetime | None = None) -> None:
    """A bill is paid: the invoice that states it is issued, and the account's currency stays what it is."""
    row.status, row.paid_at = Status.PAID, at or clock.now()
    row.save(update_fields=["status", "paid_at"])
    if row.total_minor > 0:
        if not account.currency:
            account.currency, account.currency_fixed_at = row.currency, row.paid_at
            account.save(update_fields=["currency", "currency_fixed_at"])
        owed = Quote(row.currency, snapshots.read(row.lines))
        period = (row.period_start, row.period_end) if row.period_start and row.period_end else None
        tax = Tax(row.terms.get("tax_bp", 0), row.terms.get("note", ""))
        wish = Wish(Kind.INVOICE, owed, f"invoice:{row.public_id}", tax=tax, buyer=row.buyer, period=period, subscription=row.subscription, language=row.language, bill=row)
        issue(account, wish, actor=actor)
    _look_again(account)


def void(account: BillingAccount, row: Invoice, *, actor: Actor, reason: str) -> None:
    """Take back a bill of ours on which nothing was paid; once taken back it stays so. Inside a control unit with the account locked. Raises PartlyPaid, NothingOwed."""
    require_money(actor)
    row.refresh_from_db()
    if row.status == Status.VOID:
        return
    if row.provider != OURS or row.kind != Kind.PROFORMA or row.status != Status.OPEN:
        raise NothingOwed(number=row.number)
    if row.paid_minor:
        raise PartlyPaid(number=row.number)
    row.status = Status.VOID
    row.save(update_fields=["status"])
    note(account, "bill.taken_back", actor=actor, reason=reason, number=row.number)
    _look_again(account)


def credit(account: BillingAccount, amount: int, *, currency: str, reason: str, actor: Actor, operation: str) -> bool:
    """Give credit for the next bill, or take it away again with a negative amount; whether it was new. Inside a control unit with the account locked."""
    require_money(actor)
    entered = balance.enter(account, amount, currency=currency, reason=reason, actor=actor.name, operation=operation)
    if entered:
        note(account, "balance.changed", actor=actor, operation=operation, reason=reason, amount=amount, currency=currency)
    return entered


def use_credit(account: BillingAccount, bills: Iterable[Invoice], *, actor: Actor) -> None:
    """Pay what is open out of the account's credit, in the order given. Inside a control unit with the account locked."""
    for row in bills:
        held, owed = balance.credit_of(account, row.currency), row.total_minor - row.paid_minor
        if min(held, owed) > 0:
            operation = f"use:{row.public_id}:{row.paid_minor}"
            balance.enter(account, -min(held, owed), currency=row.currency, reason=row.number, actor=actor.name, operation=operation, document=row)
            _pay(account, row, min(held, owed), method="balance", actor=actor, operation=operation)


def take_back(account: BillingAccount, row: Invoice, *, actor: Actor, reason: str) -> None:
    """Take back a bill whatever was paid on it: the money becomes credit, an invoice that stated it is corrected whole. Inside a control unit with the account locked."""
    require_money(actor)
    row.refresh_from_db()
    if row.status == Status.VOID:
        return
    freed = row.paid_minor - row.refunded_minor
    stated = Invoice.objects.filter(bill=row, kind=Kind.INVOICE).order_by("-pk").first()
    if stated is not None:
        lines = tuple(replace(line, unit=-line.unit, amount=-line.amount, discount=-line.discount, tax=-line.tax) for line in snapshots.read(stated.lines))
        tax = Tax(stated.terms.get("tax_bp", 0), stated.terms.get("note", ""))
        period = (stated.period_start, stated.period_end) if stated.period_start and stated.period_end else None
        wish = Wish(Kind.CREDIT_NOTE, Quote(row.currency, lines), f"back:{row.public_id}", tax=tax, buyer=stated.buyer, period=period, corrects=stated, reason=reason, language=row.language)
        issue(account, wish, actor=actor)
    Invoice.objects.filter(pk=row.pk).update(status=Status.VOID, refunded_minor=F("paid_minor"))
    row.refresh_from_db()
    note(account, "bill.taken_back", actor=actor, reason=reason, number=row.number, freed=freed)
    if freed > 0:
        balance.enter(account, freed, currency=row.currency, reason=row.number, actor=actor.name, operation=f"back:{row.public_id}", document=row)
    _look_again(account)


def _look_again(account: BillingAccount) -> None:
    account.dirty_at = clock.real_now()
    account.save(update_fields=["dirty_at"])
