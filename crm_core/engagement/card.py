"""What stands on every card beside its own facts: timeline, open tasks, pinned notes, files."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from crm_core.groundwork.attachments import services as attachments
from crm_core.groundwork.records import registry, writing
from crm_core.groundwork.timeline import drawing
from crm_core.groundwork.timeline import queries as timeline
from crm_platform.accounts import directory
from crm_platform.kernel import clock, permissions

from .notes import drawing as notes_drawn
from .notes import services as notes
from .tasks import services as tasks
from .tasks.forms import blank_fields_in_short
from .tasks.permissions import TASKS


def context(request: HttpRequest, kind: registry.Kind, record: Any) -> dict[str, Any]:
    """For the template of a card, in a constant number of statements."""
    actor, entity, pk = request.actor, kind.code, record.pk  # type: ignore[attr-defined]
    group, now = request.GET.get("group", ""), clock.now()
    alive = record.binned_at is None
    entries, following = timeline.of_subject(actor, f"{entity}:{pk}", group=group, may_edit=writing.may_change(actor, kind.entity.EDIT, record))
    open_tasks = [task for task in tasks.open_on(entity, pk) if tasks.sees(actor, task)]
    for task in open_tasks:
        task.mine = tasks.may_finish(actor, task)  # type: ignore[attr-defined]
        task.late = task.due_at < now  # type: ignore[attr-defined]
        task.person = directory.everyone().get(task.responsible_id or 0)  # type: ignore[attr-defined]
    standing = notes.standing_on(entity, pk, told=[entry.event.record_id or 0 for entry in entries if entry.event.name == "note.added"])
    notes_drawn.freshen(entries, {note.pk: note for note in standing})
    pinned = [note for note in standing if note.pinned and (note.entity, note.record_id) == (entity, pk)]
    for note in pinned:
        note.author = directory.name_of(note.created_by)  # type: ignore[attr-defined]
        note.acts = notes_drawn.acts(request, note.pk, note.created_by) if alive else ""  # type: ignore[attr-defined]
    return {
        "history": drawing.lines(request, entries, back=kind.url(pk), acts=alive), "following": following, "group": group, "open_tasks": open_tasks, "pinned": pinned,
        "files": attachments.of_record(entity, pk), "task_fields": blank_fields_in_short(timezone.localdate(now)),
        "may_note": alive and actor.may_write, "may_task": alive and permissions.may(actor, TASKS.CREATE),
    }  # fmt: skip
