"""Imports of a workspace that came back from an archive."""

from __future__ import annotations

from crm_platform.kernel import clock
from tenants import claiming
from tenants.claiming import WorkspaceClaimed

from .models import ImportRun, Stage


@claiming.returned(40)
def stop_what_ran(claimed: WorkspaceClaimed) -> None:
    """Jobs do not travel: an import that ran stands still, and what is in can be undone."""
    ImportRun.objects.filter(stage__in=(Stage.RUNNING, Stage.UNDOING)).update(stage=Stage.FAILED, finished_at=clock.now())
