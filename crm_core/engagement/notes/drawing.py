"""Notes on a card: what stands in them now, and what one may do with one's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from django.http import HttpRequest
from django.utils.html import linebreaks
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from crm_core.groundwork.timeline.describing import Entry
from crm_core.groundwork.timeline.drawing import offers
from crm_platform.accounts import directory
from crm_platform.ui.addresses import numbered
from crm_platform.ui.icons import icon
from crm_platform.ui.markup import esc, fill, once_only

from .models import Note
from .services import is_mine

# A note whose event came so long after it was written was brought from elsewhere: its own time and author are told.
_BROUGHT_LATER = timedelta(minutes=1)


def shown(text: str) -> SafeString:
    """The words in paragraphs."""
    return mark_safe(linebreaks(text, autoescape=True))  # noqa: S308 (escaped)


def freshen(entries: Iterable[Entry], standing: Mapping[int, Note]) -> None:
    """A history says what a note says now; one that was taken off is a line without words."""
    for entry in entries:
        if entry.event.name != "note.added":
            continue
        note = standing.get(entry.event.record_id or 0)
        entry.note = note is not None
        entry.body = shown(note.text) if note is not None else SafeString("")
        if note is not None and entry.event.at - note.created_at > _BROUGHT_LATER:
            entry.event.at = note.created_at
            entry.sentence = fill(_("{who} noted"), who=fill("<b>{}</b>", directory.name_of(note.created_by) or entry.event.actor_name))


def acts(request: HttpRequest, pk: int, author: int | None) -> SafeString:
    """Edit and remove, for whom they are; nothing for others."""
    if not is_mine(request.actor, author):  # type: ignore[attr-defined]
        return SafeString("")
    return SafeString(
        f'<div class="row small"><a class="btn btn--quiet btn--sm" href="{numbered("note-edit", pk)}">{icon("pencil")}{esc(_("Edit"))}</a>'
        f'<form class="inline" method="post" action="{numbered("note-remove", pk)}">{once_only(request)}<button class="btn btn--quiet btn--sm" type="submit">{icon("trash-2")}{esc(_("Remove"))}</button></form></div>'
    )


@offers("note.added")
def _acts_of_entry(request: HttpRequest, entry: Entry) -> SafeString:
    """Only on the card of its own record."""
    return acts(request, entry.event.record_id or 0, entry.event.actor_id) if entry.note and not entry.about else SafeString("")
