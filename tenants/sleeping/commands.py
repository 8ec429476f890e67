"""`bin/crm sleep-workspace` and `wake-workspace`."""

from __future__ import annotations

from crm_platform.db.sides import control_unit
from crm_platform.kernel import commands
from crm_platform.kernel.commands import answer, as_json, workspace_option
from tenants.finding import awake, by_slug
from tenants.models import Nap, State

from . import services


@commands.command("sleep-workspace")
@workspace_option
@as_json
def sleep_workspace(slug: str, as_json: bool) -> None:
    """Put a workspace to sleep: into a proven snapshot, its schema dropped; it wakes by the first visit."""
    nap = services.proceed(services.begin(by_slug(slug)))
    answer({"workspace": slug, "step": nap.step, "snapshot": nap.snapshot_id}, as_json=as_json, text=f"{slug} is asleep (snapshot {nap.snapshot_id}).")


@commands.command("wake-workspace")
@workspace_option
@as_json
def wake_workspace(slug: str, as_json: bool) -> None:
    """Wake a workspace now; one that is awake already stays so."""
    before = by_slug(slug)
    if before.state != State.ASLEEP:
        answer({"workspace": slug, "ms": None}, as_json=as_json, text=f"{slug} is awake already.")
        return
    awake(slug)
    with control_unit():
        nap = Nap.objects.filter(workspace=before, finished_at__isnull=False).latest("pk")
    answer({"workspace": slug, "ms": nap.waking_ms}, as_json=as_json, text=f"{slug} is awake after {nap.waking_ms} ms.")
