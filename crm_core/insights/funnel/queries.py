"""The funnel's figures, each with the address of the rows behind it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, QuerySet, Sum
from django.db.models.functions import TruncMonth

from crm_core.sales.deals.desk import DESK
from crm_core.sales.pipelines import queries as pipelines
from crm_core.sales.pipelines.models import Stage, StageKind
from crm_platform.accounts import directory
from crm_platform.kernel.permissions import Actor


@dataclass(slots=True)
class Row:
    """A stage, seller or reason: how many, how much (minor units of the one currency shown), and its address."""

    name: str
    count: int
    sum: int
    link: str = ""
    hue: int = 1
    reached: int = 0
    percent: float = 0.0


@dataclass(slots=True)
class Funnel:
    """All figures of a pipeline (or of all)."""

    deals: int = 0
    currency: str = ""
    stages: list[Row] = field(default_factory=list)
    won: Row = field(default_factory=lambda: Row("", 0, 0))
    lost: Row = field(default_factory=lambda: Row("", 0, 0))
    reasons: list[Row] = field(default_factory=list)
    sellers: list[Row] = field(default_factory=list)
    months: list[Row] = field(default_factory=list)

    @property
    def win_rate(self) -> float | None:
        """Won of won and lost, in percent with one decimal, rounded half up; None while nothing is closed."""
        return rate(self.won.count, self.won.count + self.lost.count)


def rate(part: int, whole: int) -> float | None:
    """Percent with one decimal, rounded half up."""
    return (part * 2000 + whole) // (2 * whole) / 10 if whole else None


def funnel(actor: Actor, *, pipeline_id: int | None = None, query: Any = None, currency: str = "") -> Funnel:
    """Figures of the deals the actor may see, narrowed by the list's own filters. One statement a question."""
    rows = DESK.rows(actor) if query is None else DESK.narrowed(actor, query)[0].order_by()
    if pipeline_id is not None:
        rows = rows.filter(pipeline=pipeline_id)
    shown = currency or _main_currency(rows)
    found = Funnel(currency=shown)
    board = pipelines.everything()
    stages = board.of(pipeline_id) if pipeline_id is not None else [stage for one in board.pipelines for stage in board.of(one.pk)]
    figures = _grouped(rows, "stage", shown)
    base = f"/deals?pipeline={pipeline_id}" if pipeline_id is not None else "/deals?"
    for stage in stages:
        count, total = figures.get(stage.pk, (0, 0))
        found.deals += count
        _place(found, stage, count, total, base)
    _reach(found)
    found.reasons = [Row(board.reasons[pk].name, count, total, f"{base}&reason={pk}") for pk, (count, total) in sorted(_grouped(rows.filter(state="lost"), "lost_reason", shown).items(), key=lambda pair: -pair[1][0]) if pk in board.reasons]
    won = _grouped(rows.filter(state="won"), "responsible", shown)
    found.sellers = sorted((Row(directory.name_of(pk), count, total, f"{base}&state=won&responsible={pk or 0}") for pk, (count, total) in won.items()), key=lambda row: (-row.sum, row.name))
    months = rows.filter(state="won", currency=shown).annotate(month=TruncMonth("closed_at")).values("month").annotate(n=Count("id"), s=Sum("sum_minor")).order_by("month")
    found.months = [Row(entry["month"].strftime("%Y-%m"), entry["n"], int(entry["s"] or 0)) for entry in months if entry["month"]]
    return found


def _main_currency(rows: QuerySet[Any]) -> str:
    """The currency most deals have: sums of different currencies are never added."""
    first = rows.order_by().values_list("currency").annotate(n=Count("id")).order_by("-n", "currency").first()
    return str(first[0]) if first else "EUR"


def _grouped(rows: QuerySet[Any], by: str, currency: str) -> dict[Any, tuple[int, int]]:
    found: dict[Any, tuple[int, int]] = {}
    for key, code, count, total in rows.order_by().values_list(by, "currency").annotate(n=Count("id"), s=Sum("sum_minor")).values_list(by, "currency", "n", "s"):
        had = found.get(key, (0, 0))
        found[key] = (had[0] + count, had[1] + (int(total or 0) if code == currency else 0))
    return found


def _place(found: Funnel, stage: Stage, count: int, total: int, base: str) -> None:
    link = f"{base}&stage={stage.pk}"
    if stage.kind == StageKind.OPEN:
        found.stages.append(Row(stage.name, count, total, link, hue=stage.hue))
        return
    row = found.won if stage.kind == StageKind.WON else found.lost
    row.name, row.count, row.sum, row.link = stage.name, row.count + count, row.sum + total, f"{base}&state={stage.kind}"


def _reach(found: Funnel) -> None:
    """How many stand in a stage or have gone beyond it; the share of all that are not lost."""
    beyond = found.won.count
    whole = beyond + sum(row.count for row in found.stages)
    for row in reversed(found.stages):
        beyond += row.count
        row.reached = beyond
        row.percent = rate(beyond, whole) or 0.0
