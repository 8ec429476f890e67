"""The lines of "my day" as markup, made in Python: sixty lines cost a tenth of what a template's loop would."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm_platform.accounts import directory
from crm_platform.ui.addresses import numbering
from crm_platform.ui.icons import icon
from crm_platform.ui.markup import esc, once_only
from crm_platform.ui.telling import when

from . import services
from .models import Task, in_short

_SIGNS = {"call": "phone", "meet": "users", "mail": "mail"}
# The name of a record, and its address where it is open to the reader.
Names = Mapping[tuple[str, int], tuple[str, str]]


def open_lines(request: HttpRequest, tasks: Sequence[Task], names: Names, *, now: datetime, with_person: bool) -> SafeString:
    """Open tasks, each with its button "done", its record and how late it is; `with_person` says whose it is."""
    back = _stay(request)
    done_at, at, done, how_late = numbering("task-done"), numbering("task"), _("Done: %(text)s"), functools.cache(_how_late)
    lines = []
    for task in tasks:
        mine = services.may(request.actor, task)  # type: ignore[attr-defined]
        button = (
            f'<form method="post" action="{done_at(task.pk)}">{once_only(request)}{back}<button class="task__done" type="submit" aria-label="{esc(done % {"text": task.short})}">{icon("circle", "lg")}</button></form>'
            if services.may_finish(request.actor, task) else icon("circle", "lg", "quiet")  # type: ignore[attr-defined]
        )  # fmt: skip
        text = f'<p class="task__name cut-2"><a href="{at(task.pk)}">{esc(task.text)}</a></p>' if mine else folded(task.text, "task__name")
        late = task.due_at < now
        said = f"{icon('alarm-clock', 'sm')}{esc(how_late((now - task.due_at).days))}" if late else when(task.due_at, clock_time=not task.all_day)
        lines.append(
            f'<li class="task">{button}<div class="stack stack--tight">{text}'
            f'<p class="task__of">{icon(_SIGNS.get(task.type, "calendar-check-2"), "sm")}{_record(task, names)}{_person(task) if with_person else ""}</p></div>'
            f'<span class="task__when{" task__when--late" if late else ""}">{said}</span></li>'
        )
    return SafeString("".join(lines))


def done_lines(request: HttpRequest, tasks: Sequence[Task]) -> SafeString:
    """Tasks done, each with the way back."""
    reopen_at, back, here = numbering("task-reopen"), _("Take back: %(text)s"), _stay(request)
    lines = []
    for task in tasks:
        result = folded(task.result, "task__of") if task.result else ""
        button = (
            f'<form method="post" action="{reopen_at(task.pk)}">{once_only(request)}{here}<button class="task__done good" type="submit" aria-label="{esc(back % {"text": task.short})}">{icon("circle-check", "lg")}</button></form>'
            if services.may(request.actor, task) else icon("circle-check", "lg", "good")  # type: ignore[attr-defined]
        )  # fmt: skip
        lines.append(
            f'<li class="task task--done">{button}<div class="stack stack--tight">{folded(task.text, "task__name quiet")}{result}</div>'
            f'<span class="task__when">{icon("check", "sm")}{when(task.done_at)}</span></li>'
        )
    return SafeString("".join(lines))


def folded(text: str, look: str) -> str:
    """A text in a paragraph; a long one in short, and whole where it is asked for."""
    if in_short(text) == text:
        return f'<p class="{look}">{esc(text)}</p>'
    return f'<details class="{look}"><summary>{esc(in_short(text))}</summary><p class="as-typed">{esc(text)}</p></details>'


def _stay(request: HttpRequest) -> str:
    """Who works through the day's list goes on with it, not to the card of what is done."""
    return f'<input type="hidden" name="next" value="{esc(request.get_full_path())}">'


def _record(task: Task, names: Names) -> str:
    name, address = names.get((task.entity, task.record_id or 0), ("", ""))
    if not name:
        return f"<span>{esc(_('On its own'))}</span>"
    return f'<a class="link cut" href="{address}">{esc(name)}</a>' if address else f'<span class="cut">{esc(name)}</span>'


def _person(task: Task) -> str:
    person = directory.everyone().get(task.responsible_id or 0)
    return f"<span>{esc(person.name)}</span>" if person else ""


def _how_late(days: int) -> str:
    return ngettext("%(n)s day late", "%(n)s days late", days) % {"n": days} if days else _("late")
