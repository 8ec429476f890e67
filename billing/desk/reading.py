"""What the pages show of the control side, read in one short unit; nothing is asked of a provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from billing import catalogue, plans, pricing, services, views
from billing.documents.models import Invoice, Status
from billing.documents.services import OURS
from billing.metering import answering
from billing.models import Checkout, PendingChange, Subscription
from billing.pricing import Interval, Quote
from billing.seats import coming as days_to_come
from billing.subscribing import overview as comparing
from billing.subscribing import pausing, returning, spending
from billing.subscribing.accounts import Held, held
from billing.subscribing.overview import Compared
from crm_platform.db import sides
from crm_platform.db.prepared import Prepared
from crm_platform.kernel import clock
from crm_platform.kernel.workspace import Place
from tenants.inside import services as inside
from tenants.lifecycle.billing_state import BillingState, Standing


@dataclass(frozen=True, slots=True)
class Overview:
    """All of one workspace's money at a moment. `plan` is the code whose limits hold; `waiting` maps kind to the change that waits; `coming` are the moments and sums of a year's bills, `next` says what the first of them is made of; `lost` is what the payment service had ended before its bill was paid; `month` is what a month comes to beside the firm's ceiling, where it set one."""

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
    lost: Mapping[str, Any] | None = None

    @property
    def row(self) -> Subscription:
        """What is had."""
        return self.had.subscription

    @property
    def on(self) -> str:
        """The plan's code as it holds now: after a trial without a purchase, Free."""
        return plans.TRIAL if self.standing.state == BillingState.TRIAL and not self.had.live else self.plan


    @property
    def to_transfer(self) -> tuple[Invoice, ...]:
        """Bills that wait for a transfer while all works; one of a purchase that begins with the money stands beside that purchase."""
        begun = self.checkout.document if self.checkout else ""
        return () if self.standing.state in UNPAID else tuple(one for one in self.open_bills if one.provider == OURS and one.public_id != begun)

    @property
    def pays_anew(self) -> bool:
        """Whether paying what is owed begins, and bills, a new period: the payment service had given up before the present one."""
        row = self.row
        return row.status == "unpaid" and row.past_due_since is not None and row.period_start is not None and row.past_due_since < row.period_start

    @property
    def begins_anew(self) -> bool:
        """Whether coming back from the pause begins, and bills, a new period."""
        return pausing.is_unbilled(self.row, self.waiting.get(pausing.PAUSE))


_WAITING = Prepared(PendingChange, lambda subscription: PendingChange.objects.filter(subscription_id=subscription, state="waiting"))
_OPEN = Prepared(Checkout, lambda account: Checkout.objects.filter(account_id=account, state="open"))
_BILLS = Prepared(Invoice, lambda account: Invoice.objects.filter(account_id=account, status=Status.OPEN).order_by("created_at", "pk"))


def overview(place: Place, *, bills: bool = True) -> Overview:
    """Opens a control unit; asked for inside the workspace's own. Without `bills` what is to come and what is begun is left out."""
    own = _own()
    with sides.control_unit():
        return _seen(held(place), own, bills=bills)


def with_plans(place: Place, *, only: str = "") -> tuple[Overview, list[Compared]]:
    """The same without bills, with the plans on sale by what would freeze on them."""
    own, mine = _own(), comparing.mine()
    with sides.control_unit():
        had = held(place)
        return _seen(had, own, bills=False), comparing.beside(had, *mine, only=only)


def _own() -> tuple[Standing, str, str, days_to_come.Used]:
    """What the workspace itself knows: how it stands, its plan, its currency, the days on which occasional seats were used."""
    return answering.standing_here(), views.plan_code(), inside.preferences().currency, days_to_come.used()


def _seen(had: Held, own: tuple[Standing, str, str, days_to_come.Used], *, bills: bool) -> Overview:
    stands, plan, chosen, days = own
    row = had.subscription
    waiting = {one.kind: one for one in _WAITING.rows(subscription=row.pk) if one.kind != "seats" or one.effective_at > clock.now()}
    seen = Overview(had, stands, plan, row.currency or had.account.currency or _sold_in(row, chosen), waiting, month=spending.month(had, days=days.this_month))
    if not bills:
        return seen
    bills_to_come = comparing.bills_of(had, waiting, days_to_come.waiting(had, days))
    coming, first = tuple((bill.at, bill.amount) for bill in bills_to_come), bills_to_come[0].quote if bills_to_come else None
    return replace(seen, checkout=_OPEN.first(account=had.account.pk), open_bills=tuple(_BILLS.rows(account=had.account.pk)) if stands.state in UNPAID or had.account.provider == OURS else (), next=first, coming=coming, lost=returning.lost(had.account) if row.status == "canceled" and not had.live else None)


def _sold_in(row: Subscription, currency: str) -> str:
    return currency if currency in pricing.read(row.plan.terms).currencies else "EUR"


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
    terms, seats = catalogue.terms_of(version), max(1, seen.row.seats)
    shown = seen.currency if seen.currency in terms.currencies else "EUR"
    prices = {interval: pricing.a_month(rate.unit(seats) or rate.base, interval) for interval in Interval for rate in [terms.rate(shown, interval)]}
    limits = {**version.limits, "users": version.limits.get("users")}
    name = str(plans.NAMES.get(version.code, version.code))
    return Offer(version.code, name, limits, prices[Interval.MONTH], prices[Interval.YEAR], seen.on == version.code, str(terms.seats))


UNPAID = frozenset({BillingState.PAST_DUE, BillingState.LIMITED, BillingState.FROZEN, BillingState.DELETE_SCHEDULED})
