"""Undoing an import: bins what it made, puts back what it changed, keeps and lists what someone changed later."""

from __future__ import annotations

from typing import Any

from crm_core.groundwork.records import registry, writing
from crm_core.groundwork.timeline.services import stored
from crm_platform.accounts.models import Access, User
from crm_platform.db import sides
from crm_platform.events.backbone import emit
from crm_platform.events.models import Event
from crm_platform.kernel import clock, jobs, workspace
from crm_platform.kernel.errors import Invalid
from crm_platform.kernel.jobs import Again, Lease
from crm_platform.kernel.permissions import ActorKind, robot

from . import traces
from .languages import importers_language
from .models import ImportRun, Stage
from .traces import leaving, touched_later, via_of

AT_ONCE = 200
LISTED = 200


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
    return {"binned": binned, "kept": kept, "changed": changed, "people": people, "added": traces.left_by(run)}


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
        _report(run)["swept"] = traces.sweep(_robot(run), run)
        run.stage = Stage.UNDONE
        run.save(update_fields=["stage", "totals"])
        lease.beat()
        emit(robot("undo"), "import.undone", entity="import", record_id=pk, after=run.totals.get("undo", {}), also=["workspace:1"])
    return None


def _report(run: ImportRun) -> dict[str, Any]:
    report: dict[str, Any] = run.totals.setdefault("undo", {"binned": {}, "restored": 0, "kept": [], "people": 0, "swept": 0})
    return report


def _robot(run: ImportRun) -> Any:
    return robot("undo").through(ActorKind.ROBOT, via=f"undo:{run.pk}")


def _bin_made(run: ImportRun, done: dict[str, Any]) -> dict[str, Any]:
    """The next records that the import made, newest first."""
    via, before, without = via_of(run), done.get("before"), leaving(run)
    rows = Event.objects.filter(via=via, name__endswith=".created")
    rows = rows.filter(pk__lt=before) if before else rows
    events = list(rows.order_by("-id").values_list("pk", "entity", "record_id")[:AT_ONCE])
    if not events:
        return {**done, "made": True}
    by_entity: dict[str, list[int]] = {}
    for _pk, entity, record_id in events:
        by_entity.setdefault(entity, []).append(int(record_id or 0))
    for entity, pks in by_entity.items():
        kind = registry.find(entity)
        touched = touched_later(entity, pks, without=without)
        present = dict(kind.model.objects.filter(pk__in=pks, binned_at=None).values_list("pk", "name"))
        gone = [pk for pk in present if pk not in touched]
        if gone:
            writing.put_in_bin(_robot(run), kind, gone)
        report = _report(run)
        report["binned"][entity] = report["binned"].get(entity, 0) + len(gone)
        report["kept"] += [{"entity": entity, "id": pk, "name": present[pk]} for pk in present if pk in touched][: LISTED - len(report["kept"])]
    run.save(update_fields=["totals"])
    return {**done, "before": events[-1][0]}


def _put_back(run: ImportRun, done: dict[str, Any]) -> dict[str, Any]:
    """The next changes, newest first: a field goes back where it still holds what the import gave it."""
    via, before = via_of(run), done.get("changed_before")
    rows = Event.objects.filter(via=via, entity__in=[kind.code for kind in registry.kinds()]).exclude(name__endswith=".created")
    rows = rows.filter(pk__lt=before) if before else rows
    events = list(rows.order_by("-id")[:AT_ONCE])
    if not events:
        return {**done, "changed": True}
    for event in events:
        _put_back_one(run, event)
    run.save(update_fields=["totals"])
    return {**done, "changed_before": events[-1].pk}


def _put_back_one(run: ImportRun, event: Event) -> None:
    kind = registry.find(event.entity)
    record = kind.model.objects.select_for_update().filter(pk=event.record_id, binned_at=None).first()
    if record is None:
        return
    values, kept = _given_back(kind, record, event)
    report = _report(run)
    try:
        if values and writing.change_locked(_robot(run), kind, record, values):
            report["restored"] += 1
    except Invalid:
        kept = True
    if kept and len(report["kept"]) < LISTED:
        report["kept"].append({"entity": kind.code, "id": record.pk, "name": str(record)})


def _given_back(kind: registry.Kind, record: Any, event: Event) -> tuple[dict[str, Any], bool]:
    """What goes back, and whether something else stays because someone changed it later."""
    values: dict[str, Any] = {}
    kept = False
    for name, old in event.before.items():
        if kind.links and name in kind.links.names:
            rows = _links_back(kind.links.read(record, name), event, name)
            if rows is not None:
                values[name] = [kind.links.again(name, row) for row in rows]
        elif not hasattr(record, name):
            continue
        elif writing.plain(getattr(record, name)) == event.after.get(name):
            values[name] = stored(kind, name, old)
        kept |= name not in values
    return values, kept


def _links_back(present: list[dict[str, Any]], event: Event, name: str) -> list[dict[str, Any]] | None:
    """The links without what the import added, whatever else was linked since; None where someone changed what it added."""
    before, after, now = ([_apart(row) for row in rows] for rows in (event.before[name], event.after.get(name, []), present))
    if now == after:
        return list(event.before[name])
    added = [row for row in after if row not in before]
    if any(row not in now for row in added):
        return None
    gone = [row for row in event.before[name] if _apart(row) not in after and _apart(row) not in now]
    return [row for row in present if _apart(row) not in added] + gone


def _apart(row: dict[str, Any]) -> dict[str, Any]:
    """A link without the name of what it leads to: that may be called otherwise by now."""
    return {name: value for name, value in row.items() if name != "name"} if "id" in row else row


def _hide_people(run: ImportRun) -> None:
    """People whom the import wrote down leave the list, unless they have been invited or work is theirs by other means."""
    ids = [pk for pk in Event.objects.filter(via__in=leaving(run), name="person.added").values_list("record_id", flat=True) if pk is not None]
    busy: set[int] = set()
    for kind in registry.kinds():
        busy.update(kind.model.objects.filter(responsible__in=ids, binned_at=None).values_list("responsible", flat=True))
    gone = User.objects.filter(pk__in=ids, access=Access.NONE, deactivated_at=None).exclude(pk__in=busy)
    _report(run)["people"] = gone.update(deactivated_at=clock.now())
