"""The day's look: what every workspace brings, and what moved since the look before. Once a day, in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from billing import telling
from billing.models import Subscription
from crm_platform.db import sides
from crm_platform.kernel import clock, jobs
from tenants.lifecycle.billing_state import BillingState, standing
from tenants.models import NOBODYS

from . import mrr
from .models import Day, Kind, Movement, MrrLine, TrialStart

JOB = "reports.day"


@dataclass(frozen=True, slots=True)
class Held:
    """What one workspace brought: of the look before, or now."""

    currency: str
    minor: int
    slug: str


def ask() -> None:
    """Leave the day's look for a worker, unless it was taken: the scheduler asks now and then."""
    with sides.control_unit():
        if not Day.objects.filter(day=clock.now().date()).exists():
            jobs.later(JOB, 0, key=JOB)


def take() -> Day | None:
    """Look, and keep what was seen; None where the day has been looked at, or a later one (the clock was set back). Inside a control unit."""
    now = clock.now()
    before = Day.objects.order_by("-day").first()
    if before is not None and before.day >= now.date():
        return None
    rows = list(Subscription.objects.select_related("workspace").prefetch_related("plan").exclude(workspace__state__in=NOBODYS).order_by("workspace_id"))
    day, made = Day.objects.get_or_create(day=now.date(), defaults={"at": now, "figures": _figures(rows, now)})
    if not made:
        return None
    _note_trials(rows, now)
    prices = mrr.prices()
    worth = {row.workspace.public_id: (row, mrr.monthly(row, prices, now=now)) for row in rows}
    lines = [_line(day, row, minor) for row, minor in worth.values() if minor]
    MrrLine.objects.bulk_create(lines, batch_size=1000)
    Movement.objects.bulk_create(list(_movements(day, before, lines, {key: row for key, (row, _minor) in worth.items()})), batch_size=1000)
    return day


def _figures(rows: Iterable[Subscription], now: datetime) -> dict[str, int]:
    return dict(Counter(str(standing(telling.facts(row), now=now).state) for row in rows))


def _note_trials(rows: Iterable[Subscription], now: datetime) -> None:
    """Those that began before this was written down, or while the claim was cut short."""
    trying = [row.workspace for row in rows if standing(telling.facts(row), now=now).state == BillingState.TRIAL]
    missed = [TrialStart(workspace=one.public_id, day=(one.claimed_at or now).date()) for one in trying]
    TrialStart.objects.bulk_create(missed, ignore_conflicts=True)


def _line(day: Day, row: Subscription, minor: int) -> MrrLine:
    return MrrLine(
        day=day, workspace=row.workspace.public_id, slug=row.workspace.slug or "", currency=row.currency, minor=minor, plan=row.plan.code,
        version=row.plan.version, interval=row.interval, seats=row.seats, past_due=row.past_due_since is not None,
    )  # fmt: skip


def _movements(day: Day, before: Day | None, lines: Iterable[MrrLine], rows: Mapping[str, Subscription]) -> Iterable[Movement]:
    had = {line.workspace: Held(line.currency, line.minor, line.slug) for line in (before.lines.all() if before else ())}
    has = {line.workspace: Held(line.currency, line.minor, line.slug) for line in lines}
    known = set(Movement.objects.filter(workspace__in=has.keys() - had.keys()).values_list("workspace", flat=True))
    for workspace in sorted(had.keys() | has.keys()):
        old, new = had.get(workspace), has.get(workspace)
        if old and new and old.currency != new.currency:
            yield _moved(day, workspace, old, Kind.CHURN, -old.minor, reason="currency")
            yield _moved(day, workspace, new, Kind.REACTIVATION, new.minor, reason="currency")
        elif old and new:
            if old.minor != new.minor:
                yield _moved(day, workspace, new, Kind.EXPANSION if new.minor > old.minor else Kind.CONTRACTION, new.minor - old.minor)
        elif old:
            yield _moved(day, workspace, old, Kind.CHURN, -old.minor, reason=_why(rows.get(workspace)))
        elif new:
            yield _moved(day, workspace, new, Kind.REACTIVATION if workspace in known else Kind.NEW, new.minor)


def _moved(day: Day, workspace: str, held: Held, kind: Kind, minor: int, *, reason: str = "") -> Movement:
    return Movement(day=day, workspace=workspace, slug=held.slug, currency=held.currency, kind=kind, minor=minor, reason=reason)


def _why(row: Subscription | None) -> str:
    if row is None:
        return "left"
    if row.past_due_since is not None:
        return "unpaid"
    return "paused" if row.paused_until is not None else "left"
