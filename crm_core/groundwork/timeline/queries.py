"""Reading histories."""

from __future__ import annotations

from datetime import timedelta

from django.utils.safestring import SafeString

from crm_core.groundwork.records import desk, registry
from crm_platform.db.prepared import Prepared, names_by_key
from crm_platform.events.models import Event
from crm_platform.kernel import clock, gates
from crm_platform.kernel.permissions import Actor
from crm_platform.ui.markup import fill

from .describing import Entry, describe

PAGE = 30
_NEWEST = Prepared(Event, lambda subject: Event.objects.filter(subjects__contains=[subject]).order_by("-id")[: PAGE + 1])


def of_subject(actor: Actor, subject: str, *, before: int | None = None, group: str = "") -> tuple[list[Entry], int | None]:
    """A page of a record's history, newest first, and the id to go on from; `group` keeps one kind of entry.

    A company's history tells of its deals too: what happened to another record is named, and left out where the actor may not see that one.
    """
    if before is None and not group:
        return _page(actor, _NEWEST.rows(subject=subject), subject)
    rows = Event.objects.filter(subjects__contains=[subject])
    if before is not None:
        rows = rows.filter(id__lt=before)
    if group == "notes":
        rows = rows.filter(name__startswith="note.")
    elif group == "tasks":
        rows = rows.filter(name__startswith="task.")
    elif group == "changes":
        rows = rows.exclude(name__startswith="note.").exclude(name__startswith="task.")
    return _page(actor, list(rows.order_by("-id")[: PAGE + 1]), subject)


def _page(actor: Actor, events: list[Event], subject: str = "") -> tuple[list[Entry], int | None]:
    following = events[PAGE - 1].pk if len(events) > PAGE else None
    homes = [(event, _home(event)) for event in events[:PAGE]]
    seen = _others(actor, {home for _event, home in homes if home is not None and home != subject})
    entries = []
    for event, home in homes:
        if home is not None and home != subject and home not in seen:
            continue
        entry = describe(event)
        entry.about = seen.get(home or "", entry.about)
        entries.append(entry)
    return entries, following


def _home(event: Event) -> str | None:
    """The record it happened to, or on which the note, task or file stands; None for what concerns no record."""
    return next((name for name in event.subjects if name.partition(":")[0] in registry.codes()), None)


def _others(actor: Actor, homes: set[str]) -> dict[str, SafeString]:
    """Links to those of the records that the actor may see, in one statement for each kind; what is gone for good is only shown to who sees all."""
    wanted: dict[str, list[int]] = {}
    for home in homes:
        code, _colon, pk = home.partition(":")
        wanted.setdefault(code, []).append(int(pk))
    links: dict[str, SafeString] = {}
    for code, pks in wanted.items():
        mine = desk.find(code)
        if mine.sees_all(actor):
            links.update({f"{code}:{pk}": SafeString("") for pk in pks})
            names = names_by_key(mine.kind.model, pks)
        else:
            names = dict(mine.kind.model.objects.filter(mine.reach(actor), pk__in=pks).values_list("pk", "name"))
        links.update({f"{code}:{pk}": fill('<a class="link" href="{}">{}</a>', mine.kind.url(pk), name) for pk, name in names.items()})
    return links


def journal_days() -> int | None:
    """How far back the plan shows the journal, in days; None for all."""
    return gates.usage("journal_days").limit


def journal(actor: Actor, *, before: int | None = None, actor_id: int | None = None, entity: str = "") -> tuple[list[Entry], int | None]:
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
    return _page(actor, list(rows.order_by("-id")[: PAGE + 1]))
