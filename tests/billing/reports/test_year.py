"""A year of two hundred workspaces with random operations: start + movements = end, and access agrees with what is earned."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import timedelta

from billing import telling
from billing.models import PlanVersion, Subscription
from billing.reports import daily, figures, mrr
from billing.reports.models import Day, Movement, MrrLine
from crm_platform.kernel import clock
from tenants.lifecycle.billing_state import standing

from .year import CURRENCIES, Owner, days, nobody, subscription

MANY = 200


def test_case_80_the_identity_of_a_year_of_random_operations(control_side: None) -> None:
    lot = random.Random(80)  # noqa: S311 (a simulation)
    nobody()
    versions = {row.code: row for row in PlanVersion.objects.filter(version=1)}
    moments = list(days(366))
    owners: list[Owner] = []
    for number in range(MANY):
        owners.append(Owner(subscription(moments[0], number=number, trial_ends_at=moments[lot.randint(1, 200)]), lot, versions))
    for moment in moments:
        with clock.frozen(moment):
            changed = [owner.row for owner in owners if owner.act(moment)]
            Subscription.objects.bulk_create(changed, update_conflicts=True, unique_fields=["workspace"], update_fields=_FIELDS)
            day = daily.take()
            assert day is not None
            _agrees_with_access(day, moment)
    assert Day.objects.count() == 366
    _every_day_adds_up()
    _any_two_looks_add_up(lot)


_FIELDS = ["plan", "currency", "interval", "seats", "status", "anchor", "ended_at", "trial_ends_at", "past_due_since", "paused_until", "cancel_at", "add_ons", "discount"]


def _agrees_with_access(day: Day, now: object) -> None:
    """Whoever earns is served: by the very function that decides access."""
    if day.day.day % 7:
        return
    earning = set(MrrLine.objects.filter(day=day).values_list("workspace", flat=True))
    for row in Subscription.objects.select_related("workspace").prefetch_related("plan"):
        state = standing(telling.facts(row), now=day.at).state
        if row.workspace.public_id in earning:
            assert state in mrr.EARNING
        elif state in mrr.EARNING:
            assert row.plan.code == "free" or row.status in ("none", "canceled") or (row.discount or {}).get("percent_bp") == 10_000


def _every_day_adds_up() -> None:
    held: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    moved: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for pk, currency, minor in MrrLine.objects.values_list("day", "currency", "minor"):
        held[pk][currency] += minor
    kinds = set()
    for pk, currency, minor, kind in Movement.objects.values_list("day", "currency", "minor", "kind"):
        moved[pk][currency] += minor
        kinds.add(kind)
    assert kinds == {"new", "expansion", "reactivation", "contraction", "churn"}
    before: dict[str, int] = defaultdict(int)
    for pk in Day.objects.order_by("day").values_list("pk", flat=True):
        for currency in CURRENCIES:
            assert before[currency] + moved[pk][currency] == held[pk][currency]
        before = held[pk]
    assert all(before[currency] > 0 for currency in CURRENCIES)


def _any_two_looks_add_up(lot: random.Random) -> None:
    looks = list(Day.objects.order_by("day"))
    for _try in range(12):
        start, end = sorted(lot.sample(looks, 2), key=lambda day: day.day)
        for flow in figures.flows(start, end):
            assert flow.difference == 0
            assert flow.moves["churn"] <= 0 <= flow.moves["new"]
    months = figures.months(12)
    assert len(months) == 12
    assert sum(flow.difference != 0 for month in months for flow in figures.flows(month.start, month.end)) == 0
    for cohort in figures.cohorts(months):
        assert all(count is None or count <= cohort.size for count in cohort.kept)


def test_a_gap_in_the_looks_is_bridged_by_the_next(control_side: None) -> None:
    from .year import BEGINS, paid

    nobody()
    row = paid(BEGINS, seats=2)
    with clock.frozen(BEGINS):
        daily.take()
    Subscription.objects.filter(pk=row.pk).update(seats=5)
    with clock.frozen(BEGINS + timedelta(days=30)):
        day = daily.take()
    assert day is not None
    assert [(one.kind, one.minor) for one in day.movements.all()] == [("expansion", 3 * 1_900)]
