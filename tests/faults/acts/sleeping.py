"""A sleep: at each moment there is the schema, or a snapshot that was proved; the keeper goes on where one before it died."""

from __future__ import annotations

from crm_platform.db import sides
from tenants.models import Nap, NapStep, Snapshot, State
from tenants.provisioning import owner
from tenants.sleeping import services, waking

from . import firms, whole
from .firms import Facts

POINTS = (
    "snapshot.begun", "snapshot.written", "snapshot.finished", "pool.made", "sleep.taken", "sleep.spare", "sleep.loaded", "sleep.proved", "sleep.closing", "sleep.fenced",
    "sleep.marked", "sleep.dropped", "sleep.asleep",
)  # fmt: skip


def prepare(point: str) -> Facts:
    """A firm that is to sleep."""
    row = firms.made()
    return firms.facts(row, point=point, nap=services.begin(row).pk)


def work(given: Facts) -> None:
    """The keeper puts it to sleep."""
    services.resume_all()


def after(given: Facts) -> None:
    """Nothing was taken away without proof; it sleeps, and wakes with all it had."""
    with sides.control_unit():
        proved = Snapshot.objects.filter(workspace_id=given["pk"], proved_at__isnull=False).exists()
    with owner.seated(given["alias"]):
        assert proved or owner.has_schema(given["schema"])
    whole.keep()
    with sides.control_unit():
        nap = Nap.objects.get(pk=given["nap"])
    assert (nap.step, firms.now(given).state) == (NapStep.ASLEEP, State.ASLEEP), (nap.step, nap.error)
    with owner.seated(given["alias"]):
        assert not owner.has_workspace(given["schema"])
    whole.check()
    assert waking.wake(nap)
    firms.same(given, firms.now(given))
    whole.keep()
