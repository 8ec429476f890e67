"""How files stand in the timeline."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext as _

from crm_core.groundwork.timeline.describing import Entry, actor, describes
from crm_platform.events.models import Event
from crm_platform.ui.markup import fill


@describes("file.added")
def added(event: Event) -> Entry:
    """A file came."""
    link = fill('<a class="link" href="{}">{}</a>', reverse("file", args=[event.record_id]), event.after.get("name", ""))
    return Entry(event, "file-text", fill(_("{who} added the file {file}"), who=actor(event), file=link))


@describes("file.removed")
def removed(event: Event) -> Entry:
    """A file went."""
    return Entry(event, "file-text", fill(_("{who} took off the file {file}"), who=actor(event), file=event.before.get("name", "")))
