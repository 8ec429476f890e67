"""Pipelines, stages and reasons that an import added go with its undo; deals in the bin move to a place that stays."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.groundwork.imports.traces import Trace, sweeps
from crm_core.sales.pipelines import queries as pipelines
from crm_core.sales.pipelines import services as pipeline_services
from crm_core.sales.pipelines.models import LostReason, StageKind
from crm_platform.kernel.permissions import Actor

from .models import Deal


@sweeps("stage.added", entity="stage")
def stages(actor: Actor, added: Sequence[Trace]) -> int:
    """Those in which no deal stands; a pipeline keeps its last one."""
    gone = 0
    for trace in added:
        board = pipelines.everything()
        stage = board.stages.get(trace.pk)
        if stage is None or stage.kind != StageKind.OPEN or Deal.objects.filter(stage=trace.pk, binned_at=None).exists():
            continue
        others = [one for one in board.open_of(stage.pipeline_id) if one.pk != stage.pk]
        if others:
            pipeline_services.delete_stage(actor, stage.pk, to_id=others[0].pk)
            gone += 1
    return gone


@sweeps("pipeline.added", entity="pipeline")
def whole_pipelines(actor: Actor, added: Sequence[Trace]) -> int:
    """Those without a deal, unless no other would be left."""
    gone = 0
    for trace in added:
        others = [one for one in pipelines.active() if one.pk != trace.pk]
        here = any(one.pk == trace.pk for one in pipelines.everything().pipelines)
        if here and others and not Deal.objects.filter(pipeline=trace.pk, binned_at=None).exists():
            _move_out(trace.pk, others[0].pk)
            pipeline_services.delete_pipeline(actor, trace.pk)
            gone += 1
    return gone


def _move_out(from_id: int, to_id: int) -> None:
    """What lies in the bin goes to the other pipeline: open to its first stage, won and lost to theirs."""
    board = pipelines.everything()
    for stage in board.of(from_id):
        target = board.open_of(to_id)[0] if stage.kind == StageKind.OPEN else board.closing(to_id, stage.kind)
        Deal.objects.filter(stage=stage.pk).update(stage=target.pk, pipeline=to_id)
        Deal.objects.filter(lost_from=stage.pk).update(lost_from=target.pk)


@sweeps("reason.added", entity="reason")
def reasons(actor: Actor, added: Sequence[Trace]) -> int:
    """Those that no deal gives: deleted, or no longer offered where a deal in the bin still gives it."""
    gone = 0
    for reason in LostReason.objects.filter(pk__in=[trace.pk for trace in added], archived_at=None):
        if Deal.objects.filter(lost_reason=reason.pk, binned_at=None).exists():
            continue
        if Deal.objects.filter(lost_reason=reason.pk).exists():
            pipeline_services.archive_reason(actor, reason.pk)
        else:
            reason.delete()
        gone += 1
    return gone
