"""Reading histories."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.db.models import Q
from django.utils.safestring import SafeString

from crm_core.groundwork.records import desk, registry, writing
from crm_core.groundwork.records.standing import standing_of
from crm_platform.db.prepared import Prepared
from crm_platform.events.models import Event
from crm_platform.kernel import clock, gates
from crm_platform.kernel.permissions import Actor
from crm_platform.ui.markup import fill

from .describing import Entry, complete, describe

PAGE = 30
_NEWEST = Prepared(Event, lambda subject: Event.objects.filter(subjects__contains=[subject]).order_by("-id")[: PAGE + 1])


# Which events about what is no record (a task) one may read of, as a condition on events; None for all of them.
Told = Callable[[Actor], Q | None]
_told: dict[str, Told] = {}


def tells(entity: str, told: Told) -> None:
    """Register whose eyes the events about an entity are for; without it they follow the record they stand on."""
    _told[entity] = told


def _for_eyes(actor: Actor) -> Q | None:
    """The condition of everything registered, in the statement that reads the events; None where nothing is left out."""
    found = None
    for entity, told in _told.items():
        condition = told(actor)
        if condition is not None:
            found = (found if found is not None else Q()) & (~Q(entity=entity) | condition)
    return found


def of_subject(actor: Actor, subject: str, *, before: int | None = None, group: str = "", may_edit: bool = False) -> tuple[list[Entry], int | None]:
    """A page of a record's history, newest first, and the id to go on from; `group` keeps one kind of entry.

    A company's history tells of its deals too: what happened to another record is named, and left out where the actor may not see that one.
    `may_edit` says whether the actor may edit the record itself.
    """
    eyes = _for_eyes(actor)
    if before is None and not group and eyes is None:
        return _page(actor, _NEWEST.rows(subject=subject), subject, may_edit=may_edit)
    rows = Event.objects.filter(subjects__contains=[subject])
    if eyes is not None:
        rows = rows.filter(eyes)
    if before is not None:
        rows = rows.filter(id__lt=before)
    if group == "notes":
        rows = rows.filter(name__startswith="note.")
    elif group == "tasks":
        rows = rows.filter(name__startswith="task.")
    elif group == "changes":
        rows = rows.exclude(name__startswith="note.").exclude(name__startswith="task.")
    return _page(actor, list(rows.order_by("-id")[: PAGE + 1]), subject, may_edit=may_edit)


def _page(actor: Actor, events: list[Event], subject: str = "", *, may_edit: bool = False) -> tuple[list[Entry], int | None]:
    following = events[PAGE - 1].pk if len(events) > PAGE else None
    homes = [(event, _home(event)) for event in events[:PAGE]]
    seen, editable = _others(actor, {home for _event, home in homes if home is not None and home != subject})
    if may_edit:
        editable.add(subject)
    entries = []
    for event, home in homes:
        if home is not None and home != subject and home not in seen:
            continue
        entry = describe(event)
        entry.about, entry.may_edit = seen.get(home or "", entry.about), event.subject in editable
        entries.append(entry)
    complete(entries)
    return entries, following


def _home(event: Event) -> str | None:
    """The record it happened to, or on which the note, task or file stands; None for what concerns no record."""
    return next((name for name in event.subjects if name.partition(":")[0] in registry.codes()), None)


def _others(actor: Actor, homes: set[str]) -> tuple[dict[str, SafeString], set[str]]:
    """Links to those of the records that the actor may see, and which of them the actor may edit, in one statement for each kind.

    What is gone for good is only shown to who sees all.
    """
    wanted: dict[str, list[int]] = {}
    for home in homes:
        code, _colon, pk = home.partition(":")
        wanted.setdefault(code, []).append(int(pk))
    links: dict[str, SafeString] = {}
    editable = set()
    for code, pks in wanted.items():
        mine = desk.find(code)
        if mine.sees_all(actor):
            links.update({f"{code}:{pk}": SafeString("") for pk in pks})
        for record in standing_of(mine.kind.model, pks):
            if not writing.may(actor, mine.kind.entity.VIEW, record):
                continue
            links[f"{code}:{record.pk}"] = fill('<a class="link" href="{}">{}</a>', mine.kind.url(record.pk), record.name)
            if writing.may_change(actor, mine.kind.entity.EDIT, record):
                editable.add(f"{code}:{record.pk}")
    return links, editable


def journal_days() -> int | None:
    """How far back the plan shows the journal, in days; None for all."""
    return gates.usage("journal_days").limit


def journal(actor: Actor, *, before: int | None = None, actor_id: int | None = None, entity: str = "") -> tuple[list[Entry], int | None]:
    """A page of the whole workspace's journal, newest first."""
    rows, eyes = Event.objects.all(), _for_eyes(actor)
    if eyes is not None:
        rows = rows.filter(eyes)
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
