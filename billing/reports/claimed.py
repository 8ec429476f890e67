"""A trial that begins is written down at once: the look of the next day might come too late for one that is paid for today."""

from __future__ import annotations

from billing.plans import TRIAL
from crm_platform.kernel import clock
from tenants import claiming
from tenants.claiming import WorkspaceClaimed

from .models import TrialStart


@claiming.on_control(20)
def note_trial(claimed: WorkspaceClaimed) -> None:
    """Once a workspace."""
    if claimed.plan == TRIAL:
        TrialStart.objects.bulk_create([TrialStart(workspace=claimed.place.public_id, day=clock.now().date())], ignore_conflicts=True)
