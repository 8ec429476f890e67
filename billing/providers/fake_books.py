"""What the provider in memory keeps: its customers, subscriptions, invoices, and the arithmetic of its periods."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from billing import catalogue
from billing.pricing import Discount, Line, Quote, lines_of, quote
from billing.pricing.periods import Period, prorated
from billing.pricing.references import UNTAX
from crm_platform.kernel import clock, ids

from .choosing import sold_of
from .protocol import Event, InvoiceSeen, NoteSeen, Payer, RefundSeen, SubscriptionSeen, Target

SECRET = "fake-secret"  # noqa: S105 (of nobody)


@dataclass(slots=True)
class Customer:
    """Somebody who pays: the card's brand and last figures as `method`, credit as a negative `balance`."""

    id: str
    payer: Payer
    deleted: bool = False
    method: Mapping[str, Any] = field(default_factory=dict)
    balance: int = 0


@dataclass(slots=True)
class Subscription:
    """One subscription; `scheduled` takes the place of `target` at the period's end, `lines` wait for the next bill."""

    id: str
    customer: str
    target: Target
    status: str
    created: datetime
    anchor: datetime
    period: Period
    trial_end: datetime | None = None
    cancel_at: datetime | None = None
    ended_at: datetime | None = None
    paused_until: datetime | None = None
    scheduled: Target | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)

    def seen(self) -> SubscriptionSeen:
        """As a provider shows it."""
        return SubscriptionSeen(
            self.id, self.status, self.target.currency, self.target.interval, sold_of(self.target), self.created, self.anchor,
            self.period.start, self.period.end, self.trial_end, self.cancel_at, self.ended_at, self.paused_until is not None,
            discount=discount_of(self.target), metadata=self.metadata,
        )  # fmt: skip


@dataclass(slots=True)
class Checkout:
    """A page to pay at: open, complete or expired."""

    id: str
    customer: str
    target: Target
    state: str = "open"


@dataclass(slots=True)
class Books:
    """All of it. `invoices` by id; `done` the results by operation key; `refunds` with their invoices."""

    customers: dict[str, Customer] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    invoices: dict[str, InvoiceSeen] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    checkouts: dict[str, Checkout] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    done: dict[str, Any] = field(default_factory=dict)
    charges: list[tuple[str, int]] = field(default_factory=list)
    refunds: dict[str, tuple[str, RefundSeen]] = field(default_factory=dict)
    notes: dict[str, NoteSeen] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    mark: str = field(default_factory=lambda: ids.random_id(6))

    def id(self, prefix: str) -> str:
        """The next identity of a kind, of no other books."""
        self.counts[prefix] = self.counts.get(prefix, 0) + 1
        return f"{prefix}_{self.mark}{self.counts[prefix]}"


def discount_of(target: Target) -> Discount | None:
    """The discount of the target's coupon."""
    found = catalogue.coupon_of(target.coupon)
    return catalogue.discount_of(found) if found else None


def bill(target: Target, *, tax_bp: int) -> Quote:
    """A whole period's bill."""
    return quote(lines_of(catalogue.items_of(target)), target.currency, discount=discount_of(target), tax_bp=tax_bp)


def difference(old: Target, new: Target, period: Period, at: datetime, *, tax_bp: int) -> Quote:
    """Credit for what is left of the old, charge for the same time of the new; a new interval begins now, so that it is charged whole."""
    before, after = bill(old, tax_bp=tax_bp).lines, bill(new, tax_bp=tax_bp).lines
    if old.interval == new.interval:
        return Quote(new.currency, tuple(prorated(before, after, period, at)))
    credit: list[Line] = prorated(before, (), period, at)
    return Quote(new.currency, (*credit, *after))


def keep_draft(books: Books, row: Subscription, owed: Quote) -> None:
    """The bill of a period of a subscription that was given up: nobody is charged for it."""
    number = books.id("in")
    books.invoices[number] = InvoiceSeen(number, "", "draft", owed, 0, owed.total, clock.now(), row.period.start, row.period.end, subscription=row.id, held=True)
    books.owners[number] = row.customer


def void_drafts(books: Books, row: Subscription) -> None:
    """Nobody will be charged for them."""
    for number, one in books.invoices.items():
        if one.held and one.subscription == row.id:
            books.invoices[number] = replace(one, status="void", held=False)


def untaxing(invoice: InvoiceSeen, number: str, amount: int, reason: str) -> NoteSeen:
    """A credit note over tax of an invoice."""
    owed = Quote(invoice.quote.currency, (Line(UNTAX, 1, 0, 0, 0, -amount),))
    return NoteSeen(number, f"{invoice.number}-{number}", invoice.external_id, "paid", owed, clock.now(), reason)


def sign(raw: bytes) -> str:
    """The signature that `FakeProvider.read_event` accepts."""
    return hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()


def payer_of(payer: Payer) -> dict[str, str]:
    """Who pays, in `AccountSeen.payer`'s words."""
    return {"name": payer.name, "country": payer.country, "address": payer.address, "tax_id": payer.tax_id}
