"""How notes stand in the timeline."""

from __future__ import annotations

from django.utils.translation import gettext as _

from crm_core.groundwork.timeline.describing import Difference, Entry, actor, describes
from crm_platform.events.models import Event
from crm_platform.ui.markup import fill

from .drawing import shown


@describes("note.added")
def added(event: Event) -> Entry:
    """The words themselves."""
    return Entry(event, "sticky-note", fill(_("{who} noted"), who=actor(event)), tone="warn", body=shown(event.after.get("text", "")), note=True)


@describes("note.changed")
def changed(event: Event) -> Entry:
    """What it was before."""
    difference = Difference("text", _("Note"), event.before.get("text", ""), event.after.get("text", ""), put_back=False)
    return Entry(event, "sticky-note", fill(_("{who} rewrote a note"), who=actor(event)), differences=[difference])


@describes("note.removed", "note.restored", "note.pinned", "note.unpinned")
def other(event: Event) -> Entry:
    """One line."""
    sentences = {
        "note.removed": _("{who} took off a note"), "note.restored": _("{who} put a note back"), "note.pinned": _("{who} pinned a note"), "note.unpinned": _("{who} unpinned a note"),
    }  # fmt: skip
    return Entry(event, "sticky-note", fill(sentences[event.name], who=actor(event)))
