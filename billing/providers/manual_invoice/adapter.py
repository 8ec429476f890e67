"""The provider of those who pay by transfer: `protocol.Provider` over our own documents. It calls nobody, so it is never down.

A checkout is a bill with a reference; one works at once, and has five days until the money lands (once: see `credit`). A change is
billed apart, or credited; a renewal's bill comes ten days ahead. Nothing is charged by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from billing import catalogue
from billing.documents import balance, services, snapshots
from billing.documents.models import Invoice, Status
from billing.models import BillingAccount
from billing.pricing import Line, quote
from billing.pricing.periods import Period, after
from billing.providers.protocol import (
    AccountSeen,
    BadSignature,
    Changed,
    Event,
    Payer,
    Preview,
    Started,
    Target,
)
from crm_platform.db import sides
from crm_platform.kernel import clock, ids
from crm_platform.kernel.errors import Conflict

from . import books, credit, seeing
from .models import TransferCustomer, TransferDone, TransferSubscription

CODE = "manual_invoice"
# A period is without its end: what ends there belongs to the one before.
_INSTANT = timedelta(microseconds=1)


class OverAlready(Conflict):
    """Nothing can be changed about what has ended."""

    code = "subscription_over"
    sentence = _("This subscription has ended. Choose a plan anew.")


def make() -> TransferProvider | None:
    """The provider where a seller and a bank account are named."""
    return TransferProvider() if settings.CRM_SELLER_NAME and settings.CRM_SELLER_BANK else None


class TransferProvider:
    """See `protocol.Provider` for the verbs."""

    code = CODE
    capabilities = frozenset({"checkout", "proration", "pause"})

    def ensure_customer(self, payer: Payer, *, external_id: str | None, key: str) -> str:
        """The customer that is there, brought up to date, or a new one."""
        values = {"name": payer.name[:250], "email": payer.email, "language": payer.language}
        with sides.control_unit():
            if external_id and TransferCustomer.objects.filter(external_id=external_id).update(**values):
                return external_id
        return str(self._once(key, lambda: {"id": _new_customer(payer, values)})["id"])

    def start_checkout(self, customer: str, target: Target, *, success_url: str, cancel_url: str, key: str) -> Started:
        """A bill; one works from this moment, or from its payment (`pays_first`)."""
        found = self._once(key, lambda: _bought(customer, target))
        return Started(found["reference"], document=found["document"])

    def pays_first(self, account: str) -> bool:
        """Whether what this account (its public id) buys next begins only with its money. Opens a control unit."""
        with sides.control_unit():
            found = BillingAccount.objects.filter(public_id=account).first()
            return found is not None and credit.pays_first(found, clock.now())

    def close_checkout(self, reference: str, *, key: str) -> None:
        """Taken back where nothing was paid on it."""
        self._once(key, lambda: _closed(reference))

    def manage_url(self, customer: str, *, return_url: str) -> str:
        """There is nothing to manage elsewhere."""
        return return_url

    def preview_change(self, subscription: str, target: Target, *, as_of: datetime) -> Preview:
        """The same arithmetic as the change's."""
        with sides.control_unit():
            row = TransferSubscription.objects.select_related("customer__account", "first").get(external_id=subscription)
            held = books.read(row.target)
            next_at = books.period_of(row, as_of).end if held.interval == target.interval else after(as_of, target.interval, 1)
            return Preview(books.difference(row, target, as_of), books.whole(row, target, at=next_at), next_at, as_of)

    def apply_change(self, subscription: str, target: Target, *, as_of: datetime, key: str) -> Changed:
        """Done at once; the difference is billed, or credited."""
        found = self._once(key, lambda: _changed(subscription, target, as_of, key))
        return Changed(applied=True, document=found["document"])

    def change_at_end(self, subscription: str, target: Target, *, key: str) -> datetime:
        """From the next period on; a bill for it that is there is made anew."""
        return datetime.fromisoformat(self._once(key, lambda: _scheduled(subscription, target))["at"])

    def take_back_change(self, subscription: str, *, key: str) -> None:
        """Nothing changes at the period's end."""
        self._once(key, lambda: _set(subscription, "change taken back", scheduled=None))

    def cancel(self, subscription: str, *, at_end: bool, key: str) -> None:
        """Now, or at the period's end. Nothing is given back by it."""
        self._once(key, lambda: _cancelled(subscription, at_end=at_end))

    def resume(self, subscription: str, *, key: str) -> None:
        """Take a cancellation back."""
        self._once(key, lambda: _set(subscription, "resumed", cancel_at=None))

    def pause(self, subscription: str, *, until: datetime, key: str) -> None:
        """No bill for a period that begins before then."""
        self._once(key, lambda: _set(subscription, "paused", paused_until=until))

    def come_back(self, subscription: str, *, anew: bool, key: str) -> None:
        """A pause is over; with `anew` a period begins now, and its bill is written at once."""
        self._once(key, lambda: _come_back(subscription, anew=anew))

    def pay(self, invoice: str, *, key: str) -> Changed:
        """Nobody can be charged: what is owed is told by the bill."""
        with sides.control_unit():
            row = Invoice.objects.get(public_id=invoice, provider=CODE)
        return Changed(applied=row.status == Status.PAID, document=row.public_id)

    def fetch(self, customer: str) -> AccountSeen:
        """All of it, as it is."""
        with sides.control_unit():
            return seeing.account(customer)

    def customers(self, *, after: str = "") -> Iterator[str]:
        """Every customer after one, in the order in which they were made."""
        with sides.control_unit():
            rows = TransferCustomer.objects.order_by("pk")
            if after:
                rows = rows.filter(pk__gt=TransferCustomer.objects.get(external_id=after).pk)
            known = list(rows.values_list("external_id", flat=True))
        yield from known

    def events(self, *, since: str = "") -> Iterator[Event]:
        """None: whoever changes something asks for a look at the account."""
        return iter(())

    def refund(self, invoice: str, *, amount: int, reason: str, key: str) -> str:
        """The operator sends the money back by a transfer of their own; this is its reference."""
        return str(self._once(key, lambda: {"id": f"back-{ids.random_id(10)}"})["id"])

    def credit(self, customer: str, *, amount: int, currency: str, reason: str, key: str) -> str:
        """Credit, first for what is still open, then for the next bill."""
        return str(self._once(key, lambda: _credited(customer, amount, currency, reason, key))["id"])

    def charge(self, customer: str, subscription: str, line: Line, *, name: str, key: str) -> str:
        """A line of the next period's bill, tax on top."""
        return str(self._once(key, lambda: _charged(subscription, line))["id"])

    def bill_apart(self, customer: str, subscription: str, line: Line | None, *, name: str, key: str) -> str:
        """A bill of its own; what waited for the next one stands on it."""
        return str(self._once(key, lambda: _billed_apart(subscription, line, key))["id"])

    def untax(self, invoice: str, *, amount: int, reason: str, key: str) -> str:
        """Our own invoices are corrected by our own documents (`documents.correcting`)."""
        raise NotImplementedError

    def discount(self, subscription: str, coupon: str, *, key: str) -> None:
        """From the next bill on; one that was written ahead is made anew."""
        self._once(key, lambda: _discounted(subscription, coupon))

    def tax(self, subscription: str, basis_points: int, *, key: str) -> None:
        """Each bill finds its own by the buyer."""

    def read_event(self, raw: bytes, headers: Mapping[str, str]) -> Event:
        """Nobody sends any."""
        raise BadSignature

    def _once(self, key: str, do: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        with sides.control_unit():
            kept, new = TransferDone.objects.get_or_create(key=f"{key}"[:160])
            kept = TransferDone.objects.select_for_update().get(pk=kept.pk)
            if not new and kept.result:
                return dict(kept.result)
            kept.result = {"done": True, **do()}
            kept.save(update_fields=["result"])
            return dict(kept.result)


def _new_customer(payer: Payer, values: dict[str, str]) -> str:
    account = BillingAccount.objects.get(public_id=payer.account)
    return TransferCustomer.objects.create(external_id=f"tc_{ids.random_id()}", account=account, **values).external_id


def _bought(customer: str, target: Target) -> dict[str, Any]:
    who, account = books.customer_locked(customer)
    catalogue.items_of(target)  # what is not sold is refused before anything is written
    now = clock.now()
    trial = target.trial_end if target.trial_end and target.trial_end > now else None
    begins = trial or now
    period = Period(begins, after(begins, target.interval, 1))
    row = TransferSubscription.objects.create(
        external_id=f"ts_{ids.random_id()}", customer=who, target=books.stored(target, coupon_from=begins), created_at=now, anchor=begins, trial_end=trial, billed_until=period.end,
        waits=credit.pays_first(account, now), trial={} if trial else credit.trial_of(account, now),
    )  # fmt: skip
    row.first = books.bill(row, books.whole(row, target, at=begins), operation=f"{row.external_id}:first", due_at=begins + books.LANDING, period=period)
    row.save(update_fields=["first"])
    return {"reference": row.external_id, "document": row.first.public_id}


def _locked(subscription: str) -> TransferSubscription:
    """A subscription with its account locked, brought to this moment. Raises OverAlready."""
    found = TransferSubscription.objects.select_related("customer").get(external_id=subscription)
    services.locked(found.customer.account_id)
    row = TransferSubscription.objects.select_for_update(of=("self",)).select_related("customer__account", "first").get(pk=found.pk)
    now = clock.now()
    books.go_on(row, now)
    if row.ended_at is not None or row.closed_at is not None or books.lapsed_at(row, now) is not None or books.is_waiting(row):
        raise OverAlready
    return row


def _closed(reference: str) -> dict[str, Any]:
    row = TransferSubscription.objects.select_related("customer__account", "first").get(external_id=reference)
    account = services.locked(row.customer.account_id)
    first = row.first
    if first is not None:
        first.refresh_from_db()
        if first.status == Status.OPEN and not first.paid_minor:
            services.void(account, first, actor=books.HOUSE, reason="checkout closed")
            row.closed_at = clock.now()
            row.save(update_fields=["closed_at"])
    return {}


def _changed(subscription: str, target: Target, as_of: datetime, key: str) -> dict[str, Any]:
    row = _locked(subscription)
    catalogue.items_of(target)
    held, period = books.read(row.target), books.period_of(row, as_of)
    owed = books.difference(row, target, as_of)
    in_trial = row.trial_end is not None and as_of < row.trial_end
    if held.interval != target.interval and not in_trial:
        row.anchor = as_of
        period = Period(as_of, after(as_of, target.interval, 1))
    rest = Period(max(as_of, period.start), period.end)
    row.target, row.scheduled = books.stored(target, coupon_from=books.coupon_from(row, target, next_bill=row.anchor if in_trial else period.end)), None
    row.save(update_fields=["target", "scheduled", "anchor"])
    books.drop_ahead(row, reason="changed")
    document = ""
    if in_trial:
        _bill_again(row, target)
    elif owed.total > 0:
        document = books.bill(row, owed, operation=f"change:{key}", due_at=clock.now() + books.CHANGE_DUE, period=rest).public_id
    elif owed.total < 0:
        books.give_credit(row, owed, operation=f"change:{key}", period=rest)
    if held.interval != target.interval and not in_trial:
        row.billed_until = period.end
        row.save(update_fields=["billed_until"])
    books.go_on(row, clock.now())
    return {"document": document}


def _bill_again(row: TransferSubscription, target: Target) -> None:
    """In what is left of a trial a change costs nothing; the bill of the first period is another one."""
    first = row.first
    if first is None:
        return
    services.take_back(services.locked(row.customer.account_id), first, actor=books.HOUSE, reason="changed")
    period = Period(row.anchor, after(row.anchor, target.interval, 1))
    row.first = books.bill(row, books.whole(row, target, at=row.anchor), operation=f"{first.operation}+", due_at=row.anchor + books.LANDING, period=period)
    row.billed_until = period.end
    row.save(update_fields=["first", "billed_until"])


def _scheduled(subscription: str, target: Target) -> dict[str, Any]:
    row = _locked(subscription)
    catalogue.items_of(target)
    ends = books.period_of(row, clock.now()).end
    row.scheduled = {**books.stored(target, coupon_from=books.coupon_from(row, target, next_bill=ends)), "begins": ends.isoformat()}
    row.save(update_fields=["scheduled"])
    _anew(row, "changes at the end")
    return {"at": ends.isoformat()}


def _anew(row: TransferSubscription, reason: str) -> None:
    if row.trial_end is None or clock.now() >= row.trial_end:
        books.drop_ahead(row, reason=reason)
    else:
        _bill_again(row, books.read(row.scheduled or row.target))
    books.go_on(row, clock.now())


def _set(subscription: str, reason: str, **values: Any) -> dict[str, Any]:
    row = _locked(subscription)
    for name, value in values.items():
        setattr(row, name, value)
    row.save(update_fields=list(values))
    _anew(row, reason)
    return {}


def _come_back(subscription: str, *, anew: bool) -> dict[str, Any]:
    _set(subscription, "comes back", paused_until=None)
    if anew:
        row, now = _locked(subscription), clock.now()
        books.drop_ahead(row, reason="begins anew")
        row.anchor = row.billed_until = now
        row.save(update_fields=["anchor", "billed_until"])
        books.go_on(row, now)
    return {}


def _cancelled(subscription: str, *, at_end: bool) -> dict[str, Any]:
    row = _locked(subscription)
    now = clock.now()
    row.cancel_at = books.period_of(row, now).end if at_end else now
    row.scheduled = None
    row.save(update_fields=["cancel_at", "scheduled"])
    books.drop_ahead(row, reason="cancelled")
    if row.first is not None and row.first.period_start and row.first.period_start >= row.cancel_at:
        services.take_back(services.locked(row.customer.account_id), row.first, actor=books.HOUSE, reason="cancelled")
    if not at_end:
        books.drop_open(row, reason="cancelled")
    books.go_on(row, now)
    return {}


def _charged(subscription: str, line: Line) -> dict[str, Any]:
    row = _locked(subscription)
    row.lines = [*row.lines, *snapshots.stored([line])]
    row.save(update_fields=["lines"])
    return {"id": f"line-{ids.random_id(10)}"}


def _billed_apart(subscription: str, line: Line | None, key: str) -> dict[str, Any]:
    """Of a subscription that has ended, too."""
    found = TransferSubscription.objects.select_related("customer").get(external_id=subscription)
    services.locked(found.customer.account_id)
    row, now = TransferSubscription.objects.select_for_update(of=("self",)).select_related("customer__account").get(pk=found.pk), clock.now()
    lines = [*snapshots.read(row.lines), *([line] if line else [])]
    if not lines:
        return {"id": ""}
    row.lines = []
    row.save(update_fields=["lines"])
    owed = quote(lines, books.read(row.target).currency, tax_bp=books.rule_of(row)[1].bp)
    ends = row.ended_at or now
    begins = min(books.period_of(row, ends - _INSTANT).start, ends - timedelta(days=1))
    made = books.bill(row, owed, operation=f"apart:{key}"[:120], due_at=now + books.CHANGE_DUE, period=Period(begins, ends))
    return {"id": made.public_id}


def _discounted(subscription: str, coupon: str) -> dict[str, Any]:
    row, now = _locked(subscription), clock.now()
    begins = row.anchor if row.trial_end is not None and now < row.trial_end else books.period_of(row, now).end
    row.target = {**row.target, "coupon": coupon, "coupon_from": begins.isoformat()}
    row.scheduled = {**row.scheduled, "coupon": coupon, "coupon_from": begins.isoformat()} if row.scheduled else None
    row.save(update_fields=["target", "scheduled"])
    _anew(row, "a discount begins")
    return {}


def _credited(customer: str, amount: int, currency: str, reason: str, key: str) -> dict[str, Any]:
    who, account = books.customer_locked(customer)
    balance.enter(account, amount, currency=currency, reason=reason, actor=books.HOUSE.name, operation=f"credit:{key}"[:120])
    services.use_credit(account, books.open_bills(list(who.subscriptions.all())), actor=books.HOUSE)
    return {"id": f"credit-{ids.random_id(10)}"}
