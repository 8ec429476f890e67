"""Reading and raising counters (design section 6): refuse at once by reading, decide races by the last statements."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from billing import plans
from crm_platform.db.prepared import Prepared
from crm_platform.kernel import clock, units
from crm_platform.kernel.errors import PlanRefusal
from crm_platform.kernel.gates import Usage
from crm_platform.ui.markup import figure
from tenants.inside import services as inside
from tenants.inside.models import WorkspaceState
from tenants.lifecycle.access import facts_of
from tenants.lifecycle.billing_state import Standing, on_free, standing

from . import marks
from .models import Counter

BUFFER_PERCENT, BUFFER_DAYS = 10, 14
_PENDING, _COUNTERS = "billing.metering.pending", "read:billing.metering.counters"
_ALL = Prepared(Counter, Counter.objects.all)
SHOWN = ("contacts", "users", "deals_open", "pipelines", "forms", "storage")
LABELS = {
    "contacts": _("Contacts and companies"), "users": _("Seats"), "deals_open": _("Open deals"), "pipelines": _("Pipelines"),
    "storage": _("Storage"), "viewers": _("View-only seats"), "fields": _("Custom fields"),
    "automations": _("Automations"), "automation_runs": _("Automation runs this month"), "mailboxes": _("Mailboxes"), "forms": _("Web forms"),
}  # fmt: skip

# Conditional: a race for the last place is decided here, by the row's lock.
_RAISE = """
INSERT INTO counter AS c (metric, value, reached_at, base_value, base_at)
    VALUES (%(metric)s, greatest(%(net)s, 0), CASE WHEN %(net)s >= %(limit)s::bigint THEN %(now)s::timestamptz END, 0, %(now)s)
ON CONFLICT (metric) DO UPDATE SET
    value = greatest(c.value + %(net)s, 0),
    reached_at = CASE WHEN c.reached_at IS NULL AND %(limit)s::bigint IS NOT NULL AND c.value + %(net)s >= %(limit)s THEN %(now)s ELSE c.reached_at END,
    base_value = CASE WHEN c.base_at < %(month)s THEN c.value ELSE c.base_value END,
    base_at = CASE WHEN c.base_at < %(month)s THEN %(now)s ELSE c.base_at END
WHERE %(ceiling)s::bigint IS NULL OR c.value + %(net)s <= %(ceiling)s
"""


def limits() -> Mapping[str, int | None]:
    """The limits that hold now: those of the plan, or Free's once an unpaid trial or a cancelled plan is over."""
    return limits_in(inside.state())


def limits_in(state: WorkspaceState) -> Mapping[str, int | None]:
    """The same by a state row."""
    held: Mapping[str, int | None] = state.limits_after_trial if on_free(facts_of(state), now=clock.now()) else state.limits
    return held


def counted() -> list[str]:
    """All metrics of which something was counted."""
    return sorted(_counters())


def values() -> dict[str, int]:
    """How many there are of each."""
    return {metric: row.value for metric, row in _counters().items()}


def over() -> list[str]:
    """Of what the workspace has more than its plan holds."""
    return sorted(metric for metric, row in _counters().items() if (limit := limit_of(metric)) is not None and row.value > limit)


def standing_here() -> Standing:
    """The state of billing as it is at this moment."""
    return standing(facts_of(inside.state()), now=clock.now(), over=bool(over()))


def _counters() -> dict[str, Counter]:
    kept = units.store()
    if _COUNTERS not in kept:
        kept[_COUNTERS] = {row.metric: row for row in _ALL.rows()}
    found: dict[str, Counter] = kept[_COUNTERS]
    return found


def _pending() -> dict[str, tuple[int, bool]]:
    pending: dict[str, tuple[int, bool]] = units.store().setdefault(_PENDING, {})
    return pending


def limit_of(metric: str) -> int | None:
    """A metric's limit; "fields.deal" is limited by "fields". A metric that no plan speaks of has none."""
    return limits().get(metric.partition(".")[0])


def ceiling_of(limit: int | None, reached_at: datetime | None, *, metric: str = "") -> int | None:
    """The limit with its buffer of 10 % until 14 days after it was first reached, then the limit alone; seats that are bought one by one have no buffer."""
    if limit is None or (metric == "users" and inside.state().seats.get("bought")):
        return limit
    if reached_at is not None and clock.now() >= reached_at + timedelta(days=BUFFER_DAYS):
        return limit
    return limit + limit * BUFFER_PERCENT // 100


def follow_limits(before: Mapping[str, int | None], after: Mapping[str, int | None]) -> None:
    """Other limits hold: where one has changed, its buffer and its notices begin anew. Nothing is taken away."""
    now = clock.now()
    for row in Counter.objects.select_for_update().order_by("metric"):
        name = row.metric.partition(".")[0]
        limit = after.get(name)
        if before.get(name) == limit:
            continue
        row.noticed, row.reached_at = 0, now if limit is not None and row.value >= limit else None
        row.save(update_fields=["noticed", "reached_at"])
    units.store().pop(_COUNTERS, None)
    marks.look_again()


class NotInPlan(PlanRefusal):
    """The plan has this module not at all."""

    code = "not_in_plan"
    sentence = _("{what}: your plan does not have this. A larger plan does, or it can be bought beside it.")


class Meter:
    """Answers `kernel.gates`."""

    def require(self, metric: str, *, adding: int) -> None:
        if adding <= 0:
            if not self.allows(metric):
                raise NotInPlan(feature=metric, what=str(plans.NAMES.get(metric, metric)), way_out="/settings/plan")
            return
        usage = self.usage(metric)
        if usage.ceiling is not None and usage.used + adding > usage.ceiling:
            raise refusal(usage, adding=adding)
        self._collect(metric, adding, strict=True)

    def free(self, metric: str, *, removing: int) -> None:
        self._collect(metric, -removing, strict=False)

    def restore(self, metric: str, *, adding: int) -> None:
        self._collect(metric, adding, strict=False)

    def _collect(self, metric: str, change: int, *, strict: bool) -> None:
        net, was_strict = _pending().get(metric, (0, False))
        _pending()[metric] = (net + change, was_strict or strict)

    def settle(self) -> None:
        """In the order of names, so that two units never wait for each other in a ring."""
        pending = units.store().pop(_PENDING, {})
        crossed = False
        for metric, (net, strict) in sorted(pending.items()):
            if net:
                crossed |= self._raise(metric, net, strict=strict and net > 0)
        units.store().pop(_COUNTERS, None)
        if crossed:
            marks.look_again()

    def _raise(self, metric: str, net: int, *, strict: bool) -> bool:
        """Whether the counter has passed one of the marks that are told."""
        counter = _counters().get(metric)
        limit = limit_of(metric)
        ceiling = ceiling_of(limit, counter.reached_at if counter else None, metric=metric) if strict else None
        now = clock.now()
        values: dict[str, Any] = {"metric": metric, "net": net, "limit": limit, "ceiling": ceiling, "now": now, "month": now - timedelta(days=30)}
        with connection.cursor() as cursor:
            cursor.execute(_RAISE, values)
            changed = cursor.rowcount
        if not changed:
            units.store().pop(_COUNTERS, None)
            raise refusal(self.usage(metric), adding=net)
        value, noticed = (counter.value, counter.noticed) if counter else (0, 0)
        return net > 0 and marks.mark(value + net, limit) > noticed

    def forget(self) -> None:
        units.store().pop(_PENDING, None)

    def snapshot(self) -> object:
        return dict(_pending())

    def roll_back(self, held: object) -> None:
        units.store()[_PENDING] = dict(held)  # type: ignore[call-overload]  # our own snapshot

    def usage(self, metric: str) -> Usage:
        counter = _counters().get(metric)
        limit = limit_of(metric)
        net = _pending().get(metric, (0, False))[0]
        used = max(0, (counter.value if counter else 0) + net)
        return Usage(metric, limit, ceiling_of(limit, counter.reached_at if counter else None, metric=metric), used)

    def limit(self, metric: str) -> int | None:
        return limit_of(metric)

    def overview(self) -> Mapping[str, Usage]:
        return {metric: self.usage(metric) for metric in SHOWN}

    def allows(self, feature: str) -> bool:
        return limits().get(feature, 1) != 0


def refusal(usage: Usage, *, adding: int) -> PlanRefusal:
    """The one refusal of limits: metric, limit, ceiling, used, and the way out."""
    told = {"what": str(LABELS.get(usage.metric, usage.metric)), "held": amount(usage.metric, usage.ceiling or 0), "taken": amount(usage.metric, usage.used)}
    return PlanRefusal(metric=usage.metric, limit=usage.limit, ceiling=usage.ceiling, used=usage.used, adding=adding, way_out="/settings/plan", **told)


def label(metric: str) -> str:
    """A metric as people read it; "" for one that nobody is told of."""
    return str(LABELS.get(metric.partition(".")[0], ""))


def amount(metric: str, value: int) -> str:
    """A value of a counter as people read it: storage in bytes becomes 5 GB."""
    if metric != "storage":
        return figure(value)
    if value < 1024:  # Django's own words for these lack a space in Uzbek
        return ngettext("%(n)s byte", "%(n)s bytes", value) % {"n": figure(value)}
    return _now("%(n)s GB") % {"n": figure(value // plans.GB)} if value % plans.GB == 0 else str(filesizeformat(value))


def forecast(metric: str) -> datetime | None:
    """The day on which the limit will be reached at the pace since the base figure; None where it will not be soon."""
    counter, limit = _counters().get(metric), limit_of(metric)
    if counter is None or limit is None or counter.value >= limit:
        return None
    days = (clock.now() - counter.base_at) / timedelta(days=1)
    grown = counter.value - counter.base_value
    if days < 1 or grown <= 0:
        return None
    left = (limit - counter.value) / (grown / days)
    return clock.now() + timedelta(days=left) if left < 730 else None
