"""The provider's interface: neutral values in and out, no type of any provider crosses it (billing.md 1.9).

What changes something carries an operation key, kept before the call, so that it is done once however often it is tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from django.utils.translation import gettext_lazy as _

from billing.pricing import Discount, Interval, Line, Quote
from crm_platform.kernel.errors import CrmError, Invalid


class ProviderUnavailable(CrmError):
    """The provider does not answer: nothing was changed that we know of, the operation is tried again with its key."""

    code, status = "provider_unavailable", 503
    sentence = _("The payment service does not answer at the moment. Nothing was charged; please try again in a few minutes.")


class Declined(Invalid):
    """The payment was refused. `reason` is the provider's code, `way` a page where the payer can confirm, "" for none."""

    code, status = "payment_declined", 402
    sentence = _("The payment was declined ({reason}). Nothing has changed; try another card, or ask your bank.")


class BadSignature(Invalid):
    """An event that nobody signed with a secret of ours."""

    code, status = "bad_signature", 400
    sentence = _("The signature does not fit.")


class BadPayload(Invalid):
    """A signed event that cannot be read."""

    code, status = "bad_payload", 400
    sentence = _("The event cannot be read.")


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be had: a plan's version ("team", 1), how many seats, which add-ons ("contacts_10k:1" → how many), in what currency and interval.

    `coupon` is a code of ours, "" for none; `trial_end` keeps what is left of a trial.
    """

    plan: str
    version: int
    seats: int
    interval: Interval
    currency: str
    add_ons: Mapping[str, int] = field(default_factory=dict)
    coupon: str = ""
    trial_end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """A checkout that was begun: `url` to go to, or the `document` (an invoice's public id) to pay by transfer. `reference` is the session's id."""

    reference: str
    url: str = ""
    document: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change costs: `now` is charged at once (credits negative), `next` is the next whole bill at `next_at`. Applied with the same `as_of` it comes to the same."""

    now: Quote
    next: Quote
    next_at: datetime
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Changed:
    """What became of a change: `applied`, or it waits for the payer at `confirm_url`, or it was `declined` (the provider's code) and nothing changed."""

    applied: bool
    confirm_url: str = ""
    declined: str = ""
    document: str = ""


@dataclass(frozen=True, slots=True)
class SubscriptionSeen:
    """A subscription as the provider has it. `status`: incomplete, trialing, active, past_due, unpaid, paused, canceled, or a word we do not know.

    `sold` maps our references ("plan:team:1:seats", "addon:contacts_10k:1") to quantities.
    """

    external_id: str
    status: str
    currency: str
    interval: Interval
    sold: Mapping[str, int]
    created: datetime
    anchor: datetime
    period_start: datetime
    period_end: datetime
    trial_end: datetime | None = None
    cancel_at: datetime | None = None
    ended_at: datetime | None = None
    paused: bool = False
    pending_until: datetime | None = None
    discount: Discount | None = None
    discount_ends: datetime | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InvoiceSeen:
    """An invoice as the provider has it. `status`: draft, open, paid, void, uncollectible. `quote` holds lines, tax and total; `paid` and `due` are minor units.

    `problem` is the provider's code where it could not make it final: nobody is charged for it until that is mended. `held`: a
    draft that it does not make final by itself, because it had given up on the subscription.
    """

    external_id: str
    number: str
    status: str
    quote: Quote
    paid: int
    due: int
    created: datetime
    period_start: datetime | None = None
    period_end: datetime | None = None
    due_at: datetime | None = None
    paid_at: datetime | None = None
    failed_at: datetime | None = None
    attempts: int = 0
    next_attempt: datetime | None = None
    confirm_needed: bool = False
    hosted_url: str = ""
    pdf_url: str = ""
    subscription: str = ""
    refunded: int = 0
    disputed: str = ""
    problem: str = ""
    held: bool = False


@dataclass(frozen=True, slots=True)
class RefundSeen:
    """Money given back as the provider has it. `status`: pending, succeeded, failed, canceled, or a word we do not know; `reason` says why it failed."""

    external_id: str
    status: str
    amount: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class NoteSeen:
    """A credit note as the provider has it, on one of its invoices; the amounts of `quote` are below nought. `status`: paid, or void."""

    external_id: str
    number: str
    invoice: str
    status: str
    quote: Quote
    created: datetime
    reason: str = ""
    pdf_url: str = ""


@dataclass(frozen=True, slots=True)
class AccountSeen:
    """All of one customer at a moment: every subscription, the invoices newest first, the payment method ({"brand", "last4", "until"}), credit as `balance` (negative is owed), what was given back, and what corrects an invoice. `payer`: "name", "country", "address", "tax_id" as it has them, None where it asks us."""

    external_id: str
    deleted: bool
    subscriptions: tuple[SubscriptionSeen, ...]
    invoices: tuple[InvoiceSeen, ...]
    method: Mapping[str, Any]
    balance: int
    fetched_at: datetime
    metadata: Mapping[str, str] = field(default_factory=dict)
    refunds: tuple[RefundSeen, ...] = ()
    notes: tuple[NoteSeen, ...] = ()
    payer: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Something the provider says happened: only a reason to look, never the truth. `customer` and `object_id` "" where it names none."""

    external_id: str
    kind: str
    created: datetime
    customer: str
    object_id: str
    live: bool
    version: str
    raw: str
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Payer:
    """Whom the account's customer is made for: our account's public id, who reads the letters, tax id if there is one."""

    account: str
    name: str
    email: str
    country: str = ""
    address: str = ""
    tax_id: str = ""
    language: str = "en"


class Provider(Protocol):
    """What every provider offers. Calls raise ProviderUnavailable; none is made inside a transaction that others wait for."""

    code: str
    capabilities: frozenset[str]

    def ensure_customer(self, payer: Payer, *, external_id: str | None, key: str) -> str: ...
    def start_checkout(self, customer: str, target: Target, *, success_url: str, cancel_url: str, key: str) -> Started: ...
    def close_checkout(self, reference: str, *, key: str) -> None: ...
    def manage_url(self, customer: str, *, return_url: str) -> str: ...
    def preview_change(self, subscription: str, target: Target, *, as_of: datetime) -> Preview: ...
    def apply_change(self, subscription: str, target: Target, *, as_of: datetime, key: str) -> Changed: ...
    def change_at_end(self, subscription: str, target: Target, *, key: str) -> datetime: ...
    def take_back_change(self, subscription: str, *, key: str) -> None: ...
    def cancel(self, subscription: str, *, at_end: bool, key: str) -> None: ...
    def resume(self, subscription: str, *, key: str) -> None: ...
    def pause(self, subscription: str, *, until: datetime, key: str) -> None: ...
    def come_back(self, subscription: str, *, anew: bool, key: str) -> None: ...
    def pay(self, invoice: str, *, key: str) -> Changed: ...
    def fetch(self, customer: str) -> AccountSeen: ...
    def customers(self, *, after: str = "") -> Iterator[str]: ...
    def events(self, *, since: str = "") -> Iterator[Event]: ...
    def refund(self, invoice: str, *, amount: int, reason: str, key: str) -> str: ...
    def credit(self, customer: str, *, amount: int, currency: str, reason: str, key: str) -> str: ...
    def charge(self, customer: str, subscription: str, line: Line, *, name: str, key: str) -> str: ...
    def bill_apart(self, customer: str, subscription: str, line: Line | None, *, name: str, key: str) -> str: ...
    def untax(self, invoice: str, *, amount: int, reason: str, key: str) -> str: ...
    def discount(self, subscription: str, coupon: str, *, key: str) -> None: ...
    def tax(self, subscription: str, basis_points: int, *, key: str) -> None: ...
    def read_event(self, raw: bytes, headers: Mapping[str, str]) -> Event: ...
