"""What the pages show of the control side, read in one short unit; nothing is asked of a provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from billing import plans, pricing, services, views
from billing.documents.models import Invoice, Status
from billing.metering import answering
from billing.models import Checkout, PendingChange, Subscription
from billing.pricing import Interval, Quote
from billing.seats import admitting
from billing.seats.terms import terms
from billing.subscribing import pricing_of, spending, targets
from billing.subscribing.accounts import Held, held
from billing.subscribing.overview import forecast
from crm_platform.db import sides
from crm_platform.kernel import clock
from crm_platform.kernel.workspace import Place
from tenants.inside import services as inside
from tenants.lifecycle.billing_state import BillingState, Standing


@dataclass(frozen=True, slots=True)
class Overview:
    """All of one workspace's money at a moment. `plan` is the code whose limits hold; `waiting` maps kind to the change that waits; `coming` are the moments and sums of a year's bills, `next` says what the first of them is made of; `month` is what a month comes to beside the firm's ceiling, where it set one."""

    had: Held
    standing: Standing
    plan: str
    currency: str
    waiting: Mapping[str, PendingChange] = field(default_factory=dict)
    checkout: Checkout | None = None
    open_bills: tuple[Invoice, ...] = ()
    next: Quote | None = None
    coming: tuple[tuple[datetime, int], ...] = ()
    month: spending.Month | None = None

    @property
    def row(self) -> Subscription:
        """What is had."""
        return self.had.subscription

    @property
    def on(self) -> str:
        """The plan's code as it holds now: after a trial without a purchase, Free."""
        return plans.TRIAL if self.standing.state == BillingState.TRIAL and not self.had.live else self.plan


def overview(place: Place) -> Overview:
    """Opens a control unit; asked for inside the workspace's own."""
    stands, plan, chosen = answering.standing_here(), views.plan_code(), inside.preferences().currency
    days = admitting.days_used(admitting.month()) if terms().occasional else 0
    with sides.control_unit():
        had = held(place)
        row = had.subscription
        waiting = {one.kind: one for one in PendingChange.objects.filter(subscription=row, state="waiting").exclude(kind="seats", effective_at__lte=clock.now())}
        seen = Overview(
            had, stands, plan, row.currency or had.account.currency or _sold_in(row, chosen), waiting,
            Checkout.objects.filter(account=had.account, state="open").first(),
            tuple(Invoice.objects.filter(account=had.account, status=Status.OPEN).order_by("created_at", "pk")), _next(had, waiting),
            month=spending.month(had, days=days),
        )  # fmt: skip
    return replace(seen, coming=tuple(forecast(place)))


def _sold_in(row: Subscription, currency: str) -> str:
    return currency if currency in pricing.read(row.plan.terms).currencies else "EUR"


def _next(had: Held, waiting: Mapping[str, PendingChange]) -> Quote | None:
    """What the next bill says, by what is had and what waits for it. Inside a control unit."""
    planned = waiting.get("plan")
    return pricing_of.quote_of(had, replace(targets.read(planned.target), trial_end=None) if planned else targets.present(had)) if had.live else None


@dataclass(frozen=True, slots=True)
class Offer:
    """A plan on sale, as the workspace could have it."""

    code: str
    name: str
    limits: Mapping[str, Any]
    monthly: int
    yearly: int
    present: bool
    kind: str


def offers(seen: Overview, *, special: bool = True) -> list[Offer]:
    """The plans as this workspace could have them. Opens a control unit."""
    with sides.control_unit():
        sold = services.on_sale(special=special)
    return [_offer(version, seen) for version in sold]


def _offer(version: Any, seen: Overview) -> Offer:
    terms, seats = pricing.read(version.terms), max(1, seen.row.seats)
    shown = seen.currency if seen.currency in terms.currencies else "EUR"
    prices = {interval: pricing.a_month(rate.unit(seats) or rate.base, interval) for interval in Interval for rate in [terms.rate(shown, interval)]}
    limits = {**version.limits, "users": version.limits.get("users")}
    name = str(plans.NAMES.get(version.code, version.code))
    return Offer(version.code, name, limits, prices[Interval.MONTH], prices[Interval.YEAR], seen.on == version.code, str(terms.seats))


UNPAID = frozenset({BillingState.PAST_DUE, BillingState.LIMITED, BillingState.FROZEN, BillingState.DELETE_SCHEDULED})
