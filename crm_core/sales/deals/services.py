"""Verbs of deals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from crm_core.engagement.tasks.models import Task
from crm_core.groundwork.records import writing
from crm_core.sales.pipelines import queries as pipelines
from crm_core.sales.pipelines.models import StageKind
from crm_platform.events.backbone import emit
from crm_platform.events.models import Event
from crm_platform.kernel import clock
from crm_platform.kernel.errors import Overtaken
from crm_platform.kernel.permissions import Actor

from . import ranks
from .kind import DEAL, hold_stage
from .models import MOST_OF_STEP, Deal


class MovedMeanwhile(Overtaken):
    """Someone else moved the deal first; theirs stands."""

    code = "moved_meanwhile"
    sentence = _("Not saved: {who} moved this deal {seconds} seconds ago. It stands in “{stage}”.")


def create_deal(actor: Actor, **values: Any) -> Deal:
    """Make a deal; see `writing.create`. Without a stage it stands in the first of its pipeline."""
    made: Deal = writing.create(actor, DEAL, values)
    return made


def create_deals(actor: Actor, rows: Sequence[Mapping[str, Any]]) -> list[Deal]:
    """Make many in a constant number of statements."""
    return writing.create_many(actor, DEAL, rows)


def change_deal(actor: Actor, pk: int, *, version: int | None = None, **values: Any) -> Deal:
    """Change one; see `writing.change`."""
    changed: Deal = writing.change(actor, DEAL, pk, values, version=version)
    return changed


def move_deal(
    actor: Actor, pk: int, *, stage_id: int, before_id: int | None = None, after_id: int | None = None, version: int | None = None, **lost: Any
) -> Deal:
    """Put a deal into a stage: above the card `before_id`, or else below the card `after_id`, or else on top.

    `lost_reason_id` and `lost_comment` come with a lost stage. Raises MovedMeanwhile where the deal was moved since
    `version`, StageGone, Invalid without a reason, Forbidden.
    """
    deal: Deal = writing.get(actor, DEAL, pk, right="edit", lock=True)
    hold_stage(stage_id, alone=True)
    if version is not None and version != deal.version and deal.stage_id != stage_id:
        raise _moved_meanwhile(deal)
    rank = _rank(deal, stage_id=stage_id, before_id=before_id, after_id=after_id)
    if deal.stage_id == stage_id and not lost:
        # Another place in the same column is nobody's history: only the order of cards.
        Deal.objects.filter(pk=pk).update(rank=rank)
        deal.rank = rank
        return deal
    writing.change_locked(actor, DEAL, deal, {"stage_id": stage_id, "rank": rank, **lost})
    return deal


def _moved_meanwhile(deal: Deal) -> MovedMeanwhile:
    last = Event.objects.filter(subjects__contains=[f"deal:{deal.pk}"], name__in=("deal.moved", "deal.won", "deal.lost")).order_by("-id").first()
    seconds = max(0, int((clock.now() - last.at).total_seconds())) if last else 0
    return MovedMeanwhile(who=last.actor_name if last else "", seconds=seconds, stage=pipelines.stage_name(deal.stage_id))


def _rank(deal: Deal, *, stage_id: int, before_id: int | None, after_id: int | None) -> str:
    """The middle between its new neighbours; a neighbour that has gone meanwhile means the top."""
    column = Deal.objects.filter(stage_id=stage_id, binned_at=None).exclude(pk=deal.pk)
    below = column.filter(pk=before_id).values_list("rank", flat=True).first() if before_id else None
    above = None if below is not None or not after_id else column.filter(pk=after_id).values_list("rank", flat=True).first()
    if below is not None:
        above = column.filter(rank__lt=below).order_by("-rank", "-id").values_list("rank", flat=True).first()
    elif above is not None:
        below = column.filter(rank__gt=above).order_by("rank", "id").values_list("rank", flat=True).first()
    else:
        return ranks.fresh(clock.now())
    return ranks.between(above or "", below)


def win_deal(actor: Actor, pk: int, *, version: int | None = None) -> Deal:
    """Won: the stage of that name in its pipeline."""
    deal = writing.get(actor, DEAL, pk)
    stage = pipelines.everything().closing(deal.pipeline_id, StageKind.WON)
    return move_deal(actor, pk, stage_id=stage.pk, version=version)


def lose_deal(actor: Actor, pk: int, *, reason_id: int | None, comment: str = "", version: int | None = None) -> Deal:
    """Lost, with a reason; raises Invalid (field `lost_reason`) without one."""
    deal = writing.get(actor, DEAL, pk)
    stage = pipelines.everything().closing(deal.pipeline_id, StageKind.LOST)
    reason = pipelines.everything().reasons.get(reason_id or 0)
    return move_deal(
        actor, pk, stage_id=stage.pk, version=version, lost_reason_id=reason.pk if reason else None, lost_comment=comment.strip()[:5000]
    )


def count_in(stage_id: int) -> int:
    """How many deals stand in a stage, those in the bin included."""
    return Deal.objects.filter(stage_id=stage_id).count()


def move_all(actor: Actor, from_id: int, to_id: int) -> int:
    """Every deal of a stage to another open one: when the stage is deleted. One event says it for all."""
    moved = Deal.objects.filter(stage_id=from_id).update(stage_id=to_id, stage_since=clock.now(), updated_at=clock.now())
    Deal.objects.filter(lost_from=from_id).update(lost_from=to_id)
    emit(actor, "deal.all_moved", entity="stage", record_id=from_id, before={"stage_id": from_id}, after={"stage_id": to_id, "deals": moved})
    return moved


def keep_next_step(pk: int, task: Task | None) -> None:
    """The earliest open task stands on the deal itself, so that the board reads one table."""
    Deal.objects.filter(pk=pk).update(
        next_task_at=task.due_at if task else None, next_task_text=task.text[:MOST_OF_STEP] if task else "", next_task_type=task.type if task else ""
    )


def keep_stage_since(since: Mapping[int, datetime]) -> None:
    """When deals came into their stages, as a history that was brought along tells it; nobody's change of them."""
    for pk, moment in since.items():
        Deal.objects.filter(pk=pk, stage_since__lt=moment).update(stage_since=moment)


def open_count(user_id: int) -> int:
    """For handing over: the open deals of a person."""
    return Deal.objects.filter(responsible=user_id, state=StageKind.OPEN, binned_at=None).count()


def hand_over(actor: Actor, from_id: int, to_id: int) -> int:
    """All open deals of one person to another, each with its line of history."""
    deals = list(Deal.objects.select_for_update().filter(responsible=from_id, state=StageKind.OPEN, binned_at=None).order_by("pk"))
    for deal in deals:
        writing.change_locked(actor, DEAL, deal, {"responsible_id": to_id})
    return len(deals)
