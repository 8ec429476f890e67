"""A provider in memory, for tests of everything above the interface: it charges, declines, forgets to answer and tells events, as it is told to."""

from __future__ import annotations

import hmac
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from billing.pricing import Line, Quote, quote
from billing.pricing.periods import Period, after, period_at
from crm_platform.kernel import clock

from .fake_books import (
    Books,
    Checkout,
    Customer,
    Subscription,
    bill,
    difference,
    keep_draft,
    payer_of,
    sign,
    void_drafts,
)
from .fake_giving import Giving
from .protocol import (
    AccountSeen,
    BadPayload,
    BadSignature,
    Changed,
    Event,
    InvoiceSeen,
    Payer,
    Preview,
    ProviderUnavailable,
    Started,
    Target,
)

T = TypeVar("T")
CARD = {"brand": "visa", "last4": "4242", "until": "2030-12"}
_ENDED = ("canceled", "incomplete")


class FakeProvider(Giving):
    """See `protocol.Provider` for the verbs; what follows below them is for tests.

    `outcomes` are the next payments' ("declined", "challenge", or "unmade" for a bill that it cannot make final), `faults` the next changing calls' ("before", "after").
    """

    def __init__(self, code: str = "stripe", *, tax_bp: int = 0) -> None:
        self.code, self.tax_bp = code, tax_bp
        self.capabilities = frozenset({"checkout", "portal", "auto_charge", "proration", "pause", "events"})
        self.books = Books()
        self.outcomes: list[str] = []
        self.faults: list[str] = []
        self.calls: list[str] = []
        self.down = False
        self._turn = threading.RLock()

    # The verbs.

    def ensure_customer(self, payer: Payer, *, external_id: str | None, key: str) -> str:
        """The customer that is there, or a new one."""
        known = self.books.customers.get(external_id or "")
        if known is not None and not known.deleted:
            self._ask("ensure_customer")
            known.payer = payer
            return known.id
        return self._once("ensure_customer", key, lambda: self._make_customer(payer))

    def start_checkout(self, customer: str, target: Target, *, success_url: str, cancel_url: str, key: str) -> Started:
        """A page to pay at; the test pays by `pay_checkout`."""
        return self._once("start_checkout", key, lambda: self._make_checkout(customer, target))

    def close_checkout(self, reference: str, *, key: str) -> None:
        """The page can no longer be paid at; one that was paid stays so."""
        self._once("close_checkout", key, lambda: self._close(reference))

    def manage_url(self, customer: str, *, return_url: str) -> str:
        """A page to manage the card at."""
        self._ask("manage_url")
        return f"https://pay.example/portal/{customer}"

    def preview_change(self, subscription: str, target: Target, *, as_of: datetime) -> Preview:
        """The same arithmetic as the change's."""
        self._ask("preview_change")
        row = self.books.subscriptions[subscription]
        upcoming = row.period.end if row.target.interval == target.interval else after(as_of, target.interval, 1)
        return Preview(self._difference(row, target, as_of), bill(target, tax_bp=self.tax_bp), upcoming, as_of)

    def apply_change(self, subscription: str, target: Target, *, as_of: datetime, key: str) -> Changed:
        """Charged at once; declined or challenged, nothing changes."""
        return self._once("apply_change", key, lambda: self._change(self.books.subscriptions[subscription], target, as_of))

    def change_at_end(self, subscription: str, target: Target, *, key: str) -> datetime:
        """From the next period on."""
        return self._once("change_at_end", key, lambda: self._schedule(self.books.subscriptions[subscription], target))

    def take_back_change(self, subscription: str, *, key: str) -> None:
        """Nothing changes at the period's end."""
        self._once("take_back_change", key, lambda: self._set(subscription, scheduled=None))

    def cancel(self, subscription: str, *, at_end: bool, key: str) -> None:
        """Now, or at the period's end."""
        row = self.books.subscriptions[subscription]
        values: dict[str, Any] = {"cancel_at": row.period.end} if at_end else {"status": "canceled", "ended_at": clock.now()}
        self._once("cancel", key, lambda: self._set(subscription, scheduled=None, **values))

    def resume(self, subscription: str, *, key: str) -> None:
        """Take a cancellation back."""
        self._once("resume", key, lambda: self._set(subscription, cancel_at=None))

    def pause(self, subscription: str, *, until: datetime, key: str) -> None:
        """Charge nothing until then."""
        self._once("pause", key, lambda: self._set(subscription, paused_until=until))

    def come_back(self, subscription: str, *, anew: bool, key: str) -> None:
        """A pause is over; with `anew` a period begins now and is charged whole."""
        self._once("come_back", key, lambda: self._come_back(self.books.subscriptions[subscription], anew=anew))

    def pay(self, invoice: str, *, key: str) -> Changed:
        """Try an open invoice again."""
        return self._once("pay", key, lambda: self._pay(invoice))

    def fetch(self, customer: str) -> AccountSeen:
        """All of it, as it is."""
        self._ask("fetch")
        row = self.books.customers.get(customer)
        if row is None or row.deleted:
            return AccountSeen(customer, True, (), (), {}, 0, clock.now())
        mine = [one.seen() for one in self.books.subscriptions.values() if one.customer == customer]
        invoices = [one for one in self.books.invoices.values() if self.books.owners[one.external_id] == customer]
        refunds = tuple(one for invoice, one in self.books.refunds.values() if self.books.owners[invoice] == customer)
        notes = tuple(one for one in self.books.notes.values() if self.books.owners[one.invoice] == customer)
        return AccountSeen(customer, False, tuple(mine), tuple(reversed(invoices)), row.method, row.balance, clock.now(), {"account": row.payer.account}, refunds, notes, payer_of(row.payer))

    def customers(self, *, after: str = "") -> Iterator[str]:
        """Every customer after one, in the order in which they were made."""
        self._ask("customers")
        known = [one.id for one in self.books.customers.values() if not one.deleted]
        yield from known[known.index(after) + 1 :] if after in known else known

    def events(self, *, since: str = "") -> Iterator[Event]:
        """What happened after an event, oldest first."""
        self._ask("events")
        known = [one.external_id for one in self.books.events]
        yield from self.books.events[known.index(since) + 1 :] if since in known else list(self.books.events)

    def refund(self, invoice: str, *, amount: int, reason: str, key: str) -> str:
        """Money back to the card."""
        return self._once("refund", key, lambda: self._refund(invoice, amount))

    def credit(self, customer: str, *, amount: int, currency: str, reason: str, key: str) -> str:
        """Credit for the next bill."""
        return self._once("credit", key, lambda: self._credit(customer, amount))

    def charge(self, customer: str, subscription: str, line: Line, *, name: str, key: str) -> str:
        """A line on the next period's bill, tax on top."""
        return self._once("charge", key, lambda: self._keep_line(self.books.subscriptions[subscription], line))

    def bill_apart(self, customer: str, subscription: str, line: Line | None, *, name: str, key: str) -> str:
        """A bill of its own, charged at once; what waited for the next one stands on it."""
        return self._once("bill_apart", key, lambda: self._bill_apart(customer, self.books.subscriptions[subscription], line))

    def untax(self, invoice: str, *, amount: int, reason: str, key: str) -> str:
        """A credit note over tax of a paid invoice; it becomes credit."""
        return self._once("untax", key, lambda: self._untax(invoice, amount, reason))

    def discount(self, subscription: str, coupon: str, *, key: str) -> None:
        """From the next bill on."""
        self._once("discount", key, lambda: self._set(subscription, target=replace(self.books.subscriptions[subscription].target, coupon=coupon)))

    def tax(self, subscription: str, basis_points: int, *, key: str) -> None:
        """From the next bill on."""
        self._once("tax", key, lambda: setattr(self, "tax_bp", basis_points))

    def read_event(self, raw: bytes, headers: Mapping[str, str]) -> Event:
        """Verified by the header `Fake-Signature`."""
        if not hmac.compare_digest(headers.get("Fake-Signature", ""), sign(raw)):
            raise BadSignature
        try:
            told = json.loads(raw)
            return Event(told["id"], told["kind"], datetime.fromisoformat(told["created"]), told["customer"], told["object"], told["live"], "fake", raw.decode(), told["named"])
        except (ValueError, KeyError, TypeError) as error:
            raise BadPayload from error

    # What a test does to it.

    def decline_next(self, count: int = 1) -> None:
        """The next payments are declined."""
        self.outcomes += ["declined"] * count

    def pay_checkout(self, reference: str) -> Subscription | None:
        """The payer pays at the page: the subscription, or None where the card was declined and the page stays open."""
        page = self.books.checkouts[reference]
        assert page.state == "open", page  # noqa: S101 (a test's own mistake)
        now = clock.now()
        trial = page.target.trial_end if page.target.trial_end and page.target.trial_end > now else None
        period = Period(now, trial) if trial else period_at(now, page.target.interval, now)
        bought = Subscription(self.books.id("sub"), page.customer, page.target, "trialing" if trial else "active", now, trial or now, period, trial)
        if not trial:
            paid = self._charge(page.customer, bill(page.target, tax_bp=self.tax_bp), bought.id, period)
            if paid.status != "paid":
                del self.books.invoices[paid.external_id]
                self._tell("invoice.payment_failed", page.customer, paid.external_id)
                return None
        page.state = "complete"
        self.books.customers[page.customer].method = CARD
        self.books.subscriptions[bought.id] = bought
        self._tell("checkout.session.completed", page.customer, page.id)
        self._tell("customer.subscription.created", page.customer, bought.id)
        return bought

    def fail_refund(self, refund: str) -> None:
        """The bank sends it back, some days later."""
        invoice, given = self.books.refunds[refund]
        self.books.refunds[refund] = (invoice, replace(given, status="failed", reason="expired_or_canceled_card"))
        found = self.books.invoices[invoice]
        self.books.invoices[invoice] = replace(found, refunded=found.refunded - given.amount)
        self._tell("refund.failed", self.books.owners[invoice], refund)

    def pass_time(self) -> None:
        """Let everything happen that is due by now: ends of trials and periods, retries excepted."""
        for row in list(self.books.subscriptions.values()):
            while row.status not in _ENDED and row.ended_at is None and row.period.end <= clock.now():
                self._renew(row)

    def raw(self, event: Event) -> bytes:
        """The body in which it would be delivered."""
        named = {"id": event.external_id, "kind": event.kind, "created": event.created.isoformat(), "customer": event.customer, "object": event.object_id}
        return json.dumps(named | {"live": event.live, "named": dict(event.metadata)}).encode()

    # Within.

    def _ask(self, name: str) -> None:
        self.calls.append(name)
        if self.down:
            raise ProviderUnavailable

    def _once(self, name: str, key: str, do: Callable[[], T]) -> T:
        self._ask(name)
        with self._turn:  # the same key at the same moment is one call
            return self._answered(key, do)

    def _answered(self, key: str, do: Callable[[], T]) -> T:
        if key in self.books.done:
            found: T = self.books.done[key]
            return found
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "before":
            raise ProviderUnavailable
        self.books.done[key] = result = do()
        if fault == "after":
            raise ProviderUnavailable
        return result

    def _tell(self, kind: str, customer: str, object_id: str) -> None:
        payer = self.books.customers[customer].payer
        self.books.events.append(Event(self.books.id("evt"), kind, clock.now(), customer, object_id, live=False, version="fake", raw="", metadata={"account": payer.account}))

    def _make_customer(self, payer: Payer) -> str:
        made = Customer(self.books.id("cus"), payer)
        self.books.customers[made.id] = made
        return made.id

    def _make_checkout(self, customer: str, target: Target) -> Started:
        bill(target, tax_bp=self.tax_bp)  # refuses what is not sold
        made = Checkout(self.books.id("cs"), customer, target)
        self.books.checkouts[made.id] = made
        return Started(made.id, f"https://pay.example/{made.id}")

    def _close(self, reference: str) -> None:
        page = self.books.checkouts[reference]
        page.state = "expired" if page.state == "open" else page.state

    def _set(self, subscription: str, **values: Any) -> None:
        row = self.books.subscriptions[subscription]
        for name, value in values.items():
            setattr(row, name, value)
        self._tell("customer.subscription.deleted" if row.status == "canceled" else "customer.subscription.updated", row.customer, row.id)

    def _schedule(self, row: Subscription, target: Target) -> datetime:
        self._set(row.id, scheduled=target)
        return row.period.end

    def _difference(self, row: Subscription, target: Target, as_of: datetime) -> Quote:
        if row.status == "trialing":
            return Quote(target.currency, ())
        return difference(row.target, target, row.period, as_of, tax_bp=self.tax_bp)

    def _change(self, row: Subscription, target: Target, as_of: datetime) -> Changed:
        owed = self._difference(row, target, as_of)
        row.scheduled = None  # let go before anything is charged
        if owed.total < 0:
            self.books.customers[row.customer].balance += owed.total
        elif owed.total:
            tried = self._charge(row.customer, owed, row.id, row.period)
            if tried.status != "paid":
                del self.books.invoices[tried.external_id]
                return Changed(applied=False, confirm_url=tried.hosted_url if tried.confirm_needed else "", declined="" if tried.confirm_needed else "card_declined")
        if row.target.interval != target.interval:
            row.anchor, row.period = as_of, period_at(as_of, target.interval, as_of)
        self._set(row.id, target=target, scheduled=None)
        return Changed(applied=True)

    def _charge(self, customer: str, owed: Quote, subscription: str, period: Period) -> InvoiceSeen:
        """An invoice, paid where it can be: first out of the credit, then by card."""
        row, number = self.books.customers[customer], self.books.id("in")
        credit = min(-row.balance, owed.total) if row.balance < 0 else 0
        outcome = self.outcomes.pop(0) if self.outcomes and owed.total > credit else "paid"
        made = InvoiceSeen(number, f"F-{number}", "open", owed, 0, owed.total - credit, clock.now(), period.start, period.end, subscription=subscription, hosted_url=f"https://pay.example/{number}")
        if outcome == "unmade":
            made = replace(made, status="draft", number="", hosted_url="", problem="customer_tax_location_invalid")
        else:
            made = replace(made, failed_at=clock.now(), attempts=1, confirm_needed=outcome == "challenge") if outcome != "paid" else self._paid(made)
        row.balance += credit if outcome == "paid" else 0
        self.books.invoices[number], self.books.owners[number] = made, customer
        if outcome == "paid" and owed.total > credit:
            self.books.charges.append((customer, owed.total - credit))
        self._tell({"paid": "invoice.paid", "draft": "invoice.finalization_failed"}.get(made.status, "invoice.payment_failed"), customer, number)
        return made

    def _paid(self, invoice: InvoiceSeen) -> InvoiceSeen:
        return replace(invoice, status="paid", paid=invoice.quote.total, due=0, paid_at=clock.now(), confirm_needed=False, next_attempt=None)

    def _pay(self, invoice: str) -> Changed:
        found = self.books.invoices[invoice]
        if found.problem and "unmade" not in self.outcomes:
            found = replace(found, status="open", number=f"F-{invoice}", problem="")
        if found.status != "open":
            return Changed(applied=found.status == "paid")
        outcome, customer = self.outcomes.pop(0) if self.outcomes else "paid", self.books.owners[invoice]
        if outcome != "paid":
            self.books.invoices[invoice] = replace(found, attempts=found.attempts + 1, failed_at=found.failed_at or clock.now())
            self._tell("invoice.payment_failed", customer, invoice)
            return Changed(applied=False, confirm_url=found.hosted_url if outcome == "challenge" else "", declined="" if outcome == "challenge" else "card_declined")
        self.books.invoices[invoice] = self._paid(found)
        self.books.charges.append((customer, found.due))
        self._tell("invoice.paid", customer, invoice)
        row = self.books.subscriptions.get(found.subscription)
        if row is not None and row.status in ("past_due", "unpaid"):
            self._set(row.id, status="active")
        return Changed(applied=True)

    def _renew(self, row: Subscription) -> None:
        if row.cancel_at is not None and row.cancel_at <= row.period.end:
            self._set(row.id, status="canceled", ended_at=row.cancel_at)
            return
        if row.scheduled is not None:
            changed = row.scheduled.interval != row.target.interval
            row.anchor = row.period.end if changed else row.anchor
            row.target, row.scheduled = row.scheduled, None
        if row.paused_until is not None and row.paused_until <= row.period.end:
            row.paused_until = None
        row.period = period_at(row.anchor, row.target.interval, max(row.period.end, row.anchor))
        if row.status == "unpaid":
            keep_draft(self.books, row, bill(row.target, tax_bp=self.tax_bp))
        elif row.paused_until is None:
            with clock.frozen(row.period.start):
                self._charge_period(row)
        self._tell("customer.subscription.updated", row.customer, row.id)

    def _charge_period(self, row: Subscription) -> None:
        owed = bill(row.target, tax_bp=self.tax_bp)
        paid = self._charge(row.customer, Quote(owed.currency, (*owed.lines, *quote(row.lines, owed.currency, tax_bp=self.tax_bp).lines)), row.id, row.period)
        row.lines.clear()
        row.status = "active" if paid.status in ("paid", "draft") else "past_due"

    def _come_back(self, row: Subscription, *, anew: bool) -> None:
        row.paused_until = None
        if anew:
            void_drafts(self.books, row)
            row.anchor = clock.now()
            row.period = period_at(row.anchor, row.target.interval, row.anchor)
            self._charge_period(row)
        self._tell("customer.subscription.updated", row.customer, row.id)
