"""Reading pipelines: all of them are few, so they are kept until one changes. Shared: never change them."""

from __future__ import annotations

from dataclasses import dataclass

from crm_platform.kernel import versions
from crm_platform.kernel.errors import NotFound

from .models import LostReason, Pipeline, Stage, StageKind


@dataclass(frozen=True, slots=True)
class Board:
    """All pipelines with their stages, and the reasons for losing."""

    pipelines: list[Pipeline]
    stages: dict[int, Stage]
    reasons: dict[int, LostReason]

    def of(self, pipeline_id: int) -> list[Stage]:
        """The stages of a pipeline in order, won and lost at the end."""
        rank = {StageKind.OPEN: 0, StageKind.WON: 1, StageKind.LOST: 2}
        found = [stage for stage in self.stages.values() if stage.pipeline_id == pipeline_id]
        return sorted(found, key=lambda stage: (rank[StageKind(stage.kind)], stage.order, stage.pk))

    def open_of(self, pipeline_id: int) -> list[Stage]:
        """The stages in which deals are open."""
        return [stage for stage in self.of(pipeline_id) if stage.kind == StageKind.OPEN]

    def closing(self, pipeline_id: int, kind: str) -> Stage:
        """The won or lost stage of a pipeline."""
        return next(stage for stage in self.of(pipeline_id) if stage.kind == kind)


def everything() -> Board:
    """Pipelines, stages, reasons."""
    return versions.kept("pipelines", ("pipeline", "stage", "lost_reason"), _read)


def _read() -> Board:
    return Board(list(Pipeline.objects.all()), {stage.pk: stage for stage in Stage.objects.all()}, {reason.pk: reason for reason in LostReason.objects.all()})


def active() -> list[Pipeline]:
    """Pipelines that take new deals."""
    return [pipeline for pipeline in everything().pipelines if pipeline.archived_at is None]


def first() -> Pipeline:
    """The first active pipeline; raises NotFound where all are archived."""
    found = active()
    if not found:
        raise NotFound
    return found[0]


def pipeline(pk: int) -> Pipeline:
    """A pipeline; raises NotFound."""
    found = next((one for one in everything().pipelines if one.pk == pk), None)
    if found is None:
        raise NotFound
    return found


def stage_name(pk: int | None) -> str:
    """A stage's name."""
    stage = everything().stages.get(pk or 0)
    return stage.name if stage else ""


def reason_name(pk: int | None) -> str:
    """A reason's name."""
    reason = everything().reasons.get(pk or 0)
    return reason.shown if reason else ""
