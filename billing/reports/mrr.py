"""What a subscription brings in a month, from its row alone: no provider is asked, and of invoices only whether the first by transfer was paid.

A subscription counts where its people have full access to what they pay for: the same `standing` that decides access.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime

from billing import catalogue, pricing, telling
from billing.models import AddOnVersion, Coupon, Subscription
from billing.plans import FREE
from billing.pricing import Discount, Interval, Item, Terms, references
from billing.providers.manual_invoice import credit
from tenants.lifecycle.billing_state import BillingState, standing

# States of access in which a subscription is served, and so earns.
EARNING = frozenset({BillingState.ACTIVE, BillingState.OVER_LIMIT, BillingState.PAST_DUE})
# The provider's words for one that exists and has begun.
LIVE = frozenset({"active", "past_due", "unpaid"})


@dataclass(frozen=True, slots=True)
class Prices:
    """Terms of everything sold, how long each coupon lasts, and of which subscriptions (by external id) no money has come: read once for all subscriptions."""

    add_ons: Mapping[str, Mapping[str, Any]]
    durations: Mapping[str, str]
    unproven: frozenset[str] = frozenset()
    _read: dict[str, Terms] = field(default_factory=dict, compare=False)

    def terms(self, reference: str, stored: Mapping[str, Any]) -> Terms:
        """Terms as they are stored, read once. Raises BadTerms."""
        if reference not in self._read:
            self._read[reference] = pricing.read(stored)
        return self._read[reference]


def prices() -> Prices:
    """As they stand now. Inside a control unit."""
    add_ons = {f"{one.code}:{one.version}": one.terms for one in AddOnVersion.objects.all()}
    return Prices(add_ons, dict(Coupon.objects.values_list("code", "duration")), credit.unproven())


def earns(row: Subscription, *, now: datetime) -> bool:
    """Whether it is in the figures: sold, begun, not ended, and served."""
    if row.plan.code == FREE or row.status not in LIVE or not row.interval:
        return False
    facts = telling.facts(row)
    if facts.ends_at is not None and facts.ends_at <= now:
        return False
    return standing(facts, now=now).state in EARNING


def monthly(row: Subscription, prices: Prices, *, now: datetime) -> int:
    """Minor units a month, net of tax, with a discount that recurs taken off while it lasts; 0 where it does not earn, or works on a first bill by transfer that is not paid yet."""
    if row.external_id in prices.unproven or not earns(row, now=now):
        return 0
    interval = Interval(row.interval)
    sold = [(references.seats_of(row.plan.code, row.plan.version), row.plan.terms, row.seats)]
    sold += [(references.add_on(key), prices.add_ons[key], count) for key, count in row.add_ons.items()]
    items = [Item(reference, prices.terms(reference, stored).rate(row.currency, interval), count) for reference, stored, count in sold]
    quote = pricing.quote(pricing.lines_of(items), row.currency, discount=_recurring(row.discount, prices, now=now))
    return pricing.a_month(quote.subtotal - quote.discount, interval)


def _recurring(stored: Mapping[str, Any], prices: Prices, *, now: datetime) -> Discount | None:
    found = catalogue.discount_in(stored)
    if found is None or prices.durations.get(found.code, stored.get("duration", "forever")) == "once":
        return None
    ends = parse_datetime(str(stored["ends_at"])) if stored.get("ends_at") else None
    return None if ends is not None and ends <= now else found
