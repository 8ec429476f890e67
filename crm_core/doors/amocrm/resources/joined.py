"""A source that a program declares is a source of ours as well: it shows its last lead and its rhythm, has rules of its own, and is tried every day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from crm_core.doors.amocrm.models import Stored
from crm_core.doors.amocrm.wire.fields import Item
from crm_core.sales.incoming import rhythm, routing, sources
from crm_core.sales.incoming.models import IncomingLead, LeadSource, SourceKind
from crm_core.sales.pipelines import queries as pipelines
from crm_platform.kernel import clock
from crm_platform.kernel.permissions import Actor

# What is kept of a lead that named its source: `parent_id` is the lead.
CAME_FROM = "lead_source"


def follow(actor: Actor, rows: Sequence[Stored], *, gone: bool) -> None:
    """Make ours as the program says; one whose declaration is gone is put aside, and its leads stay."""
    for row in rows:
        present = sources.of_outer(_outer(row.pk))
        if gone:
            if present is not None and present.archived_at is None:
                sources.archive(actor, present.pk)
            continue
        name, pipeline = str(row.body.get("name") or "").strip()[:120] or "–", row.body.get("pipeline_id")
        into = pipeline if any(one.pk == pipeline for one in pipelines.active()) else None
        if present is None:
            sources.add(actor, name=name, kind=SourceKind.API, pipeline_id=into, outer=_outer(row.pk))
            continue
        responsible = present.settings.get("responsible")
        still_here = responsible if responsible in routing.at_work() else None
        sources.change(actor, present.pk, name=name, pipeline_id=into, answer_minutes=present.settings.get("answer_minutes"), responsible_id=still_here)


def of(uid: str) -> LeadSource | None:
    """Ours for the `source_uid` of a lead; None where no program declared it, or a person put it aside."""
    row = Stored.objects.filter(kind="source", key=uid, deleted_at=None).first() if uid else None
    return ours(row) if row is not None else None


def declared(items: Sequence[Item]) -> dict[int, Stored]:
    """The declared source of each item, by its place: what `_embedded.source` names by `external_id`, else by `id`, else by `name`.

    One statement where any is named. A source that nobody declared is left aside, as any word of an integration's own is.
    """
    named = {item.at: source for item in items if (source := item.beneath("_embedded").beneath("source")).body}
    if not named:
        return {}
    rows = Stored.objects.filter(kind="source", deleted_at=None).order_by("-pk")
    known = {word: row for row in rows for word in (("name", row.body.get("name")), ("id", row.pk), ("external_id", row.key))}
    found = {at: next((row for word in _words(source) if (row := known.get(word)) is not None), None) for at, source in named.items()}
    return {at: row for at, row in found.items() if row is not None}


def _words(source: Item) -> list[tuple[str, Any]]:
    words = [("external_id", source.text("external_id", most=300)), ("id", source.whole("id")), ("name", source.text("name", most=300))]
    return [word for word in words if word[1]]


def keep(leads: Sequence[Any], items: Sequence[Item], named: Mapping[int, Stored]) -> None:
    """New leads (their items at the same places) came from the sources that `declared` found: told under `with=source`, and heard by ours."""
    pairs = [(lead, named[item.at]) for lead, item in zip(leads, items, strict=True) if item.at in named]
    Stored.objects.bulk_create([Stored(kind=CAME_FROM, parent_id=lead.pk, body={"source_id": row.pk}, created_by=lead.created_by) for lead, row in pairs])
    moments: dict[int, list[datetime]] = {}
    for row in {row.pk: row for _lead, row in pairs}.values():
        known = ours(row)
        if known is not None:
            moments[known.pk] = [clock.now()]
    rhythm.heard(moments)


def of_leads(leads: Sequence[Any]) -> dict[int, dict[str, Any]]:
    """The source of each lead, `{id, name}` as it was declared: named when the lead was made, or the one whose incoming lead became it."""
    pks = [lead.pk for lead in leads]
    said = Stored.objects.filter(kind=CAME_FROM, parent_id__in=pks, deleted_at=None).order_by("pk").values_list("parent_id", "body__source_id")
    became = IncomingLead.objects.filter(deal_id__in=pks, source__settings__outer__startswith=_outer("")).values_list("deal_id", "source__settings__outer")
    found = {deal: int(outer.removeprefix(_outer(""))) for deal, outer in became if deal}
    found |= {deal: pk for deal, pk in said if deal}
    # One that was taken back since is told all the same: the lead came from it.
    names = dict(Stored.objects.filter(kind="source", pk__in=found.values()).values_list("pk", "body__name"))
    return {deal: {"id": pk, "name": names.get(pk) or ""} for deal, pk in found.items()}


def ours(row: Stored) -> LeadSource | None:
    """Ours for a declared source; None where a person put it aside."""
    found = sources.of_outer(_outer(row.pk))
    return found if found is not None and found.archived_at is None else None


def _outer(pk: object) -> str:
    return f"declared:{pk}"
