"""What the console's lists read: the control side alone, never a workspace."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q, QuerySet

from billing import telling
from billing.dunning import calendar
from billing.dunning.models import DunningStep, StepState
from billing.models import (
    BillingAccount,
    MoneyEntry,
    Override,
    PendingChange,
    Redemption,
    SeatEntry,
    Subscription,
)
from billing.plans import NAMES
from billing.reports import mrr
from crm_platform.kernel import clock
from crm_platform.kernel.errors import NotFound
from tenants import mailindex
from tenants.lifecycle.billing_state import BillingState, Standing, standing
from tenants.models import NOBODYS, Workspace

from . import words

SHOWN = 50
SORTS = {"name": "name", "seats": "subscription__seats", "since": "claimed_at"}


@dataclass(frozen=True, slots=True)
class Row:
    """A workspace as lists show it. `minor` is its MRR."""

    workspace: Workspace
    subscription: Subscription | None
    standing: Standing | None
    minor: int

    @property
    def label(self) -> tuple[Any, str, str]:
        """What the badge of its state says."""
        return words.STATES[self.standing.state] if self.standing else ("–", "", "circle-dashed")

    @property
    def plan(self) -> Any:
        """The plan's name."""
        return NAMES.get(self.subscription.plan.code, self.subscription.plan.code) if self.subscription else ""

    @property
    def unpaid_days(self) -> int | None:
        """For how many days a bill is open."""
        since = self.subscription.past_due_since if self.subscription else None
        return None if since is None else (clock.now() - since) // timedelta(days=1)


def workspaces(*, find: str = "", state: str = "", plan: str = "", sort: str = "") -> QuerySet[Workspace]:
    """Those of firms, the newest first or as `sort` says (one of SORTS, "-" before it turns it), narrowed by name, address, number or a person's e-mail; by state and plan."""
    by = SORTS.get(sort.removeprefix("-"), "")
    order = (F(by).desc(nulls_last=True), "-id") if by and sort.startswith("-") else (F(by).asc(nulls_last=True), "-id") if by else ("-id",)
    rows = Workspace.objects.exclude(state__in=NOBODYS).select_related("subscription__plan", "subscription__workspace").order_by(*order)
    find = find.strip()[:200]
    if find:
        wanted = Q(name__icontains=find) | Q(slug__icontains=find) | Q(public_id=find)
        rows = rows.filter(wanted | Q(emails__digest=mailindex.digest(find))).distinct() if "@" in find else rows.filter(wanted)
    if plan:
        rows = rows.filter(subscription__plan__code=plan)
    return rows.filter(_in_state(state)) if state in words.STATES else rows


def _in_state(state: str) -> Q:
    """As `standing` decides it now; what lies over a limit only the workspace knows, and says in the stored state."""
    now = clock.now()
    unpaid = Q(subscription__past_due_since__isnull=False)
    paused = Q(subscription__paused_until__gt=now)
    trial = Q(subscription__trial_ends_at__gt=now)
    held = Q(subscription__promised_until__gt=now) | Q(subscription__extended_until__gt=now)
    limited, frozen, scheduled = (Q(subscription__past_due_since__lte=now - timedelta(days=days)) for days in (15, 45, 225))
    over = Q(subscription__state="over_limit")
    return {
        "trial": Q(subscription__past_due_since=None) & trial & (Q(subscription__paused_until=None) | Q(subscription__paused_until__lte=now)),
        "active": Q(subscription__isnull=False) & _calm(now) & ~over,
        "over_limit": _calm(now) & over,
        "past_due": unpaid & (held | Q(subscription__past_due_since__gt=now - timedelta(days=15))),
        "limited": (limited & ~frozen & ~held) | (Q(subscription__past_due_since=None) & paused),
        "frozen": frozen & ~scheduled & ~held,
        "delete_scheduled": scheduled & ~held,
        "deleted": Q(state="erased"),
    }[state]


def _calm(now: datetime) -> Q:
    none = Q(subscription__past_due_since=None)
    no_pause = Q(subscription__paused_until=None) | Q(subscription__paused_until__lte=now)
    return none & no_pause & (Q(subscription__trial_ends_at=None) | Q(subscription__trial_ends_at__lte=now))


def rows_of(found: Iterable[Workspace], prices: mrr.Prices | None = None) -> list[Row]:
    """Rows with state and MRR as they stand now. One statement, whatever their number, and three where `prices` are not at hand."""
    prices, now = prices or mrr.prices(), clock.now()
    return [row_of(workspace, prices, now=now) for workspace in found]


def row_of(workspace: Workspace, prices: mrr.Prices, *, now: datetime) -> Row:
    """One workspace's row."""
    subscription = getattr(workspace, "subscription", None)
    if subscription is None:
        return Row(workspace, None, None, 0)
    found = standing(telling.facts(subscription), now=now, over=subscription.state == BillingState.OVER_LIMIT)
    return Row(workspace, subscription, found, mrr.monthly(subscription, prices, now=now))


@dataclass(frozen=True, slots=True)
class Whole:
    """Everything about one workspace's money that the control side knows; the lists are the newest first."""

    row: Row
    account: BillingAccount | None
    seats: list[SeatEntry]
    changes: list[PendingChange]
    overrides: list[Override]
    redemptions: list[Redemption]
    journal: list[MoneyEntry]
    steps: list[DunningStep]

    @property
    def coming(self) -> list[tuple[str, datetime]]:
        """The reminders that are still to be written, with their days."""
        one = self.row.subscription
        return [] if one is None else calendar.to_come(telling.facts(one), self.steps, now=clock.now(), began=calendar.began(one))


def whole(public_id: str) -> Whole:
    """One workspace's page; raises NotFound. A constant number of statements."""
    workspace = Workspace.objects.exclude(state__in=NOBODYS).select_related("subscription__plan", "subscription__workspace").filter(public_id=public_id).first()
    if workspace is None:
        raise NotFound
    account = BillingAccount.objects.filter(workspace=workspace).first()
    now = clock.now()
    return Whole(
        row_of(workspace, mrr.prices(), now=now), account,
        list(SeatEntry.objects.filter(workspace=workspace).order_by("-id")[:SHOWN]),
        list(PendingChange.objects.filter(subscription=workspace.pk, state="waiting").order_by("effective_at")),
        list(Override.objects.filter(workspace=workspace, ended_at=None).filter(Q(until=None) | Q(until__gt=now)).order_by("metric")),
        list(Redemption.objects.filter(workspace=workspace).select_related("coupon").order_by("-id")),
        list(MoneyEntry.objects.filter(account=account).order_by("-id")[:SHOWN]) if account else [],
        list(DunningStep.objects.filter(workspace=workspace).order_by("-id")[:SHOWN]),
    )  # fmt: skip


def unpaid() -> QuerySet[Workspace]:
    """Those with an open bill, the longest open first."""
    rows = Workspace.objects.exclude(state__in=NOBODYS).select_related("subscription__plan", "subscription__workspace")
    return rows.filter(subscription__past_due_since__isnull=False).order_by("subscription__past_due_since", "id")


def last_letters(rows: Iterable[Workspace]) -> dict[int, DunningStep]:
    """The last reminder that each was written, by its key. One statement."""
    written = DunningStep.objects.filter(workspace__in=[row.pk for row in rows], state=StepState.WRITTEN).order_by("id")
    return {step.workspace_id: step for step in written}


def unpaid_count() -> tuple[int, bool]:
    """How many have an open bill: what the rail shows."""
    return unpaid().order_by().count(), True


def counts() -> dict[str, int]:
    """How many workspaces there are, are on trial, and have an open bill. Three statements."""
    mine = Workspace.objects.exclude(state__in=NOBODYS)
    return {"all": mine.count(), "trial": mine.filter(_in_state("trial")).count(), "unpaid": mine.filter(subscription__past_due_since__isnull=False).count()}
