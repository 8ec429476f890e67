"""The funnel's figures, each with the address of the rows behind it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db.models import Count, Sum
from django.db.models.functions import TruncMonth
from django.utils.formats import date_format

from crm_core.sales.deals.desk import DESK
from crm_core.sales.pipelines import queries as pipelines
from crm_core.sales.pipelines.models import Stage, StageKind
from crm_platform.accounts import directory
from crm_platform.kernel import versions
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
    """Figures of the deals the actor may see, narrowed by the list's own filters; counted once until a deal changes."""
    asked = {} if query is None else query
    key = f"funnel.{pipeline_id}.{currency}.{DESK.signature(actor, asked)}"
    counted = versions.remembered(DESK.counted_in(DESK.narrowed(actor, asked)[0], asked), key, lambda: _count(actor, pipeline_id, asked))
    return _draw(counted, pipeline_id=pipeline_id, currency=currency)


@dataclass(slots=True)
class _Counted:
    """What three scans of the deals give: (stage, currency, responsible) and (reason, currency), (month, currency) → count, sum."""

    stages: list[tuple[int, str, int | None, int, int]]
    reasons: list[tuple[int | None, str, int, int]]
    months: list[tuple[str, str, int, int]]


def _count(actor: Actor, pipeline_id: int | None, query: Any) -> _Counted:
    rows = DESK.narrowed(actor, query)[0].order_by()
    if pipeline_id is not None:
        rows = rows.filter(pipeline=pipeline_id)
    figures = {"n": Count("id"), "s": Sum("sum_minor")}
    stages = rows.values_list("stage", "currency", "responsible").annotate(**figures)
    reasons = rows.filter(state="lost").values_list("lost_reason", "currency").annotate(**figures)
    months = rows.filter(state="won").annotate(month=TruncMonth("closed_at")).values_list("month", "currency").annotate(**figures).order_by("month")
    return _Counted(
        [(stage, code, person, n, int(s or 0)) for stage, code, person, n, s in stages],
        [(reason, code, n, int(s or 0)) for reason, code, n, s in reasons],
        [(month.strftime("%Y-%m"), code, n, int(s or 0)) for month, code, n, s in months if month],
    )


def _draw(counted: _Counted, *, pipeline_id: int | None, currency: str) -> Funnel:
    board = pipelines.everything()
    found = Funnel(currency=currency or _main_currency(counted))
    base = f"/deals?pipeline={pipeline_id}" if pipeline_id is not None else "/deals?"
    stages = board.of(pipeline_id) if pipeline_id is not None else [stage for one in board.pipelines for stage in board.of(one.pk)]
    figures = _grouped(((stage, code, n, s) for stage, code, _person, n, s in counted.stages), found.currency)
    for stage in stages:
        count, total = figures.get(stage.pk, (0, 0))
        found.deals += count
        _place(found, stage, count, total, base)
    _reach(found)
    reasons = sorted(_grouped(counted.reasons, found.currency).items(), key=lambda pair: -pair[1][0])
    found.reasons = [Row(board.reasons[pk].name, count, total, f"{base}&reason={pk}") for pk, (count, total) in reasons if pk in board.reasons]
    closing = {stage.pk for stage in stages if stage.kind == StageKind.WON}
    won = _grouped(((person, code, n, s) for stage, code, person, n, s in counted.stages if stage in closing), found.currency)
    found.sellers = sorted((Row(directory.name_of(pk), count, total, f"{base}&state=won&responsible={pk or 0}") for pk, (count, total) in won.items()), key=lambda row: (-row.sum, row.name))
    found.months = [Row(_month(month), count, total) for month, (count, total) in _grouped(counted.months, found.currency).items()]
    return found


def _main_currency(counted: _Counted) -> str:
    """The currency most deals have: sums of different currencies are never added."""
    numbers: dict[str, int] = {}
    for _stage, code, _person, n, _sum in counted.stages:
        numbers[code] = numbers.get(code, 0) + n
    return min(numbers, key=lambda code: (-numbers[code], code), default="EUR")


def _month(code: str) -> str:
    return date_format(date.fromisoformat(f"{code}-01"), "M Y")


def _grouped(rows: Iterable[tuple[Any, str, int, int]], currency: str) -> dict[Any, tuple[int, int]]:
    found: dict[Any, tuple[int, int]] = {}
    for key, code, count, total in rows:
        had = found.get(key, (0, 0))
        found[key] = (had[0] + count, had[1] + (total if code == currency else 0))
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
