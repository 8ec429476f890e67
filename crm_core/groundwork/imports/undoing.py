"""Undoing an import: bins what it made, puts back what it changed, keeps and lists what someone changed later."""

from __future__ import annotations

from typing import Any

from crm_core.groundwork.records import registry
from crm_platform.accounts.models import Access, User
from crm_platform.db import sides
from crm_platform.events.backbone import emit
from crm_platform.events.models import Event
from crm_platform.kernel import clock, jobs, workspace
from crm_platform.kernel.jobs import Again, Lease
from crm_platform.kernel.permissions import ActorKind, robot

from . import taking_back, traces
from .languages import importers_language
from .models import ImportRun, Stage
from .taking_back import Writes
from .traces import leaving, touched_later, via_of


def outlook(run: ImportRun) -> dict[str, Any]:
    """What undo would do, said before it starts: counts by kind, and how many are kept because someone changed them."""
    via, without = via_of(run), leaving(run)
    binned: dict[str, int] = {}
    kept = changed = 0
    for kind in registry.kinds():
        made = Event.objects.filter(via=via, name=f"{kind.code}.created")
        pks = [pk for pk in made.values_list("record_id", flat=True) if pk is not None]
        touched = touched_later(kind.code, pks, without=without)
        if pks:
            binned[str(kind.plural)] = len(pks) - len(touched)
        kept += len(touched)
        changed += Event.objects.filter(via=via, entity=kind.code).exclude(record_id__in=made.filter(record_id__isnull=False).values("record_id")).values("record_id").distinct().count()
    people = Event.objects.filter(via=via, name="person.added").count()
    return {"binned": binned, "kept": kept, "changed": changed, "people": people, "added": traces.left_by(Event.objects.filter(via=via))}


def _fail(pk: int) -> None:
    """Undo can be asked for again: what was put back stays so."""
    ImportRun.objects.filter(pk=pk).update(stage=Stage.FAILED)


@jobs.register("imports.undo", kind=jobs.Kind.LONG, failed=_fail)
def run_undo(pk: int, *, lease: Lease) -> Again | None:
    """In three parts, each batch in one transaction: what was made, what was changed, the people."""
    with importers_language(pk):
        return _run(pk, lease)


def _run(pk: int, lease: Lease) -> Again | None:
    place = workspace.here()
    done = dict(lease.checkpoint)
    while not done.get("made"):
        with sides.unit(place):
            run = ImportRun.objects.select_for_update().get(pk=pk)
            done = _bin_made(run, done)
            lease.beat(done)
        if lease.should_yield():
            return Again()
    while not done.get("changed"):
        with sides.unit(place):
            run = ImportRun.objects.select_for_update().get(pk=pk)
            done = _put_back(run, done)
            lease.beat(done)
        if lease.should_yield():
            return Again()
    with sides.unit(place):
        run = ImportRun.objects.select_for_update().get(pk=pk)
        _hide_people(run)
        _report(run)["swept"] = traces.sweep(_robot(run), via=via_of(run), without=leaving(run))
        run.stage = Stage.UNDONE
        run.save(update_fields=["stage", "totals"])
        lease.beat()
        emit(robot("undo"), "import.undone", entity="import", record_id=pk, after=run.totals.get("undo", {}), also=["workspace:1"])
    return None


def _report(run: ImportRun) -> dict[str, Any]:
    report: dict[str, Any] = run.totals.setdefault("undo", {**taking_back.empty_report(), "people": 0, "swept": 0})
    return report


def _robot(run: ImportRun) -> Any:
    return robot("undo").through(ActorKind.ROBOT, via=f"undo:{run.pk}")


def _writes(run: ImportRun) -> Writes:
    return Writes(Event.objects.filter(via=via_of(run)), leaving(run), _robot(run), _report(run))


def _bin_made(run: ImportRun, done: dict[str, Any]) -> dict[str, Any]:
    """The next records that the import made."""
    mark = taking_back.bin_made(_writes(run), done.get("before"))
    run.save(update_fields=["totals"])
    return {**done, "made": True} if mark is None else {**done, "before": mark}


def _put_back(run: ImportRun, done: dict[str, Any]) -> dict[str, Any]:
    """The next changes."""
    mark = taking_back.put_back(_writes(run), done.get("changed_before"))
    run.save(update_fields=["totals"])
    return {**done, "changed": True} if mark is None else {**done, "changed_before": mark}


def _hide_people(run: ImportRun) -> None:
    """People whom the import wrote down leave the list, unless they have been invited or work is theirs by other means."""
    ids = [pk for pk in Event.objects.filter(via__in=leaving(run), name="person.added").values_list("record_id", flat=True) if pk is not None]
    busy: set[int] = set()
    for kind in registry.kinds():
        busy.update(kind.model.objects.filter(responsible__in=ids, binned_at=None).values_list("responsible", flat=True))
    gone = User.objects.filter(pk__in=ids, access=Access.NONE, deactivated_at=None).exclude(pk__in=busy)
    _report(run)["people"] = gone.update(deactivated_at=clock.now())
