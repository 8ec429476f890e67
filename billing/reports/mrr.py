"""What a subscription brings in a month, from its row alone: no invoice and no provider is asked.

A subscription counts where its people have full access to what they pay for: the same `standing` that decides access.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime

from billing import pricing
from billing.models import Subscription
from billing.plans import FREE
from billing.pricing import Discount, Interval, Item
from tenants.lifecycle.billing_state import BillingState, Facts, standing

# States of access in which a subscription is served, and so earns.
EARNING = frozenset({BillingState.ACTIVE, BillingState.OVER_LIMIT, BillingState.PAST_DUE})
# The provider's words for one that exists and has begun.
LIVE = frozenset({"active", "past_due", "unpaid"})


@dataclass(frozen=True, slots=True)
class Prices:
    """Terms of everything sold, and how long each coupon lasts: read once for all subscriptions."""

    add_ons: Mapping[str, Mapping[str, Any]]
    durations: Mapping[str, str]


def facts_of(row: Subscription) -> Facts:
    """The moments of a subscription's row."""
    return Facts(
        trial_ends_at=row.trial_ends_at, past_due_since=row.past_due_since, promised_until=row.promised_until,
        extended_until=row.extended_until, paused_until=row.paused_until, erased_at=row.workspace.erased_at,
    )  # fmt: skip


def earns(row: Subscription, *, now: datetime) -> bool:
    """Whether it is in the figures: sold, begun, not ended, and served."""
    if row.plan.code == FREE or row.status not in LIVE or not row.interval:
        return False
    if row.ended_at is not None and row.ended_at <= now:
        return False
    if row.cancel_at is not None and row.cancel_at <= now:
        return False
    return standing(facts_of(row), now=now).state in EARNING


def monthly(row: Subscription, prices: Prices, *, now: datetime) -> int:
    """Minor units a month, net of tax, with a discount that recurs taken off while it lasts; 0 where it does not earn."""
    if not earns(row, now=now):
        return 0
    interval = Interval(row.interval)
    items = [Item(f"plan:{row.plan.code}:{row.plan.version}:seats", pricing.read(row.plan.terms).rate(row.currency, interval), row.seats)]
    for key, count in row.add_ons.items():
        items.append(Item(f"addon:{key}", pricing.read(prices.add_ons[key]).rate(row.currency, interval), count))
    quote = pricing.quote(pricing.lines_of(items), row.currency, discount=_recurring(row.discount, prices, now=now))
    return pricing.a_month(quote.subtotal - quote.discount, interval)


def _recurring(stored: Mapping[str, Any], prices: Prices, *, now: datetime) -> Discount | None:
    code = str(stored.get("code", ""))
    if not code or prices.durations.get(code, stored.get("duration", "forever")) == "once":
        return None
    ends = parse_datetime(str(stored.get("ends_at") or stored.get("ends") or "")) if stored.get("ends_at") or stored.get("ends") else None
    if ends is not None and ends <= now:
        return None
    return Discount(code, int(stored.get("percent_bp") or 0), int(stored.get("amount") or 0), str(stored.get("currency") or ""))
