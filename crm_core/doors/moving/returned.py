"""Moves of a workspace that came back from an archive: jobs do not travel."""

from __future__ import annotations

from tenants import claiming
from tenants.claiming import WorkspaceClaimed

from .models import AT_WORK, Move, Stage


@claiming.returned(41)
def stop_what_ran(claimed: WorkspaceClaimed) -> None:
    """A move that ran stands still, without its token."""
    Move.objects.exclude(token="").update(token="")
    for move in Move.objects.filter(stage__in=AT_WORK):
        move.resumes, move.stage = move.stage, Stage.PAUSED
        move.save(update_fields=["resumes", "stage"])
