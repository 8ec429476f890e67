"""Reading deals for the board and for cards."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import Left
from django.utils.translation import gettext as _

from crm_core.engagement.tasks import services as tasks
from crm_core.engagement.tasks.models import Task
from crm_core.engagement.tasks.permissions import TASKS
from crm_core.people.companies.models import Company
from crm_core.sales.pipelines.models import Stage
from crm_platform.db.prepared import Prepared, names_by_key
from crm_platform.kernel import clock, versions
from crm_platform.kernel.permissions import Actor, Scope

from .desk import DESK
from .models import MOST_OF_STEP, Deal, DealContact

FIRST, MORE = 15, 30
_MAIN_CONTACTS: Prepared[tuple[int, str]] = Prepared(DealContact, lambda deals: DealContact.objects.filter(deal__id__among=deals, main=True).values_list("deal_id", "contact__name"))


@dataclass(slots=True)
class Column:
    """A stage with its figures and its first cards: `sums` by currency, `more` whether further cards follow."""

    stage: Stage
    count: int
    sums: list[tuple[int, str]]
    cards: list[Any]
    more: str = ""


def currencies_of(pks: Iterable[int | None]) -> dict[int, str]:
    """In what deals are counted, by id; what happened to them tells their sums in minor units. One statement, none where none is named."""
    wanted = {pk for pk in pks if pk is not None}
    return dict(Deal.objects.filter(pk__in=wanted).values_list("pk", "currency")) if wanted else {}


def totals(rows: QuerySet[Any]) -> dict[int, dict[str, Any]]:
    """Count and sums of each stage, by currency, in one statement."""
    found: dict[int, dict[str, Any]] = {}
    for stage_id, currency, count, total in rows.order_by().values_list("stage", "currency").annotate(n=Count("id"), s=Sum("sum_minor")).values_list("stage", "currency", "n", "s"):
        entry = found.setdefault(stage_id, {"count": 0, "sums": {}})
        entry["count"] += count
        if total:
            entry["sums"][currency] = entry["sums"].get(currency, 0) + int(total)
    return found


def cards(rows: QuerySet[Any], *, stage_ids: list[int], first: int, after: str = "") -> dict[int, list[Any]]:
    """The first cards of each stage: one short index walk for each, glued into one statement."""
    if not stage_ids:
        return {}
    fields = ("id", "name", "stage_id", "sum_minor", "currency", "company_id", "responsible_id", "stage_since", "rank", "version", "next_task_at", "next_task_text", "next_task_type", "tag_ids", "state")
    parts = []
    for stage_id in stage_ids:
        part = rows.filter(stage=stage_id)
        if after:
            part = part.filter(rank__gt=after)
        parts.append(part.order_by("rank", "id").values(*fields)[: first + 1])
    union = parts[0].union(*parts[1:], all=True) if len(parts) > 1 else parts[0]
    found: dict[int, list[Any]] = {stage_id: [] for stage_id in stage_ids}
    for row in union:
        found[row["stage_id"]].append(row)
    return found


def dress(actor: Actor, rows: list[dict[str, Any]]) -> None:
    """Names of companies and main contacts for cards: two statements for the whole board, three for who may not see every task."""
    company_ids = {row["company_id"] for row in rows if row["company_id"]}
    companies = names_by_key(Company, company_ids)
    people = dict(_MAIN_CONTACTS.rows(deals=[row["id"] for row in rows])) if rows else {}
    for row in rows:
        row["company"], row["contact"] = companies.get(row["company_id"], ""), people.get(row["id"], "")
    if actor.scope_for(TASKS.VIEW) != Scope.ALL:
        _veil(actor, [row for row in rows if row["next_task_at"]])


def _veil(actor: Actor, rows: list[dict[str, Any]]) -> None:
    """The next step repeats a task: when it is due everyone reads who sees the card, what it says only who may see the task."""
    mine = Task.objects.filter(tasks.reach(actor), entity="deal", record_id__in=[row["id"] for row in rows], done_at=None, binned_at=None)
    told = set(mine.values_list("record_id", "due_at", Left("text", MOST_OF_STEP))) if rows else set()
    for row in rows:
        if (row["id"], row["next_task_at"], row["next_task_text"]) not in told:
            row["next_task_text"] = _("a task")


def board(actor: Actor, *, stages: list[Stage], query: Any) -> tuple[list[Column], list[dict[str, Any]]]:
    """The columns of a board and the filters in force."""
    rows, chips = DESK.narrowed(actor, query)
    rows = rows.filter(state="open")
    stage_ids = [stage.pk for stage in stages]
    pipeline = stages[0].pipeline_id if stages else 0
    figures = versions.remembered(DESK.counted_in(rows, query), f"board.{pipeline}.{DESK.signature(actor, query)}", lambda: totals(rows.filter(pipeline=pipeline)))
    found = cards(rows, stage_ids=stage_ids, first=FIRST)
    columns = []
    for stage in stages:
        figure = figures.get(stage.pk, {"count": 0, "sums": {}})
        shown = found.get(stage.pk, [])
        more = shown[FIRST - 1]["rank"] if len(shown) > FIRST else ""
        columns.append(Column(stage, figure["count"], [(total, currency) for currency, total in figure["sums"].items()], shown[:FIRST], more))
    dress(actor, [card for column in columns for card in column.cards])
    return columns, chips


def more_cards(actor: Actor, stage: Stage, *, after: str, query: Any) -> tuple[list[dict[str, Any]], str]:
    """Further cards of a column below the rank `after`, and the rank to go on from."""
    rows, _chips = DESK.narrowed(actor, query)
    shown = cards(rows.filter(state="open"), stage_ids=[stage.pk], first=MORE, after=after)[stage.pk]
    following = shown[MORE - 1]["rank"] if len(shown) > MORE else ""
    dress(actor, shown[:MORE])
    return shown[:MORE], following


def stands_any(pipeline_id: int) -> bool:
    """Whether any deal stands in a pipeline, whoever may see it; what lies in the bin does not."""
    return Deal.objects.filter(pipeline=pipeline_id, binned_at=None).exists()


def closed_recently(actor: Actor, pipeline_id: int) -> dict[str, dict[str, Any]]:
    """Won and lost of this month, for the foot of the board."""
    start = clock.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    rows = DESK.rows(actor).filter(pipeline=pipeline_id, closed_at__gte=start).exclude(state="open")

    def count() -> dict[str, dict[str, Any]]:
        found = rows.order_by().values_list("state").annotate(n=Count("id"), s=Sum("sum_minor")).values_list("state", "n", "s")
        return {state: {"count": number, "sum": int(total or 0)} for state, number, total in found}

    return versions.remembered(("deal", "person"), f"closed.{pipeline_id}.{start:%Y-%m}.{DESK.signature(actor, {})}", count)


def of_record(actor: Actor, entity: str, pk: int) -> list[Deal]:
    """The deals of a contact or company, open ones first."""
    if DESK.sees_all(actor):
        return (_OF_COMPANY if entity == "company" else _OF_CONTACT).rows(pk=pk)
    return list(_of_record(DESK.rows(actor), entity, pk))


def _of_record(rows: QuerySet[Deal], entity: str, pk: int) -> QuerySet[Deal]:
    where = Q(company=pk) if entity == "company" else Q(pk__in=DealContact.objects.filter(contact=pk).values("deal"))
    return rows.filter(where).select_related("stage").order_by("closed_at", "-id")[:30]


_OF_COMPANY = Prepared(Deal, lambda pk: _of_record(Deal.objects.filter(binned_at=None), "company", pk))
_OF_CONTACT = Prepared(Deal, lambda pk: _of_record(Deal.objects.filter(binned_at=None), "contact", pk))
