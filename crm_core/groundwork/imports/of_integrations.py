"""Undoing what an integration wrote in a period: the core's answer to `integrations.undoing`, by the same means as an import's undo.

What cannot be taken back is counted by the name of its event, and told: a letter that went out does not come home.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils import translation

from crm_core.groundwork.records import registry, writing
from crm_platform.db import sides
from crm_platform.events.backbone import emit
from crm_platform.events.models import Event
from crm_platform.integrations import undoing
from crm_platform.integrations.models import Integration
from crm_platform.kernel import jobs, preferences, workspace
from crm_platform.kernel.jobs import Again, Lease
from crm_platform.kernel.permissions import Actor, ActorKind, robot

from . import taking_back, traces
from .taking_back import AT_ONCE, Writes
from .traces import touched_later


def _rows(integration: Integration, since: datetime) -> QuerySet[Event]:
    return Event.objects.filter(via=integration.via, at__gte=since)


def outlook(integration: Integration, since: datetime) -> dict[str, Any]:
    """What undoing would do, in counts."""
    rows = _rows(integration, since)
    binned, kept, changed = dict[str, int](), 0, 0
    for kind in registry.kinds():
        made = {pk for pk in rows.filter(name=f"{kind.code}.created").values_list("record_id", flat=True) if pk is not None}
        present = set(kind.model.objects.filter(pk__in=made, binned_at=None).values_list("pk", flat=True))
        touched = touched_later(kind.code, present, without=[integration.via])
        if present - touched:
            binned[kind.code] = len(present - touched)
        kept += len(touched)
        changed += rows.filter(_changes(), entity=kind.code).exclude(record_id__in=made).values("record_id").distinct().count()
    found = {"binned": _labelled(binned), "kept": kept, "changed": changed, "unbinned": len(_binned_by(integration, since)), "added": traces.left_by(rows), "other": _others(rows)}
    return {**found, "nothing": not any(found.values())}


def _changes() -> Q:
    return ~Q(name__endswith=".created") & ~Q(name__endswith=".binned") & ~Q(before={})


def _others(rows: QuerySet[Event]) -> dict[str, int]:
    """Events that nothing here takes back, by name: of things that are no records, and of records where nothing was changed."""
    codes = registry.codes()
    told = rows.exclude(Q(entity__in=codes) & (Q(name__endswith=".created") | Q(name__endswith=".binned") | ~Q(before={}))).exclude(name__in=traces.swept_names())
    return dict(told.order_by("name").values_list("name").annotate(n=Count("pk")))


def _labelled(counts: dict[str, int]) -> list[dict[str, Any]]:
    return [{"label": str(registry.find(entity).plural), "count": count} for entity, count in counts.items()]


def _binned_by(integration: Integration, since: datetime) -> list[tuple[str, int]]:
    """The records that lie in the bin because the integration put them there, and that it had not made itself in the period."""
    rows = _rows(integration, since)
    found = list[tuple[str, int]]()
    for kind in registry.kinds():
        gone = set(rows.filter(name=f"{kind.code}.binned").values_list("record_id", flat=True))
        made = set(rows.filter(name=f"{kind.code}.created").values_list("record_id", flat=True))
        lying = list(kind.model.objects.filter(pk__in=gone - made).exclude(binned_at=None).values_list("pk", flat=True))
        last = dict(Event.objects.filter(name=f"{kind.code}.binned", subjects__overlap=[f"{kind.code}:{pk}" for pk in lying]).order_by("id").values_list("record_id", "via"))
        found += [(kind.code, pk) for pk in lying if last.get(pk) == integration.via]
    return found


def _fail(pk: int) -> None:
    """It can be asked for again: what was put back stays so."""
    row = Integration.objects.select_for_update().get(pk=pk)
    row.undo = {**row.undo, "stage": undoing.FAILED}
    row.save(update_fields=["undo"])


@jobs.register(undoing.JOB, kind=jobs.Kind.LONG, failed=_fail)
def run(pk: int, *, lease: Lease) -> Again | None:
    """Out of the bin, what was made, what was changed, what was added beside records; each batch in one transaction."""
    place = workspace.here()
    with sides.unit(place):
        language = preferences.here().language
    with translation.override(language):
        for part in (_take_out, _bin_made, _put_back):
            while not lease.checkpoint.get(part.__name__):
                with sides.unit(place):
                    row = Integration.objects.select_for_update().get(pk=pk)
                    lease.beat({**lease.checkpoint, **part(row, _writes(row), dict(lease.checkpoint))})
                    row.save(update_fields=["undo"])
                if lease.should_yield():
                    return Again()
        with sides.unit(place):
            _finish(Integration.objects.select_for_update().get(pk=pk))
            lease.beat()
    return None


def _since(row: Integration) -> datetime:
    return datetime.fromisoformat(row.undo["since"])


def _robot(row: Integration) -> Actor:
    return robot("undo").through(ActorKind.ROBOT, via=f"undo:{row.via}")


def _writes(row: Integration) -> Writes:
    report = row.undo["report"] = {**taking_back.empty_report(), "unbinned": 0, **row.undo.get("report", {})}
    return Writes(_rows(row, _since(row)), [row.via], _robot(row), report)


def _take_out(row: Integration, writes: Writes, done: dict[str, Any]) -> dict[str, Any]:
    lying = _binned_by(row, _since(row))
    for code in {code for code, _pk in lying[:AT_ONCE]}:
        writes.report["unbinned"] += len(writing.restore(writes.who, registry.find(code), [pk for one, pk in lying[:AT_ONCE] if one == code]))
    return {"_take_out": len(lying) <= AT_ONCE}


def _bin_made(row: Integration, writes: Writes, done: dict[str, Any]) -> dict[str, Any]:
    mark = taking_back.bin_made(writes, done.get("before"))
    return {"_bin_made": True} if mark is None else {"before": mark}


def _put_back(row: Integration, writes: Writes, done: dict[str, Any]) -> dict[str, Any]:
    mark = taking_back.put_back(writes, done.get("changed_before"))
    return {"_put_back": True} if mark is None else {"changed_before": mark}


def _finish(row: Integration) -> None:
    report = _writes(row).report
    report["swept"] = traces.sweep(_robot(row), via=row.via, without=[row.via], since=_since(row))
    report["binned"] = _labelled({code: count for code, count in report["binned"].items() if count})
    report["other"] = _others(_rows(row, _since(row)))
    row.undo = {**row.undo, "stage": undoing.DONE, "report": report}
    row.save(update_fields=["undo"])
    told = {"name": row.name, "restored": report["restored"], "kept": len(report["kept"])}
    emit(robot("undo"), "integration.undone", entity="integration", record_id=row.pk, after=told, also=["workspace:1"])


undoing.answer(outlook)
