"""Choosing the stages of a trade for a pipeline without deals, and taking the choice back.

The rule in one sentence: while no deal stands in the pipeline its stages may be exchanged, and for seven days the exchange may be
taken back. Deals in the bin do not hinder either; where one's stage goes, it moves to the last stage that stays. See decision 0008.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from crm_platform.accounts.roles import SETTINGS
from crm_platform.events.backbone import emit
from crm_platform.events.models import Event
from crm_platform.kernel import clock
from crm_platform.kernel.errors import Conflict, NotFound
from crm_platform.kernel.permissions import Actor, require

from . import services, trades
from .models import Pipeline, Stage, StageKind

KEPT_FOR = timedelta(days=7)
_FACTS = ("name", "hue", "probability", "idle_days")

# Deals stand above pipelines: they tell whether any stands in one, outside the bin.
_stands_any: Callable[[int], bool] = lambda pipeline_id: False  # noqa: E731


def answer_stands(stands: Callable[[int], bool]) -> None:
    """Name who knows whether a deal stands in a pipeline (the deals, at start-up)."""
    global _stands_any
    _stands_any = stands


class PipelineInUse(Conflict):
    """Deals stand in the pipeline: their stages are not exchanged under them."""

    code = "pipeline_in_use"
    sentence = _("Nothing was changed: deals stand in this pipeline, and the stages of a trade are chosen only while it is empty. Single stages are changed in the settings.")


class NothingToTakeBack(Conflict):
    """No choice of the last seven days stands."""

    code = "nothing_to_take_back"
    sentence = _("There is no choice to take back: it was made more than 7 days ago, or is taken back already.")


def choose(actor: Actor, pipeline_id: int, *, trade: str) -> list[Stage]:
    """Give an empty pipeline the stages of a trade. Raises Forbidden, NotFound, PipelineInUse."""
    require(actor, SETTINGS.right("edit"))
    wish = trades.find(trade)
    if wish is None:
        raise NotFound
    pipeline, before = _hold(pipeline_id)
    present = _facts(before)
    stages = _write(actor, pipeline, before, wish.rows())
    emit(actor, "pipeline.stages_chosen", entity="pipeline", record_id=pipeline.pk, before={"stages": present}, after={"name": pipeline.name, "trade": wish.code, "stages": _facts(stages)})
    return stages


def take_back(actor: Actor, pipeline_id: int) -> list[Stage]:
    """The stages as they stood before the last choice that stands. Raises Forbidden, NotFound, PipelineInUse, NothingToTakeBack."""
    require(actor, SETTINGS.right("edit"))
    pipeline, before = _hold(pipeline_id)
    choice = standing(pipeline_id)
    if choice is None:
        raise NothingToTakeBack
    present = _facts(before)
    stages = _write(actor, pipeline, before, choice.before["stages"])
    emit(actor, "pipeline.stages_taken_back", entity="pipeline", record_id=pipeline.pk, before={"stages": present}, after={"name": pipeline.name, "stages": _facts(stages)})
    return stages


def standing(pipeline_id: int) -> Event | None:
    """The last choice of the past seven days that nobody has taken back yet."""
    recent = Event.objects.filter(subjects__contains=[f"pipeline:{pipeline_id}"], name__in=("pipeline.stages_chosen", "pipeline.stages_taken_back"), at__gte=clock.now() - KEPT_FOR).order_by("id")
    choices: list[Event] = []
    for event in recent:
        if event.name == "pipeline.stages_chosen":
            choices.append(event)
        elif choices:
            choices.pop()
    return choices[-1] if choices else None


def _hold(pipeline_id: int) -> tuple[Pipeline, list[Stage]]:
    """The pipeline and its open stages, locked: a deal on its way into one waits, and none comes in between the question and the answer."""
    pipeline = Pipeline.objects.select_for_update().filter(pk=pipeline_id).first()
    if pipeline is None:
        raise NotFound
    stages = list(Stage.objects.select_for_update().filter(pipeline=pipeline_id, kind=StageKind.OPEN).order_by("order", "id"))
    list(Stage.objects.select_for_update().filter(pipeline=pipeline_id).exclude(kind=StageKind.OPEN).order_by("id"))
    if _stands_any(pipeline_id):
        raise PipelineInUse
    return pipeline, stages


def _write(actor: Actor, pipeline: Pipeline, present: Sequence[Stage], wanted: Sequence[Mapping[str, Any]]) -> list[Stage]:
    """The wanted stages in the rows there are, in order: what points to a stage (the bin, saved views) goes on pointing to one."""
    kept = list(present[: len(wanted)])
    for stage, row in zip(kept, wanted, strict=False):
        for name in _FACTS:
            setattr(stage, name, row[name])
    for order, stage in enumerate(kept):
        stage.order = order
    Stage.objects.bulk_update(kept, [*_FACTS, "order"])
    made = [Stage(pipeline=pipeline, order=len(kept) + at, **{name: row[name] for name in _FACTS}) for at, row in enumerate(wanted[len(kept) :])]
    Stage.objects.bulk_create(made)
    for stage in present[len(kept) :]:
        services.empty_stage(actor, stage.pk, to_id=kept[-1].pk)
        stage.delete()
    return [*kept, *made]


def _facts(stages: Sequence[Stage]) -> list[dict[str, Any]]:
    return [{name: getattr(stage, name) for name in _FACTS} for stage in stages]
