"""Every address of the service: which verb answers it, and what it may be asked."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .resources import (
    catalogue,
    checkout,
    crediting,
    customers,
    discounts,
    invoices,
    methods,
    money,
    portal,
    schedules,
    subscriptions,
    telling,
)
from .resources.listing import found, listed, searched

Verb = Callable[..., dict[str, Any]]


@dataclass(frozen=True)
class Route:
    """One address: its method, its pattern, the name of what it may be asked, its verb."""

    method: str
    path: str
    params: str
    verb: Verb
    # Makes units of its own instead of running in one.
    alone: bool = False

    @property
    def pattern(self) -> re.Pattern[str]:
        """The path as a pattern that finds the identities in it."""
        return re.compile(re.escape(self.path).replace(r"\{\}", "([^/]+)") + r"\Z")


def _kept(path: str, noun: str, kind: str, *, create: Verb, update: Verb | None = None, delete: Verb | None = None, listing: Verb | None = None, gone: bool = False) -> list[Route]:
    """The five usual addresses of a noun."""
    rows = [Route("POST", path, f"{noun}_create", create), Route("GET", path, f"{noun}_list", listing or listed(kind, url=path))]
    rows.append(Route("GET", f"{path}/{{}}", f"{noun}_retrieve", found(kind, gone=gone)))
    rows += [Route("POST", f"{path}/{{}}", f"{noun}_update", update)] if update else []
    return rows + ([Route("DELETE", f"{path}/{{}}", f"{noun}_delete", delete)] if delete else [])


_CUSTOMER = "/v1/customers/{}"
TABLE: list[Route] = [
    Route("GET", "/v1/customers/search", "customer_search", searched("customer", url="/v1/customers/search")),
    *_kept("/v1/customers", "customer", "customer", create=customers.create, update=customers.update, delete=customers.delete, listing=customers.listing, gone=True),
    Route("POST", f"{_CUSTOMER}/tax_ids", "customer_create_tax_id", customers.create_tax_id),
    Route("GET", f"{_CUSTOMER}/tax_ids", "customer_list_tax_ids", customers.tax_ids),
    Route("GET", f"{_CUSTOMER}/tax_ids/{{}}", "customer_retrieve_tax_id", customers.tax_id),
    Route("DELETE", f"{_CUSTOMER}/tax_ids/{{}}", "customer_delete_tax_id", customers.delete_tax_id),
    Route("POST", f"{_CUSTOMER}/balance_transactions", "customer_create_balance_transaction", customers.adjust_balance),
    Route("GET", f"{_CUSTOMER}/balance_transactions", "customer_list_balance_transactions", customers.balance),
    Route("GET", f"{_CUSTOMER}/payment_methods", "customer_payment_method_list", methods.of_customer),
    Route("GET", f"{_CUSTOMER}/payment_methods/{{}}", "customer_payment_method_retrieve", methods.one_of_customer),
    *_kept("/v1/products", "product", "product", create=catalogue.create_product, update=catalogue.update_product, delete=catalogue.delete_product, listing=catalogue.products),
    Route("GET", "/v1/prices/search", "price_search", searched("price", url="/v1/prices/search")),
    *_kept("/v1/prices", "price", "price", create=catalogue.create_price, update=catalogue.update_price, listing=catalogue.prices),
    *_kept("/v1/coupons", "coupon", "coupon", create=discounts.create_coupon, update=discounts.update_coupon, delete=discounts.delete_coupon),
    *_kept("/v1/promotion_codes", "promotion_code", "promotion_code", create=discounts.create_code, update=discounts.update_code, listing=discounts.codes),
    *_kept("/v1/tax_rates", "tax_rate", "tax_rate", create=discounts.create_rate, update=discounts.update_rate),
    *_kept("/v1/payment_methods", "payment_method", "payment_method", create=methods.create, update=methods.update, listing=methods.listing),
    Route("POST", "/v1/payment_methods/{}/attach", "payment_method_attach", methods.attach),
    Route("POST", "/v1/payment_methods/{}/detach", "payment_method_detach", methods.detach),
    *_kept("/v1/setup_intents", "setup_intent", "setup_intent", create=methods.create_setup, update=methods.update_setup),
    Route("POST", "/v1/setup_intents/{}/confirm", "setup_intent_confirm", methods.confirm_setup),
    Route("POST", "/v1/setup_intents/{}/cancel", "setup_intent_cancel", methods.cancel_setup),
    *_kept("/v1/checkout/sessions", "checkout.session", "checkout.session", create=checkout.create, update=checkout.update, listing=checkout.listing),
    Route("POST", "/v1/checkout/sessions/{}/expire", "checkout.session_expire", checkout.expire),
    Route("GET", "/v1/checkout/sessions/{}/line_items", "checkout.session_list_line_items", checkout.line_items),
    Route("GET", "/v1/subscriptions/search", "subscription_search", searched("subscription", url="/v1/subscriptions/search")),
    *_kept("/v1/subscriptions", "subscription", "subscription", create=subscriptions.create, update=subscriptions.update, listing=subscriptions.listing),
    Route("DELETE", "/v1/subscriptions/{}", "subscription_cancel", subscriptions.cancel),
    Route("POST", "/v1/subscriptions/{}/pause", "subscription_pause", subscriptions.pause),
    Route("POST", "/v1/subscriptions/{}/resume", "subscription_resume", subscriptions.resume),
    Route("DELETE", "/v1/subscriptions/{}/discount", "subscription_delete_discount", discounts.drop_from_subscription),
    Route("POST", "/v1/subscription_items", "subscription_item_create", subscriptions.add_item),
    Route("GET", "/v1/subscription_items", "subscription_item_list", subscriptions.items),
    Route("GET", "/v1/subscription_items/{}", "subscription_item_retrieve", subscriptions.item),
    Route("POST", "/v1/subscription_items/{}", "subscription_item_update", subscriptions.update_item),
    Route("DELETE", "/v1/subscription_items/{}", "subscription_item_delete", subscriptions.delete_item),
    Route("POST", "/v1/invoices/create_preview", "invoice_create_preview", invoices.preview),
    Route("GET", "/v1/invoices/search", "invoice_search", searched("invoice", url="/v1/invoices/search")),
    *_kept("/v1/invoices", "invoice", "invoice", create=invoices.create, update=invoices.update, delete=invoices.delete, listing=invoices.listing),
    Route("POST", "/v1/invoices/{}/finalize", "invoice_finalize_invoice", invoices.finalize),
    Route("POST", "/v1/invoices/{}/pay", "invoice_pay", invoices.pay),
    Route("POST", "/v1/invoices/{}/void", "invoice_void_invoice", invoices.void),
    Route("POST", "/v1/invoices/{}/mark_uncollectible", "invoice_mark_uncollectible", invoices.mark_uncollectible),
    Route("POST", "/v1/invoices/{}/send", "invoice_send_invoice", invoices.send),
    Route("GET", "/v1/invoices/{}/lines", "invoice_line_item_list", invoices.lines_of),
    *_kept("/v1/invoiceitems", "invoice_item", "invoiceitem", create=invoices.create_item, delete=invoices.delete_item, listing=invoices.items),
    Route("GET", "/v1/invoice_payments", "invoice_payment_list", invoices.payments),
    Route("GET", "/v1/invoice_payments/{}", "invoice_payment_retrieve", found("invoice_payment")),
    Route("GET", "/v1/payment_intents", "payment_intent_list", money.intents),
    Route("GET", "/v1/payment_intents/{}", "payment_intent_retrieve", found("payment_intent")),
    Route("POST", "/v1/payment_intents/{}", "payment_intent_update", money.update_intent),
    Route("POST", "/v1/payment_intents/{}/confirm", "payment_intent_confirm", money.confirm_intent),
    Route("POST", "/v1/payment_intents/{}/cancel", "payment_intent_cancel", money.cancel_intent),
    Route("GET", "/v1/charges", "charge_list", money.charges),
    Route("GET", "/v1/charges/{}", "charge_retrieve", found("charge")),
    *_kept("/v1/refunds", "refund", "refund", create=money.refund, update=money.update_refund, listing=money.refunds),
    Route("POST", "/v1/refunds/{}/cancel", "refund_cancel", money.cancel_refund),
    Route("POST", "/v1/credit_notes", "credit_note_create", crediting.create),
    Route("GET", "/v1/credit_notes", "credit_note_list", crediting.listing),
    Route("GET", "/v1/credit_notes/preview", "credit_note_preview", crediting.preview),
    Route("GET", "/v1/credit_notes/{}", "credit_note_retrieve", found("credit_note")),
    Route("POST", "/v1/credit_notes/{}", "credit_note_update", crediting.update),
    Route("POST", "/v1/credit_notes/{}/void", "credit_note_void_credit_note", crediting.void),
    Route("GET", "/v1/credit_notes/{}/lines", "credit_note_line_item_list", crediting.lines_of),
    Route("GET", "/v1/disputes", "dispute_list", listed("dispute", url="/v1/disputes")),
    Route("GET", "/v1/disputes/{}", "dispute_retrieve", found("dispute")),
    *_kept("/v1/subscription_schedules", "subscription_schedule", "subscription_schedule", create=schedules.create, update=schedules.update, listing=schedules.listing),
    Route("POST", "/v1/subscription_schedules/{}/release", "subscription_schedule_release", schedules.release),
    Route("POST", "/v1/subscription_schedules/{}/cancel", "subscription_schedule_cancel", schedules.cancel),
    Route("POST", "/v1/billing_portal/sessions", "billing_portal.session_create", portal.create_session),
    *_kept("/v1/billing_portal/configurations", "billing_portal.configuration", "billing_portal.configuration", create=portal.create, update=portal.update, listing=portal.listing),
    Route("GET", "/v1/events", "event_list", telling.events),
    Route("GET", "/v1/events/{}", "event_retrieve", found("event")),
    *_kept("/v1/webhook_endpoints", "webhook_endpoint", "webhook_endpoint", create=telling.create_endpoint, update=telling.update_endpoint, delete=telling.delete_endpoint),
    *_kept("/v1/test_helpers/test_clocks", "test_helpers.test_clock", "test_helpers.test_clock", create=telling.create_clock, delete=telling.delete_clock),
]
