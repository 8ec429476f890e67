"""Jobs of archives: make one, make the week's, delete those whose time is over."""

from __future__ import annotations

import time

from crm_platform.db import sides
from crm_platform.kernel import jobs, workspace
from crm_platform.kernel.jobs import Again, Lease
from crm_platform.kernel.points import reached
from crm_platform.kernel.workspace import Place

from . import making, proving, pulse, services
from .models import ArchiveRun, Stage


class _Cancelled(Exception):
    """The owner does not want it any more."""


class _Teller:
    """Notes progress at most once a second, and hears whether to stop."""

    def __init__(self, place: Place, pk: int, check: pulse.Check) -> None:
        self._place, self._pk, self._check, self._last = place, pk, check, 0.0

    def __call__(self, done: int, total: int) -> None:
        self._check()
        if time.monotonic() - self._last < 1:
            return
        self._last = time.monotonic()
        with sides.unit(self._place):
            run = ArchiveRun.objects.select_for_update().get(pk=self._pk)
            if run.cancel_asked:
                raise _Cancelled
            run.done, run.total = done, total
            run.save(update_fields=["done", "total"])


def _fail(pk: int) -> None:
    services.stop(ArchiveRun.objects.select_for_update().get(pk=pk), stage=Stage.FAILED)


@jobs.register("archives.make", kind=jobs.Kind.LONG, failed=_fail)
def make(pk: int, *, lease: Lease) -> Again | None:
    """Make an archive: rows in one go, files slice by slice."""
    place = workspace.here()
    with sides.unit(place):
        run = ArchiveRun.objects.get(pk=pk)
        if run.stage != Stage.RUNNING:
            return None
        folder = services.folder_of(run)

    def beat() -> None:
        with sides.unit(place):
            lease.beat()

    try:
        with pulse.beating(beat) as check:
            tell = _Teller(place, pk, check)
            tell(run.done, run.total)
            made = making.make(place, folder, say=tell, must_wait=lease.should_yield)
    except _Cancelled:
        with sides.unit(place):
            services.stop(ArchiveRun.objects.select_for_update().get(pk=pk), stage=Stage.CANCELLED)
        return None
    if made is None:
        return Again()
    services.put_away(made)
    if run.weekly:
        proving.hand_over(place, made)  # first: whoever takes over after a kill makes it again and hands that over
    reached("archive.made")
    with sides.unit(place):
        lease.beat()
        services.finish(ArchiveRun.objects.select_for_update().get(pk=pk), made)
        reached("archive.finishing")
    reached("archive.finished")
    return None


@jobs.register("archives.weekly")
def weekly(pk: int, *, lease: Lease) -> Again | None:
    """The week's archive, and next week's."""
    with sides.unit(workspace.here()):
        lease.beat()
        services.make_weekly()
    return None


@jobs.register("archives.forget")
def forget(pk: int, *, lease: Lease) -> Again | None:
    """Delete what nobody may fetch any more."""
    with sides.unit(workspace.here()):
        lease.beat()
        run = ArchiveRun.objects.select_for_update().filter(pk=pk, stage=Stage.DONE).first()
        if run is not None:
            services.forget(run)
    return None
