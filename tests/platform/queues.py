"""The queue of workspaces and the scheduler's notes, emptied for a test that is alone in them."""

from __future__ import annotations

from typing import Any

from crm_platform.db import sides
from crm_platform.jobs import broker, serving, turns
from crm_platform.jobs.models import Job, JobState
from tenants.models import Due


def empty() -> None:
    """Nobody waits."""
    turns.queue().delete(turns.NOW, turns.REST, turns.OWED, turns.TAKEN, broker.ACTIVE, "serve", *turns.queue().keys("slots:*"))


def quiet(door: Any) -> None:
    """The first jobs of a workspace are done, and it is alone in the queue and in the notes."""
    assert serving.serve_side(door.unit)
    with door.unit():
        Job.objects.all().delete()
    with sides.control_unit():
        Due.objects.all().delete()
        Job.objects.filter(state=JobState.WAITING).delete()
    empty()
