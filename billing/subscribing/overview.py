"""What the administrator sees: what is had, what the next bills are, and what each plan would keep or freeze, with own numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from billing import catalogue, plans, pricing, services
from billing.metering import answering
from billing.metering.models import Counter
from billing.models import PendingChange, PlanVersion
from billing.pricing import Interval, Quote
from billing.pricing.periods import after, period_at
from billing.pricing.terms import Seats
from billing.providers.protocol import Target
from billing.seats import coming
from crm_platform.accounts.models import Access, SeatState, User
from crm_platform.db import sides
from crm_platform.kernel import clock
from crm_platform.kernel.workspace import Place
from tenants.inside import services as inside

from . import coupons, pricing_of, spending, targets
from .accounts import Held, held
from .pausing import PAUSE, is_unbilled

MONTHS = 12


@dataclass(frozen=True, slots=True)
class Over:
    """Of something there is more than a plan holds: all of it stays, adding waits."""

    metric: str
    used: int
    limit: int


@dataclass(frozen=True, slots=True)
class Compared:
    """A plan by what it would mean here. `unseated` people would be without a seat; `lost` are modules that are used now and that it has not; `monthly` is its price for the people there are, in `currency`; `limits` are its own with the packets that are bought."""

    plan: str
    version: int
    over: tuple[Over, ...]
    lost: tuple[str, ...]
    unseated: int
    currency: str
    monthly: int
    yearly_a_month: int
    limits: Mapping[str, int | None] = field(default_factory=dict)

    @property
    def fits(self) -> bool:
        """Whether nothing would freeze."""
        return not (self.over or self.lost or self.unseated)


@dataclass(frozen=True, slots=True)
class Bill:
    """A bill to come: what it is made of, and what is left to pay once the account's credit is taken off."""

    at: datetime
    amount: int
    quote: Quote


@dataclass(frozen=True, slots=True)
class Waiting:
    """A change that waits."""

    kind: str
    at: datetime
    target: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Overview:
    """All of it at a moment; amounts in minor units of `currency`."""

    live: bool
    plan: str
    version: int
    interval: str
    currency: str
    seats_bought: int
    seats_used: int
    seats_pending: int
    status: str
    period_end: datetime | None
    trial_ends_at: datetime | None
    past_due_since: datetime | None
    promised_until: datetime | None
    may_promise: bool
    paused_until: datetime | None
    cancel_at: datetime | None
    price_kept_until: datetime | None
    next_bill: Bill | None
    next_quote: Quote | None
    provider: str
    method: Mapping[str, Any]
    balance: int
    discount: Mapping[str, Any]
    waiting_code: str
    ceiling: int | None
    near_ceiling: bool
    contacts: list[dict[str, str]]
    referral_code: str
    add_ons: Mapping[str, int]
    occasional_ceiling: int | None
    waiting: tuple[Waiting, ...] = field(default=())


def overview(place: Place) -> Overview:
    """What the first page shows, out of our own rows: no provider is asked. Opens units of its own."""
    (used, pending), days = _people(place), _days(place)
    with sides.control_unit():
        had = held(place)
        row, account = had.subscription, had.account
        quote = pricing_of.quote_of(had, targets.present(had)) if had.live else None
        bills = _bills(had, days) if had.live else []
        waiting = [Waiting(one.kind, one.effective_at, one.target) for one in PendingChange.objects.filter(subscription=row, state="waiting").order_by("effective_at")]
        monthly = pricing.a_month(quote.total, Interval(row.interval)) if quote else 0
        ceiling = account.spending_ceiling_minor
        return Overview(
            had.live, row.plan.code, row.plan.version, row.interval, row.currency or account.currency, row.seats, used, pending, row.status, row.period_end,
            row.trial_ends_at, row.past_due_since, row.promised_until, row.past_due_since is not None and row.promised_for != (row.period_start or row.past_due_since),
            row.paused_until, row.cancel_at, row.price_kept_until, bills[0] if bills else None, quote, account.provider, account.method, account.balance_minor, row.discount,
            coupons.waiting(had), ceiling, ceiling is not None and monthly * 100 >= ceiling * spending.WARN_PERCENT, account.contacts, account.referral_code, row.add_ons,
            row.occasional_ceiling, tuple(waiting),
        )  # fmt: skip


def forecast(place: Place) -> list[tuple[datetime, int]]:
    """The bills of the next twelve months as things stand: what waits, days of occasional seats, discounts that end, a pause and credit included. Opens units of its own."""
    days = _days(place)
    with sides.control_unit():
        had = held(place)
        return [(bill.at, bill.amount) for bill in _bills(had, days)]


def _days(place: Place) -> coming.Used:
    with sides.unit(place):
        return coming.used()


def _bills(had: Held, days: coming.Used) -> list[Bill]:
    return bills_of(had, {row.kind: row for row in PendingChange.objects.filter(subscription=had.subscription, state="waiting")}, coming.waiting(had, days))


def bills_of(had: Held, waiting: Mapping[str, PendingChange], days: Sequence[coming.Waiting] = ()) -> list[Bill]:
    """The same of what was read, with what waits by its kind (a change of plan, a pause's end) and the days that are on no bill. Inside a control unit."""
    if not had.live:
        return []
    row, now, planned = had.subscription, clock.now(), waiting.get("plan")
    target, at, horizon = targets.present(had), row.period_end, after(now, Interval.MONTH, MONTHS)
    ends = had.discount_ends()
    credit = max(0, -had.account.balance_minor)
    found: list[Bill] = []
    quotes: dict[tuple[int, bool], Quote] = {}

    def quote_of(wanted: Target, discounted: bool) -> Quote:
        """Most months cost the same: each kind is counted once."""
        key = (id(wanted), discounted)
        if key not in quotes:
            quotes[key] = pricing_of.quote_of(had, wanted) if discounted else pricing_of.undiscounted(had, replace(wanted, coupon=""))
        return quotes[key]

    anchor = row.anchor or at
    if row.paused_until is not None and at is not None and (at < row.paused_until or is_unbilled(row, waiting.get(PAUSE))):
        at = anchor = max(now, row.paused_until)  # a period that was not billed gives way to one that begins there
    while at is not None and anchor is not None and at <= horizon and (row.cancel_at is None or at < row.cancel_at):
        if planned is not None and at >= planned.effective_at:
            target, planned, anchor = targets.read(planned.target), None, at
        owed = quote_of(target, ends is None or at < ends)
        if days:
            owed = Quote(owed.currency, (*owed.lines, *coming.on_bill(had, days, after=found[-1].at if found else None, at=at).lines))
        taken = min(credit, owed.total)
        credit -= taken
        found.append(Bill(at, owed.total - taken, owed))
        at = period_at(anchor, target.interval, at).end
    return found


def compare(place: Place, *, only: str = "", seats: int | None = None) -> list[Compared]:
    """Every plan on sale (or one, by its code, with so many seats) by what would freeze here, with own numbers; cheapest first. Opens units of its own."""
    with sides.unit(place):
        own = mine()
    with sides.control_unit():
        return beside(held(place), *own, only=only, seats=seats)


def mine() -> tuple[dict[str, int], list[str], str]:
    """What there is of each metric, the modules that are had, the currency. Inside the workspace's unit."""
    limits = inside.state().limits
    return answering.values(), [module for module in plans.ALL_MODULES if limits.get(module, 1)], inside.preferences().currency


def beside(had: Held, used: Mapping[str, int], has: list[str], currency: str, *, only: str = "", seats: int | None = None) -> list[Compared]:
    """The plans on sale beside what there is. Inside a control unit."""
    extra, shown = _extra(had), had.subscription.currency or had.account.currency or currency
    return [_compared(had, version, used=used, has=has, extra=extra, currency=shown, bought=seats) for version in services.on_sale(special=True) if only in ("", version.code)]


def _compared(had: Held, version: PlanVersion, *, used: Mapping[str, int], has: list[str], extra: Mapping[str, int], currency: str, bought: int | None) -> Compared:
    terms, people = catalogue.terms_of(version), used.get("users", 0)
    limits = {metric: limit + extra.get(metric, 0) if limit is not None and version.code != plans.FREE else limit for metric, limit in version.limits.items()}
    over = [Over(metric, count, limits[name]) for metric, count in sorted(used.items()) if (name := metric.partition(".")[0]) != "users" and limits.get(name) is not None and count > limits[name]]
    seats = bought if bought is not None and terms.seats == Seats.NAMED else limits.get("users")
    lost = [module for module in has if module not in version.features and module in (had.subscription.plan.features if had.subscription.trial_ends_at is None else [])]
    shown = currency if currency in terms.currencies else "EUR"
    count = 1 if terms.seats == Seats.UNLIMITED else max(people, terms.least)
    monthly, yearly = (terms.rate(shown, interval).amount(count) for interval in Interval)
    return Compared(
        version.code, version.version, tuple(over), tuple(lost), max(0, people - seats) if seats is not None else 0, shown, monthly, pricing.a_month(yearly, Interval.YEAR), limits
    )  # fmt: skip


def _extra(had: Held) -> dict[str, int]:
    """What the packets that are bought add to each limit."""
    found: dict[str, int] = {}
    for ref, count in had.subscription.add_ons.items():
        sold = catalogue.add_on_of(ref)
        for metric, given in (sold.gives if sold else {}).items():
            if given is not True:
                found[metric] = found.get(metric, 0) + given * count
    return found


def _people(place: Place) -> tuple[int, int]:
    """Seats in use, and people who wait for one's payment."""
    with sides.unit(place):
        row = Counter.objects.filter(metric="users").first()
        waiting = User.objects.filter(seat_state=SeatState.PENDING, access__in=(Access.ACTIVE, Access.INVITED), role__view_only=False).count()
        return (row.value if row else 0), waiting
