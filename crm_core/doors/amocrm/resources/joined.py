"""A source that a program declares is a source of ours as well: it shows its last lead and its rhythm, has rules of its own, and is tried every day."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.doors.amocrm.models import Stored
from crm_core.sales.incoming import routing, sources
from crm_core.sales.incoming.models import LeadSource, SourceKind
from crm_core.sales.pipelines import queries as pipelines
from crm_platform.kernel.permissions import Actor


def follow(actor: Actor, rows: Sequence[Stored], *, gone: bool) -> None:
    """Make ours as the program says; one whose declaration is gone is put aside, and its leads stay."""
    for row in rows:
        ours = sources.of_outer(_outer(row.pk))
        if gone:
            if ours is not None and ours.archived_at is None:
                sources.archive(actor, ours.pk)
            continue
        name, pipeline = str(row.body.get("name") or "").strip()[:120] or "–", row.body.get("pipeline_id")
        into = pipeline if any(one.pk == pipeline for one in pipelines.active()) else None
        if ours is None:
            sources.add(actor, name=name, kind=SourceKind.API, pipeline_id=into, outer=_outer(row.pk))
            continue
        responsible = ours.settings.get("responsible")
        still_here = responsible if responsible in routing.at_work() else None
        sources.change(actor, ours.pk, name=name, pipeline_id=into, answer_minutes=ours.settings.get("answer_minutes"), responsible_id=still_here)


def of(uid: str) -> LeadSource | None:
    """Ours for the `source_uid` of a lead; None where no program declared it, or a person put it aside."""
    row = Stored.objects.filter(kind="source", key=uid, deleted_at=None).first() if uid else None
    ours = sources.of_outer(_outer(row.pk)) if row is not None else None
    return ours if ours is not None and ours.archived_at is None else None


def _outer(pk: int) -> str:
    return f"declared:{pk}"
