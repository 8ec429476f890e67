"""How tasks stand in the timeline."""

from __future__ import annotations

from django.utils.dateparse import parse_datetime
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from crm_core.groundwork.records import registry
from crm_core.groundwork.timeline import queries
from crm_core.groundwork.timeline.describing import Difference, Entry, actor, describes
from crm_platform.accounts import directory
from crm_platform.events.models import Event
from crm_platform.ui.markup import fill
from crm_platform.ui.telling import when

from . import services
from .models import in_short

queries.tells("task", services.told_to)


@describes("task.added")
def added(event: Event) -> Entry:
    """What was promised, by when, to whom."""
    due, text = parse_datetime(event.after.get("due_at", "") or ""), event.after.get("text", "")
    sentence = fill(
        _("{who} planned “{text}” for {when}, {person}"), who=actor(event), text=in_short(text),
        when=when(due, clock_time=not event.after.get("all_day")), person=directory.name_of(event.after.get("responsible_id")) or _("nobody"),
    )  # fmt: skip
    return Entry(event, "calendar-check-2", sentence, body=_whole(text))


@describes("task.done")
def done(event: Event) -> Entry:
    """What came of it."""
    result, text = event.after.get("result", ""), event.after.get("text", "")
    body = fill('<p class="as-typed">{}</p>', result) if result else fill("")
    return Entry(event, "circle-check", fill(_("{who} did “{text}”"), who=actor(event), text=in_short(text)), tone="good", body=body + _whole(text))


def _whole(text: str) -> SafeString:
    """A text that the sentence cuts short, folded."""
    if in_short(text) == text:
        return fill("")
    return fill('<details class="event__more"><summary class="small quiet">{}</summary><p class="as-typed">{}</p></details>', _("The whole text"), text)


@describes("task.changed")
def changed(event: Event) -> Entry:
    """Before and after."""
    labels = {"text": _("What is to be done"), "due_at": _("Due"), "type": _("Kind"), "responsible_id": _("Responsible"), "duration": _("Duration"), "on": _("Stands on"), "result": _("What came of it")}
    shown = [Difference(name, label, _shown(name, event.before.get(name)), _shown(name, event.after.get(name)), put_back=False) for name, label in labels.items() if name in event.after]
    return Entry(event, "calendar-check-2", fill(_("{who} changed a task"), who=actor(event)), differences=shown)


def _shown(name: str, value: object) -> str:
    if name == "responsible_id":
        return directory.name_of(value if isinstance(value, int) else None)
    if name == "on" and value:  # its name is for those who may see it
        entity, _colon, number = str(value).partition(":")
        return f"{registry.find(entity).label} {number}"
    if name == "duration" and isinstance(value, int):  # hours and minutes
        return f"{value // 3600}:{value % 3600 // 60:02}"
    return str(value or "").replace("T", " ")[:16] if name == "due_at" else str(value or "")


@describes("task.reopened", "task.binned", "task.restored", "task.handed_over")
def other(event: Event) -> Entry:
    """One line."""
    sentences = {
        "task.reopened": _("{who} took back: “{text}” is not done"), "task.binned": _("{who} binned the task “{text}”"),
        "task.restored": _("{who} took the task “{text}” out of the bin"), "task.handed_over": _("{who} handed over open tasks {text}"),
    }  # fmt: skip
    text = event.after.get("text") or event.before.get("text") or ""
    return Entry(event, "calendar-check-2", fill(sentences[event.name], who=actor(event), text=in_short(text)), body=_whole(text))
