"""Reading histories."""

from __future__ import annotations

from datetime import timedelta

from crm_platform.db.prepared import Prepared
from crm_platform.events.models import Event
from crm_platform.kernel import clock, gates

from .describing import Entry, describe

PAGE = 30
_NEWEST = Prepared(Event, lambda subject: Event.objects.filter(subjects__contains=[subject]).order_by("-id")[: PAGE + 1])


def of_subject(subject: str, *, before: int | None = None, group: str = "") -> tuple[list[Entry], int | None]:
    """A page of a record's history, newest first, and the id to go on from; `group` keeps one kind of entry."""
    if before is None and not group:
        return _page(_NEWEST.rows(subject=subject))
    rows = Event.objects.filter(subjects__contains=[subject])
    if before is not None:
        rows = rows.filter(id__lt=before)
    if group == "notes":
        rows = rows.filter(name__startswith="note.")
    elif group == "tasks":
        rows = rows.filter(name__startswith="task.")
    elif group == "changes":
        rows = rows.exclude(name__startswith="note.").exclude(name__startswith="task.")
    return _page(list(rows.order_by("-id")[: PAGE + 1]))


def _page(events: list[Event]) -> tuple[list[Entry], int | None]:
    following = events[PAGE - 1].pk if len(events) > PAGE else None
    return [describe(event) for event in events[:PAGE]], following


def journal_days() -> int | None:
    """How far back the plan shows the journal, in days; None for all."""
    return gates.usage("journal_days").limit


def journal(*, before: int | None = None, actor_id: int | None = None, entity: str = "") -> tuple[list[Entry], int | None]:
    """A page of the whole workspace's journal, newest first."""
    rows = Event.objects.all()
    days = journal_days()
    if days is not None:
        rows = rows.filter(at__gte=clock.now() - timedelta(days=days))
    if before is not None:
        rows = rows.filter(id__lt=before)
    if actor_id is not None:
        rows = rows.filter(actor_id=actor_id)
    if entity:
        rows = rows.filter(entity=entity)
    return _page(list(rows.order_by("-id")[: PAGE + 1]))
