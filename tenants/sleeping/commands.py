"""`bin/crm sleep-workspace` and `wake-workspace`."""

from __future__ import annotations

from crm_platform.db.sides import control_unit
from crm_platform.kernel import commands
from crm_platform.kernel.commands import answer, as_json, workspace_option
from tenants.carrying import spares
from tenants.finding import by_slug
from tenants.models import Nap

from . import services, waking


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
    """Wake a workspace now."""
    workspace = by_slug(slug)
    with control_unit():
        nap = Nap.objects.filter(workspace=workspace, finished_at=None).first()
    if nap is None or not waking.wake(nap):
        raise spares.NotServed(slug=slug, state=workspace.state)
    with control_unit():
        nap.refresh_from_db()
    answer({"workspace": slug, "ms": nap.waking_ms}, as_json=as_json, text=f"{slug} is awake after {nap.waking_ms} ms.")
