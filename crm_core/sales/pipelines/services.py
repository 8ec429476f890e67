"""Verbs of pipelines, stages and reasons for losing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from crm_platform.accounts.roles import SETTINGS
from crm_platform.events.backbone import emit
from crm_platform.kernel import clock, gates
from crm_platform.kernel.errors import Conflict, Invalid, NotFound
from crm_platform.kernel.permissions import Actor, require, robot

from . import queries
from .models import LostReason, Pipeline, Stage, StageKind

# Deals stand above pipelines: they tell how many there are in a stage, and move them.
_deals_in: Callable[[int], int] = lambda stage_id: 0  # noqa: E731
_move_deals: Callable[[Actor, int, int], int] = lambda actor, from_id, to_id: 0  # noqa: E731


def answer_deals(*, count: Callable[[int], int], move: Callable[[Actor, int, int], int]) -> None:
    """Name who counts and moves the deals of a stage (the deals, at start-up)."""
    global _deals_in, _move_deals
    _deals_in, _move_deals = count, move


class StageInUse(Conflict):
    """A stage with deals is deleted only together with the place they go to."""

    code = "stage_in_use"
    sentence = _("{count} deals stand in this stage. Choose the stage they move to; none is lost.")


class LastPipeline(Conflict):
    """Deals need a place to stand."""

    code = "last_pipeline"
    sentence = _("This is the only pipeline in use. Add another first; then this one can be archived.")


class PipelineInUse(Conflict):
    """A pipeline with deals is archived, not deleted."""

    code = "pipeline_in_use"
    sentence = _("Deals stand in this pipeline, in the bin perhaps. Move them first, or archive the pipeline; none is lost.")


def make_first() -> Pipeline:
    """The pipeline a new firm starts with, in the language of its people. Twice is once."""
    existing = Pipeline.objects.first()
    if existing is not None:
        return existing
    stages = [(_now("New enquiry"), 1, 10), (_now("Talking"), 2, 30), (_now("Offer sent"), 3, 60), (_now("Agreeing terms"), 4, 80)]
    gates.restore("pipelines")
    pipeline = _make(_now("Sales"), stages)
    for order, name in enumerate((_now("Too expensive"), _now("Chose a competitor"), _now("No longer needed"), _now("No answer"), _now("Other"))):
        LostReason.objects.create(name=name, order=order)
    emit(robot("sign-up"), "pipeline.added", entity="pipeline", record_id=pipeline.pk, after={"name": pipeline.name})
    return pipeline


def _make(name: str, stages: Sequence[tuple[str, int, int]]) -> Pipeline:
    pipeline = Pipeline.objects.create(name=name, order=Pipeline.objects.count())
    rows = [Stage(pipeline=pipeline, name=stage, hue=hue, probability=probability, order=order, idle_days=14) for order, (stage, hue, probability) in enumerate(stages)]
    rows.append(Stage(pipeline=pipeline, name=_now("Won"), kind=StageKind.WON, hue=6, probability=100, order=1000))
    rows.append(Stage(pipeline=pipeline, name=_now("Lost"), kind=StageKind.LOST, hue=1, probability=0, order=1001))
    Stage.objects.bulk_create(rows)
    return pipeline


def add_pipeline(actor: Actor, *, name: str, stages: Sequence[tuple[str, int]] = (), ask: bool = True) -> Pipeline:
    """A new pipeline with the stages given (name, hue), their probabilities spread evenly; else with three. Raises Invalid, PlanRefusal, Forbidden."""
    if ask:
        require(actor, SETTINGS.right("edit"))
    name = _clean(name)
    gates.require("pipelines")
    usual = [(_now("New"), 1, 10), (_now("In work"), 2, 40), (_now("Agreeing terms"), 3, 80)]
    spread = [(_clean(stage), _hue(hue), round(90 * (at + 1) / (len(stages) + 1))) for at, (stage, hue) in enumerate(stages)]
    pipeline = _make(name, spread or usual)
    emit(actor, "pipeline.added", entity="pipeline", record_id=pipeline.pk, after={"name": name})
    return pipeline


def _clean(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise Invalid(fields={"name": [_("Give it a name.")]})
    if len(name) > 120:
        raise Invalid(fields={"name": [str(_("At most {most} letters; this has {count}.")).format(most=120, count=len(name))]})
    return name


def rename_pipeline(actor: Actor, pk: int, *, name: str) -> Pipeline:
    """Another name."""
    require(actor, SETTINGS.right("edit"))
    pipeline = _pipeline(pk)
    before, pipeline.name = pipeline.name, _clean(name)
    pipeline.save(update_fields=["name"])
    emit(actor, "pipeline.changed", entity="pipeline", record_id=pk, before={"name": before}, after={"name": pipeline.name})
    return pipeline


def place_pipeline(actor: Actor, pk: int, *, order: int) -> None:
    """Another place among the pipelines, from 0; the first is the one that new deals go to."""
    require(actor, SETTINGS.right("edit"))
    pipeline = _pipeline(pk)
    rest = list(Pipeline.objects.exclude(pk=pk))
    rest.insert(min(order, len(rest)), pipeline)
    moved = [one for at, one in enumerate(rest) if one.order != at]
    for at, one in enumerate(rest):
        one.order = at
    if moved:
        Pipeline.objects.bulk_update(moved, ["order"])
        emit(actor, "pipeline.changed", entity="pipeline", record_id=pk, after={"order": pipeline.order})


def archive_pipeline(actor: Actor, pk: int) -> Pipeline:
    """Take no new deals; those in it stay. The last active one cannot be archived."""
    require(actor, SETTINGS.right("edit"))
    pipeline = _pipeline(pk)
    if pipeline.archived_at is None:
        if len(queries.active()) < 2:
            raise LastPipeline
        pipeline.archived_at = clock.now()
        pipeline.save(update_fields=["archived_at"])
        gates.free("pipelines")
    else:
        gates.require("pipelines")
        pipeline.archived_at = None
        pipeline.save(update_fields=["archived_at"])
    emit(actor, "pipeline.changed", entity="pipeline", record_id=pk, after={"archived": pipeline.archived_at is not None})
    return pipeline


def delete_pipeline(actor: Actor, pk: int) -> None:
    """Delete one in which no deal stands, those in the bin included; its stages go with it. Raises PipelineInUse, LastPipeline."""
    require(actor, SETTINGS.right("edit"))
    pipeline = _pipeline(pk)
    if pipeline.archived_at is None:
        if len(queries.active()) < 2:
            raise LastPipeline
        gates.free("pipelines")
    if any(_deals_in(stage.pk) for stage in queries.everything().of(pk)):
        raise PipelineInUse
    pipeline.delete()
    emit(actor, "pipeline.deleted", entity="pipeline", record_id=pk, before={"name": pipeline.name})


def _pipeline(pk: int) -> Pipeline:
    pipeline = Pipeline.objects.select_for_update().filter(pk=pk).first()
    if pipeline is None:
        raise NotFound
    return pipeline


def add_stage(actor: Actor, pipeline_id: int, *, name: str, hue: int = 5, probability: int = 50, ask: bool = True) -> Stage:
    """A stage before won and lost."""
    if ask:
        require(actor, SETTINGS.right("edit"))
    _pipeline(pipeline_id)
    orders = [stage.order for stage in queries.everything().open_of(pipeline_id)]
    stage = Stage.objects.create(pipeline_id=pipeline_id, name=_clean(name), hue=_hue(hue), probability=_percent(probability), order=max(orders, default=-1) + 1, idle_days=14)
    emit(actor, "stage.added", entity="stage", record_id=stage.pk, after={"name": stage.name}, also=[f"pipeline:{pipeline_id}"])
    return stage


def _hue(hue: int) -> int:
    return min(8, max(1, hue))


def _percent(value: int) -> int:
    if not 0 <= value <= 100:
        raise Invalid(fields={"probability": [_("A probability lies between 0 and 100 percent.")]})
    return value


def _days(value: int | None) -> int | None:
    if value is not None and value > 3650:
        raise Invalid(fields={"idle_days": [_("At most ten years, in days.")]})
    return value


def change_stage(actor: Actor, pk: int, *, name: str, hue: int, probability: int, idle_days: int | None) -> Stage:
    """Name, colour, probability, and after how many days a deal lies too long."""
    require(actor, SETTINGS.right("edit"))
    stage = Stage.objects.select_for_update().filter(pk=pk).first()
    if stage is None:
        raise NotFound
    before = {"name": stage.name, "hue": stage.hue, "probability": stage.probability, "idle_days": stage.idle_days}
    stage.name, stage.hue, stage.idle_days = _clean(name), _hue(hue), _days(idle_days)
    if stage.kind == StageKind.OPEN:
        stage.probability = _percent(probability)
    stage.save()
    after = {"name": stage.name, "hue": stage.hue, "probability": stage.probability, "idle_days": stage.idle_days}
    emit(actor, "stage.changed", entity="stage", record_id=pk, before=before, after=after, also=[f"pipeline:{stage.pipeline_id}"])
    return stage


def move_stage(actor: Actor, pk: int, *, by: int) -> None:
    """One place left (-1) or right (1)."""
    require(actor, SETTINGS.right("edit"))
    board = queries.everything()
    stage = board.stages.get(pk)
    if stage is None:
        raise NotFound
    row = board.open_of(stage.pipeline_id)
    if stage not in row:
        raise Invalid(fields={"order": [_("Won and lost stand at the end.")]})
    at = row.index(stage)
    to = min(len(row) - 1, max(0, at + by))
    row.insert(to, row.pop(at))
    for order, one in enumerate(row):
        Stage.objects.filter(pk=one.pk).update(order=order)
    emit(actor, "stage.moved", entity="stage", record_id=pk, after={"order": to}, also=[f"pipeline:{stage.pipeline_id}"])


def delete_stage(actor: Actor, pk: int, *, to_id: int | None = None) -> int:
    """Delete a stage; its deals move to `to_id` first. Returns how many. Raises StageInUse, Invalid for won, lost and the last."""
    require(actor, SETTINGS.right("edit"))
    stage = Stage.objects.select_for_update().filter(pk=pk).first()
    if stage is None:
        raise NotFound
    board = queries.everything()
    if stage.kind != StageKind.OPEN:
        raise Invalid(fields={"stage": [_("Won and lost belong to every pipeline.")]})
    if len(board.open_of(stage.pipeline_id)) < 2:
        raise Invalid(fields={"stage": [_("A pipeline keeps at least one stage.")]})
    count, moved = _deals_in(pk), 0
    if count:
        target = board.stages.get(to_id or 0)
        if target is None or target.pk == pk or target.pipeline_id != stage.pipeline_id or target.kind != StageKind.OPEN:
            raise StageInUse(count=count)
        moved = empty_stage(actor, pk, to_id=target.pk)
    stage.delete()
    emit(actor, "stage.deleted", entity="stage", record_id=pk, before={"name": stage.name}, after={"moved": moved, "to": to_id}, also=[f"pipeline:{stage.pipeline_id}"])
    return moved


def empty_stage(actor: Actor, pk: int, *, to_id: int) -> int:
    """Every deal of a stage to another, those in the bin included; for verbs that take the stage away. Returns how many."""
    return _move_deals(actor, pk, to_id) if _deals_in(pk) else 0


def add_reason(actor: Actor, *, name: str, ask: bool = True) -> LostReason:
    """A reason for losing."""
    if ask:
        require(actor, SETTINGS.right("edit"))
    reason = LostReason.objects.create(name=_clean(name), order=LostReason.objects.count())
    emit(actor, "reason.added", entity="reason", record_id=reason.pk, after={"name": reason.name})
    return reason


def rename_reason(actor: Actor, pk: int, *, name: str) -> LostReason:
    """Another name for a reason; deals that were lost for it show it."""
    require(actor, SETTINGS.right("edit"))
    reason = LostReason.objects.select_for_update().filter(pk=pk).first()
    if reason is None:
        raise NotFound
    before, reason.name = reason.name, _clean(name)
    if reason.name != before:
        reason.save(update_fields=["name"])
        emit(actor, "reason.changed", entity="reason", record_id=pk, before={"name": before}, after={"name": reason.name})
    return reason


def archive_reason(actor: Actor, pk: int) -> LostReason:
    """No longer offered, or offered again; deals keep it."""
    require(actor, SETTINGS.right("edit"))
    reason = LostReason.objects.filter(pk=pk).first()
    if reason is None:
        raise NotFound
    reason.archived_at = None if reason.archived_at else clock.now()
    reason.save(update_fields=["archived_at"])
    emit(actor, "reason.changed", entity="reason", record_id=pk, after={"archived": reason.archived_at is not None})
    return reason
