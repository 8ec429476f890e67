"""How what became of leads stands in the timeline."""

from __future__ import annotations

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from crm_core.groundwork.timeline.describing import Entry, actor, describes
from crm_platform.events.models import Event
from crm_platform.ui.markup import fill


def _sentence(event: Event, words: str) -> SafeString:
    return fill(words, who=actor(event), name=event.after.get("name", ""), source=event.after.get("source", "") or "–")


@describes("incoming.accepted")
def accepted(event: Event) -> Entry:
    """A lead became this."""
    return Entry(event, "inbox", _sentence(event, _("{who} accepted the lead “{name}” from {source}")))


@describes("incoming.linked")
def linked(event: Event) -> Entry:
    """A lead was put to this."""
    return Entry(event, "link", _sentence(event, _("{who} added the lead “{name}” from {source}")))


@describes("incoming.merged")
def merged(event: Event) -> Entry:
    """A lead was merged into this."""
    return Entry(event, "merge", _sentence(event, _("{who} merged the lead “{name}” from {source}")))
