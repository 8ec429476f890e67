"""A simulated year: workspaces that are only rows of the control side, and what their owners do to their subscriptions."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from billing import services
from billing.models import PlanVersion, Subscription
from billing.pricing import periods
from billing.pricing.terms import Interval
from billing.reports.models import Day, Movement, MrrLine, TrialStart
from tenants.lifecycle.billing_state import LIMITED_FROM
from tenants.models import State, Workspace

BEGINS = datetime(2027, 1, 1, 0, 5, tzinfo=UTC)
SOLD = ("start", "team", "business", "everyone", "crew")
CURRENCIES = ("EUR", "RUB", "UZS", "USD")


def nobody() -> None:
    """No workspace has a subscription and no day was looked at: what other tests left is gone until the test's transaction is taken back."""
    for model in (MrrLine, Movement, TrialStart, Day, Subscription):
        model._default_manager.all().delete()


def workspace(at: datetime, *, number: int = 0) -> Workspace:
    """A row of the registry, with no schema behind it."""
    mark = uuid.uuid4().hex[:12]
    return Workspace.objects.create(schema_name=f"w_sim_{mark}", state=State.ACTIVE, slug=f"sim-{mark}-{number}", name=f"Firm {number}", template_version="none", claimed_at=at)


def subscription(at: datetime, *, number: int = 0, **values: Any) -> Subscription:
    """A workspace on trial, or as `values` say."""
    given = {"plan": services.find("business"), "trial_ends_at": at + timedelta(days=21), "state": "trial", **values}
    return Subscription.objects.create(workspace=workspace(at, number=number), **given)


def paid(at: datetime, *, plan: str = "team", seats: int = 3, currency: str = "EUR", interval: str = "month", **values: Any) -> Subscription:
    """One that pays."""
    given = {"plan": services.find(plan), "trial_ends_at": None, "status": "active", "currency": currency, "interval": interval, "seats": seats, "anchor": at, **values}
    return subscription(at, **given)


class Owner:
    """Someone who does one thing or another to a subscription on a day. What is done is what the verbs of billing leave in the row."""

    def __init__(self, row: Subscription, lot: random.Random, versions: dict[str, PlanVersion]) -> None:
        self.row, self.lot, self.versions = row, lot, versions
        self.currency = lot.choice(CURRENCIES)

    def act(self, now: datetime) -> bool:
        """One random deed, if any; True where the row changed."""
        row = self.row
        if row.status == "none":
            return self._begin(now) if self.lot.random() < 0.03 else False
        if row.cancel_at is not None and row.cancel_at <= now:
            row.status, row.ended_at, row.cancel_at, row.plan = "canceled", row.cancel_at, None, self.versions["free"]
            return True
        if row.status == "canceled":
            return self._begin(now) if self.lot.random() < 0.01 else False
        deeds = (self._seats, self._plan, self._interval, self._cancel, self._resume, self._fail, self._pay, self._pause, self._coupon, self._packet, self._currency)
        return self.lot.choice(deeds)(now) if self.lot.random() < 0.08 else False

    def _begin(self, now: datetime) -> bool:
        if self.lot.random() < 0.05:
            self.currency = self.lot.choice(CURRENCIES)
        row = self.row
        row.plan, row.currency, row.interval = self.versions[self.lot.choice(SOLD)], self.currency, self.lot.choice(("month", "year"))
        row.seats, row.status, row.anchor, row.ended_at, row.trial_ends_at = self.lot.randint(1, 60), "active", now, None, None
        row.past_due_since = row.paused_until = row.cancel_at = None
        row.add_ons, row.discount = {}, {}
        return True

    def _seats(self, _now: datetime) -> bool:
        self.row.seats = max(1, self.row.seats + self.lot.randint(-4, 6))
        return True

    def _plan(self, _now: datetime) -> bool:
        self.row.plan = self.versions[self.lot.choice(SOLD)]
        return True

    def _interval(self, _now: datetime) -> bool:
        self.row.interval = "year" if self.row.interval == "month" else "month"
        return True

    def _cancel(self, now: datetime) -> bool:
        self.row.cancel_at = periods.period_at(self.row.anchor or now, Interval(self.row.interval), now).end
        return True

    def _resume(self, _now: datetime) -> bool:
        self.row.cancel_at = None
        return True

    def _fail(self, now: datetime) -> bool:
        if self.row.past_due_since is None:
            self.row.past_due_since, self.row.status = now, "past_due"
        return True

    def _pay(self, _now: datetime) -> bool:
        self.row.past_due_since, self.row.status = None, "active"
        return True

    def _pause(self, now: datetime) -> bool:
        self.row.paused_until = now + timedelta(days=self.lot.randint(10, 120))
        return True

    def _coupon(self, now: datetime) -> bool:
        self.row.discount = {"code": "SIM", "percent_bp": self.lot.randint(1, 99) * 100, "duration": self.lot.choice(("once", "repeating", "forever")), "ends_at": (now + timedelta(days=70)).isoformat()}
        return True

    def _currency(self, _now: datetime) -> bool:
        """No verb does this to a running subscription; the figures must add up all the same."""
        self.row.currency = self.currency = self.lot.choice(CURRENCIES)
        return True

    def _packet(self, _now: datetime) -> bool:
        self.row.add_ons = {"contacts_10k:1": self.lot.randint(1, 3), "mailings:1": 1}
        return True


def days(count: int) -> Iterator[datetime]:
    """The first minutes of so many days."""
    for number in range(count):
        yield BEGINS + timedelta(days=number)


UNSERVED_FROM = timedelta(days=LIMITED_FROM)
