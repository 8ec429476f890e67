"""The provider's interface by Stripe: hosted checkout and portal, subscriptions changed with the proration that was shown."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import stripe

from billing import catalogue
from billing.models import BillingAccount
from billing.pricing import Line, Quote, lines_of, quote
from billing.pricing.references import UNTAX
from billing.providers.choosing import sold_of
from billing.providers.protocol import (
    AccountSeen,
    BadPayload,
    BadSignature,
    Changed,
    Declined,
    Event,
    InvoiceSeen,
    NoteSeen,
    Payer,
    Preview,
    RefundSeen,
    Started,
    Target,
)
from crm_platform.db import sides
from crm_platform.kernel import clock

from . import apart, asking, changing, prices, reading
from .asking import Gone, Refused, ours

_log = logging.getLogger("kartoteka.billing")
# A trial that ends sooner cannot be sold at their pages: then the payment is now.
SHORTEST_TRIAL = 48 * 3600
# An event older than this, or from further ahead, is not believed (seconds).
OLDEST, AHEAD = 300, 600
_PAGE = 100


class StripeProvider:
    """See `protocol.Provider`."""

    code = prices.CODE
    capabilities = frozenset({"checkout", "portal", "auto_charge", "proration", "pause", "events"})

    def __init__(self, *, key: str, base: str, secrets: Sequence[str]) -> None:
        self.key, self.base, self.secrets = key, base, tuple(secret for secret in secrets if secret)

    @property
    def client(self) -> stripe.StripeClient:
        """The library's client."""
        return asking.client(self.key, self.base)

    # Customers.

    def ensure_customer(self, payer: Payer, *, external_id: str | None, key: str) -> str:
        """The customer that is there, brought up to date; or a new one. One that was deleted is made anew."""
        given = _customer(payer)
        if external_id:
            try:
                with ours():
                    known = self.client.v1.customers.update(external_id, given).id  # type: ignore[arg-type]  # built in steps
            except Gone:
                pass
            else:
                self._tell_tax_id(known, payer, key)
                return known
        with ours():
            made = self.client.v1.customers.create({**given, "metadata": {"account": payer.account, "op": key}}, _key(key))  # type: ignore[arg-type]  # built in steps
        self._tell_tax_id(made.id, payer, key)
        return made.id

    def _tell_tax_id(self, customer: str, payer: Payer, key: str) -> None:
        """The tax number of who pays now, and no other: that of the company before must not stand on the next invoice. One that they do not take bars no purchase: the reconciliation sees it."""
        wanted, ids = (_tax_type(payer), reading.bare(payer.tax_id)), self.client.v1.customers.tax_ids
        with ours():
            held = ids.list(customer, {"limit": _PAGE}).data
            for one in held:
                if (one.type, reading.bare(one.value)) != wanted:
                    ids.delete(customer, one.id)
        if not payer.tax_id or any((one.type, reading.bare(one.value)) == wanted for one in held):
            return
        try:
            with ours():
                ids.create(customer, {"type": _tax_type(payer), "value": payer.tax_id}, _key(f"{key}:tax"))
        except Refused as error:
            _log.warning("a tax number is not taken", extra={"account": payer.account, "why": str(error)})

    def manage_url(self, customer: str, *, return_url: str) -> str:
        """Their own pages for card and receipts."""
        with ours():
            return self.client.v1.billing_portal.sessions.create({"customer": customer, "return_url": return_url}).url

    def customers(self, *, after: str = "") -> Iterator[str]:
        """Every customer, newest first."""
        with ours():
            for found in self.client.v1.customers.list({"limit": _PAGE, **({"starting_after": after} if after else {})}).auto_paging_iter():
                yield found.id

    # Checkout.

    def start_checkout(self, customer: str, target: Target, *, success_url: str, cancel_url: str, key: str) -> Started:
        """Their page to pay at."""
        account = self._account(customer)
        named = {"account": account.public_id if account else "", "op": key}
        sold: dict[str, Any] = {"metadata": {**named, "sold": json.dumps(sold_of(target))}}
        trial = target.trial_end is not None and target.trial_end.timestamp() - clock.now().timestamp() >= SHORTEST_TRIAL
        if trial and target.trial_end is not None:
            sold |= {"trial_end": int(target.trial_end.timestamp()), "trial_settings": {"end_behavior": {"missing_payment_method": "cancel"}}}
        if account is not None and account.tax_bp:
            sold["default_tax_rates"] = [prices.tax_rate(self.client, account.tax_bp)]
        given: dict[str, Any] = {
            "mode": "subscription", "customer": customer, "success_url": success_url, "cancel_url": cancel_url, "client_reference_id": named["account"], "metadata": named,
            "line_items": [{"price": price, "quantity": count} for _ref, price, count in prices.lines(self.client, target)], "subscription_data": sold,
        }  # fmt: skip
        given |= {"discounts": self._discounts(target)} if target.coupon else {}
        given |= {"payment_method_collection": "if_required"} if not trial and not _bill(target).total else {}
        with ours():
            made = self.client.v1.checkout.sessions.create(given, _key(key))  # type: ignore[arg-type]  # built in steps
        return Started(made.id, made.url or "")

    def close_checkout(self, reference: str, *, key: str) -> None:
        """The page can no longer be paid at; one that was paid, or has run out, stays as it is."""
        with ours():
            if self.client.v1.checkout.sessions.retrieve(reference).status == "open":
                self.client.v1.checkout.sessions.expire(reference, {}, _key(key))

    def _discounts(self, target: Target) -> list[dict[str, str]]:
        row = catalogue.coupon_of(target.coupon)
        return [{"coupon": prices.coupon(self.client, row)}] if row is not None else []

    def _account(self, customer: str) -> BillingAccount | None:
        with sides.control_unit():
            return BillingAccount.objects.filter(provider=self.code, external_id=customer).first()

    # Changes: see `changing`.

    def preview_change(self, subscription: str, target: Target, *, as_of: datetime) -> Preview:
        """What their own arithmetic says."""
        return changing.preview(self.client, subscription, target, as_of=as_of)

    def apply_change(self, subscription: str, target: Target, *, as_of: datetime, key: str) -> Changed:
        """The payment first; without it nothing changes."""
        return changing.apply(self.client, subscription, target, as_of=as_of, key=key)

    def change_at_end(self, subscription: str, target: Target, *, key: str) -> datetime:
        """By a schedule of theirs."""
        return changing.at_end(self.client, subscription, target, key=key)

    def take_back_change(self, subscription: str, *, key: str) -> None:
        """The schedule is let go."""
        changing.release(self.client, subscription, key=key)

    def cancel(self, subscription: str, *, at_end: bool, key: str) -> None:
        """Now, or at the period's end."""
        changing.release(self.client, subscription, key=f"{key}:r")
        with ours():
            if at_end:
                self.client.v1.subscriptions.update(subscription, {"cancel_at_period_end": True}, _key(key))
            else:
                self.client.v1.subscriptions.cancel(subscription, {}, _key(key))

    def resume(self, subscription: str, *, key: str) -> None:
        """Take a cancellation back."""
        with ours():
            found = self.client.v1.subscriptions.retrieve(subscription)
            if found.cancel_at is not None or found.cancel_at_period_end:
                self.client.v1.subscriptions.update(subscription, {"cancel_at_period_end": False}, _key(key))

    def pause(self, subscription: str, *, until: datetime, key: str) -> None:
        """Nothing is collected until then; it goes on by itself."""
        with ours():
            self.client.v1.subscriptions.update(subscription, {"pause_collection": {"behavior": "void", "resumes_at": int(until.timestamp())}}, _key(key))

    def come_back(self, subscription: str, *, anew: bool, key: str) -> None:
        """A pause is over. With `anew` a period begins now and is billed whole: the present one was never billed, so nothing is credited for it."""
        with ours():
            found = self.client.v1.subscriptions.retrieve(subscription)
            if found.status == "paused":  # theirs begins anew by itself
                self.client.v1.subscriptions.resume(subscription, {"billing_cycle_anchor": {"type": "now"}}, _key(f"{key}:p"))
                return
            if found.pause_collection:
                self.client.v1.subscriptions.update(subscription, {"pause_collection": ""}, _key(key))
            if anew:
                apart.let_drafts_go(self.client, subscription, key=key)
                self.client.v1.subscriptions.update(subscription, {"billing_cycle_anchor": {"type": "now"}, "proration_behavior": "none"}, _key(f"{key}:n"))

    # Money.

    def pay(self, invoice: str, *, key: str) -> Changed:
        """Try an open invoice again, with the card that is there."""
        try:
            with ours():
                found = self.client.v1.invoices.pay(invoice, {}, _key(key))
        except Declined as error:
            with ours():
                found = self.client.v1.invoices.retrieve(invoice)
            asks = error.facts.get("reason") in changing.ASKS
            return Changed(applied=False, confirm_url=(found.hosted_invoice_url or "") if asks else "", declined="" if asks else str(error.facts.get("reason", "")))
        return Changed(applied=found.status == "paid", confirm_url="" if found.status == "paid" else found.hosted_invoice_url or "")

    def refund(self, invoice: str, *, amount: int, reason: str, key: str) -> str:
        """Money back to the card it came from."""
        with ours():
            payments = self.client.v1.invoice_payments.list({"invoice": invoice, "status": "paid", "limit": 10}).data
            intent = next((reading.id_of(one.payment.payment_intent) for one in payments if one.payment.payment_intent), "")
            if not intent:
                raise Gone(why=invoice)
            return self.client.v1.refunds.create({"payment_intent": intent, "amount": amount, "metadata": {"op": key, "reason": reason[:200]}}, _key(key)).id

    def credit(self, customer: str, *, amount: int, currency: str, reason: str, key: str) -> str:
        """Credit for the next bills."""
        with ours():
            return self.client.v1.customers.balance_transactions.create(
                customer, {"amount": -amount, "currency": currency.lower(), "description": reason[:200], "metadata": {"op": key}}, _key(key)
            ).id

    def charge(self, customer: str, subscription: str, line: Line, *, name: str, key: str) -> str:
        """A line of the subscription's next invoice; its tax is the subscription's, no discount is taken off it."""
        with ours():
            currency = self.client.v1.subscriptions.retrieve(subscription).currency
            return self.client.v1.invoice_items.create(
                {
                    "customer": customer, "subscription": subscription, "currency": currency, "unit_amount_decimal": Decimal(line.unit), "quantity": line.quantity, "description": name[:250],
                    "discountable": False, "metadata": {"ref": line.ref, "op": key},
                },
                _key(key),
            ).id  # fmt: skip

    def bill_apart(self, customer: str, subscription: str, line: Line | None, *, name: str, key: str) -> str:
        """An invoice of its own, charged at once; what waited for the subscription's next one stands on it."""
        return apart.bill(self.client, customer, subscription, line, name=name, key=key)

    def untax(self, invoice: str, *, amount: int, reason: str, key: str) -> str:
        """A credit note over tax of a paid invoice, which becomes the customer's credit."""
        with ours():
            return self.client.v1.credit_notes.create(
                {
                    "invoice": invoice, "lines": [{"type": "custom_line_item", "description": reason[:250], "quantity": 1, "unit_amount": amount}], "credit_amount": amount,
                    "memo": reason[:500], "email_type": "none", "metadata": {"ref": UNTAX, "op": key},
                },
                _key(key),
            ).id  # fmt: skip

    def discount(self, subscription: str, coupon: str, *, key: str) -> None:
        """The coupon holds from the next invoice on."""
        with sides.control_unit():
            row = catalogue.coupon_of(coupon)
        if row is None:
            raise Gone(why=coupon)
        with ours():
            self.client.v1.subscriptions.update(subscription, {"discounts": [{"coupon": prices.coupon(self.client, row)}], "proration_behavior": "none"}, _key(key))
        changing.carry_along(self.client, subscription, key=key)

    def tax(self, subscription: str, basis_points: int, *, key: str) -> None:
        """From the next invoice on."""
        with ours():
            rates = [prices.tax_rate(self.client, basis_points)] if basis_points else []
            self.client.v1.subscriptions.update(subscription, {"default_tax_rates": rates or ""}, _key(key))
        changing.carry_along(self.client, subscription, key=key)

    # Looking.

    def fetch(self, customer: str) -> AccountSeen:
        """All subscriptions, the last hundred invoices, what their payments say, the card."""
        now, client = clock.now(), self.client
        try:
            with ours():
                found = client.v1.customers.retrieve(customer, {"expand": ["tax_ids"]})
        except Gone:
            return AccountSeen(customer, True, (), (), {}, 0, now)
        if getattr(found, "deleted", False):
            return AccountSeen(customer, True, (), (), {}, 0, now)
        with ours():
            held = list(client.v1.subscriptions.list({"customer": customer, "status": "all", "limit": _PAGE, "expand": ["data.discounts.source.coupon", "data.default_payment_method"]}).auto_paging_iter())
            seen = tuple(map(reading.subscription, held))
        method = next((one.default_payment_method for one in held if one.default_payment_method is not None and not isinstance(one.default_payment_method, str)), None)
        chosen = reading.id_of(found.invoice_settings.default_payment_method) if found.invoice_settings is not None else ""
        if method is None and chosen:
            with ours():
                method = client.v1.payment_methods.retrieve(chosen)
        invoices, refunds, notes = self._money(customer)
        return AccountSeen(customer, False, seen, invoices, reading.method(method), found.balance or 0, now, reading.words(found.metadata), refunds, notes, reading.payer(found))

    def _money(self, customer: str) -> tuple[tuple[InvoiceSeen, ...], tuple[RefundSeen, ...], tuple[NoteSeen, ...]]:
        client = self.client
        with ours():
            invoices = client.v1.invoices.list({"customer": customer, "limit": _PAGE, "expand": ["data.payments"]}).data
            charges = client.v1.charges.list({"customer": customer, "limit": _PAGE, "expand": ["data.refunds"]}).data if invoices else []
            unpaid = any(one.status == "open" for one in invoices)
            intents = client.v1.payment_intents.list({"customer": customer, "limit": _PAGE}).data if unpaid else []
            corrected = any(one.pre_payment_credit_notes_amount or one.post_payment_credit_notes_amount for one in invoices)
            notes = client.v1.credit_notes.list({"customer": customer, "limit": _PAGE}).data if corrected else []
            known, refs = reading.money(charges, intents), prices.refs()
            return tuple(reading.invoice(one, known, refs) for one in invoices), reading.refunds(charges), tuple(map(reading.note, notes))

    # What is sold.

    def sync_catalogue(self) -> dict[str, Any]:
        """Every price of every version looked up, or made."""
        return prices.sync(self.client)

    def wrong_prices(self) -> dict[str, dict[str, Any]]:
        """Prices that are not as we sell them."""
        return prices.wrong(self.client)

    def events(self, *, since: str = "") -> Iterator[Event]:
        """What happened after an event, oldest first; without one, or where it is older than they remember, all that they remember."""
        with ours():
            if since:
                try:
                    self.client.v1.events.retrieve(since)
                except stripe.InvalidRequestError:
                    since = ""
            if since:
                found: Iterator[stripe.Event] = self.client.v1.events.list({"ending_before": since, "limit": _PAGE}).auto_paging_iter()
            else:
                found = reversed(list(self.client.v1.events.list({"limit": _PAGE}).auto_paging_iter()))
            for one in found:
                yield reading.event(json.dumps(one.to_dict(for_json=True)))

    def read_event(self, raw: bytes, headers: Mapping[str, str]) -> Event:
        """Verified with each of our secrets, over the bytes as they came. Raises BadSignature, BadPayload."""
        try:
            text = raw.decode()
        except UnicodeDecodeError as error:
            raise BadPayload from error
        header = headers.get("Stripe-Signature", "")
        if not any(_fits(text, header, secret) for secret in self.secrets) or _signed_at(header) > time.time() + AHEAD:
            raise BadSignature
        return reading.event(text)


def _fits(text: str, header: str, secret: str) -> bool:
    try:
        return bool(stripe.WebhookSignature.verify_header(text, header, secret, tolerance=OLDEST))
    except (stripe.SignatureVerificationError, ValueError):
        return False


def _signed_at(header: str) -> int:
    stamps = [part[2:] for part in header.split(",") if part.startswith("t=")]
    return int(stamps[0]) if stamps and stamps[0].isdecimal() else 0


def _key(key: str) -> stripe.RequestOptions:
    return {"idempotency_key": key[:255]}


def _customer(payer: Payer) -> dict[str, Any]:
    found: dict[str, Any] = {"name": payer.name[:250], "email": payer.email, "preferred_locales": [payer.language]}
    if payer.country:
        found["address"] = {"country": payer.country, "line1": payer.address[:200]}
    return found


def _tax_type(payer: Payer) -> str:
    return {"RU": "ru_inn", "UZ": "uz_tin", "GB": "gb_vat", "CH": "ch_vat", "US": "us_ein"}.get(payer.country, "eu_vat")


def _bill(target: Target) -> Quote:
    row = catalogue.coupon_of(target.coupon)
    return quote(lines_of(catalogue.items_of(target)), target.currency, discount=catalogue.discount_of(row) if row else None)
