"""How a move stands in the journal."""

from __future__ import annotations

from django.utils.translation import gettext_lazy

from crm_core.groundwork.timeline.describing import Entry, actor, describes
from crm_platform.events.models import Event
from crm_platform.ui.markup import fill

_TOLD = {
    "move.begun": ("search", gettext_lazy("{who} began to look around at {name} for a move")),
    "move.trial_started": ("package", gettext_lazy("{who} began to move fifty deals from {name} on trial")),
    "move.tried": ("package", gettext_lazy("{who}: the trial of the move from {name} is done")),
    "move.started": ("package", gettext_lazy("{who} began to move everything from {name}")),
    "move.done": ("package", gettext_lazy("{who}: the move from {name} is done; {created} deals came")),
    "move.undo_asked": ("undo-2", gettext_lazy("{who} has the move from {name} undone")),
    "move.undone": ("undo-2", gettext_lazy("{who}: the move from {name} was undone")),
}


@describes(*_TOLD)
def told(event: Event) -> Entry:
    """One line."""
    icon, sentence = _TOLD[event.name]
    return Entry(event, icon, fill(str(sentence), who=actor(event), name=event.after.get("name", "–"), created=event.after.get("created", 0)))
