"""What the API calls our nouns, and the ids that all its workspaces share."""

from __future__ import annotations

from crm_core.sales.pipelines import queries as pipelines
from crm_core.sales.pipelines.models import Stage, StageKind
from crm_platform.kernel.errors import NotFound

# Ours → the API's collection, and the API's word for one of it in events.
PLURALS = {"deal": "leads", "contact": "contacts", "company": "companies"}
SINGULARS = {"deal": "lead", "contact": "contact", "company": "company"}
CODES = {plural: code for code, plural in PLURALS.items()}
WON, LOST = 142, 143
_SYSTEM = {StageKind.WON.value: WON, StageKind.LOST.value: LOST}
_KINDS = {WON: StageKind.WON, LOST: StageKind.LOST}
# Stages count on behind the system's two, so that none of ours is taken for them.
ABOVE = 1000
UNSORTED = 900_000_000


def code_of(plural: str) -> str:
    """Our kind of a collection's name; raises NotFound."""
    if plural not in CODES:
        raise NotFound
    return CODES[plural]


def status_of(stage: Stage | None) -> int | None:
    """The API's id of a stage: won and lost have the same in every pipeline, an open one counts from 1000."""
    if stage is None:
        return None
    return _SYSTEM.get(stage.kind) or stage.pk + ABOVE


def status_id(stage_id: int | None) -> int | None:
    """The same by our id."""
    return status_of(pipelines.everything().stages.get(stage_id or 0))


def unsorted_of(pipeline_id: int) -> int:
    """The number of the status in which a pipeline's incoming leads wait: no stage of ours."""
    return UNSORTED + pipeline_id


def stage_of(status: int, *, pipeline_id: int | None) -> Stage | None:
    """The stage that the API's id names; won and lost need their pipeline. None where there is none.

    A status of another pipeline is found as well: it leads there.
    """
    board = pipelines.everything()
    if status in _KINDS:
        chosen = pipeline_id if pipeline_id is not None else pipelines.first().pk
        return next((stage for stage in board.of(chosen) if stage.kind == _KINDS[status]), None)
    return board.stages.get(status - ABOVE)
