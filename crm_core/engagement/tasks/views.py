"""My day, and the verbs of tasks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from crm_core.groundwork.records import registry, writing
from crm_core.groundwork.records.standing import standing_of
from crm_platform.kernel import clock
from crm_platform.kernel import permissions as rights
from crm_platform.kernel.permissions import Actor, require
from crm_platform.ui import responses
from crm_platform.ui.formwork import Refused, errors_into

from . import drawing, planning, services
from .forms import TaskForm, blank_fields
from .models import Task
from .permissions import TASKS


def day(request: HttpRequest) -> HttpResponse:
    """What waits for me: overdue, today, later, and what is done today. ?whose=team shows all one may see, ?all=1 long parts to their end."""
    actor = request.actor  # type: ignore[attr-defined]
    require(actor, TASKS.VIEW)
    team, everything = request.GET.get("whose") == "team", request.GET.get("all") == "1"
    now, today = clock.now(), timezone.localdate(clock.now())
    midnight, morning = services.end_of_day(today) + timedelta(minutes=1), services.end_of_day(today - timedelta(days=1))
    parts = planning.parts(actor, now=now, tonight=midnight, team=team, everything=everything)
    done = planning.done_since(actor, morning, team=team)
    names = names_of_records(actor, [*(task for part in parts.values() for task in part.tasks), *done])
    lines = {name: drawing.open_lines(request, part.tasks, names, now=now, with_person=team) for name, part in parts.items()}
    return responses.page(
        request, "tasks/day.html", rail="day", today=today, team=team, done=drawing.done_lines(request, done), parts=parts, lines=lines, fields=blank_fields(today),
        may_create=rights.may(actor, TASKS.CREATE), may_edit=rights.may(actor, TASKS.EDIT),
    )  # fmt: skip


def names_of_records(actor: Actor, tasks: Sequence[Task]) -> dict[tuple[str, int], tuple[str, str]]:
    """Name and address of the records that tasks stand on, no address for whom it is closed to: one statement for each kind among them."""
    wanted: dict[str, set[int]] = {}
    for task in tasks:
        if task.entity and task.record_id:
            wanted.setdefault(task.entity, set()).add(task.record_id)
    names = {}
    for entity, pks in wanted.items():
        kind = registry.find(entity)
        for record in standing_of(kind.model, pks):
            names[entity, record.pk] = record.name, kind.url(record.pk) if writing.may(actor, kind.entity.VIEW, record) else ""
    return names


def _back(request: HttpRequest, task: Task | None = None) -> HttpResponse:
    default = registry.find(task.entity).url(task.record_id) if task is not None and task.entity and task.record_id else reverse("day")
    return responses.redirect(request, responses.local_path(request.POST.get("next", ""), default=default))


@require_POST
def add(request: HttpRequest) -> HttpResponse:
    """A new task, free or on a record."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    form = TaskForm(request.POST)
    if form.is_valid():
        try:
            with errors_into(form):
                task = services.add(actor, **form.values(), entity=form.cleaned_data["entity"], record_id=form.cleaned_data["record"])
            return responses.toast(request, _back(request, task), _("Planned: %(text)s.") % {"text": task.short})
        except Refused:
            pass
    return responses.page(request, "tasks/form.html", status=422, rail="day", form=form, task=None)


def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a task."""
    actor = request.actor  # type: ignore[attr-defined]
    task = services.get(actor, pk)
    local = timezone.localtime(task.due_at)
    initial = {"text": task.text, "type": task.type, "day": local.date(), "hour": None if task.all_day else local.time(), "responsible": task.responsible_id}
    form = TaskForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            with errors_into(form):
                services.change(actor, pk, **form.values())
            return responses.toast(request, _back(request, task), _("Saved."))
        except Refused:
            pass
    return responses.page(request, "tasks/form.html", status=422 if request.method == "POST" else 200, rail="day", form=form, task=task, may_delete=services.may(actor, task, right="delete"))


@require_POST
def complete(request: HttpRequest, pk: int) -> HttpResponse:
    """Done, with its result; the toast takes it back."""
    task = services.complete(request.actor, pk, result=request.POST.get("result", ""))  # type: ignore[attr-defined]
    return responses.toast(request, _back(request, task), _("Done: %(text)s.") % {"text": task.short}, undo=reverse("task-reopen", args=[pk]))


@require_POST
def reopen(request: HttpRequest, pk: int) -> HttpResponse:
    """Not done after all."""
    return _back(request, services.reopen(request.actor, pk))  # type: ignore[attr-defined]


@require_POST
def move(request: HttpRequest, pk: int) -> HttpResponse:
    """To today, tomorrow or in a week."""
    days = {"0": 0, "1": 1, "7": 7}.get(request.POST.get("days", "1"), 1)
    task = services.move(request.actor, pk, days=days)  # type: ignore[attr-defined]
    return responses.toast(request, _back(request, task), _("Moved to %(day)s.") % {"day": timezone.localdate(task.due_at).isoformat()})


@require_POST
def move_late(request: HttpRequest) -> HttpResponse:
    """All of one's overdue tasks to today."""
    actor = request.actor  # type: ignore[attr-defined]
    late = list(Task.objects.filter(responsible=actor.user_id, done_at=None, binned_at=None, due_at__lt=clock.now()).values_list("pk", flat=True)[:200])
    for pk in late:
        services.change(actor, pk, due_at=services.end_of_day(timezone.localdate(clock.now())), all_day=True)
    return responses.toast(request, _back(request), ngettext("%(n)d moved to today.", "%(n)d moved to today.", len(late)) % {"n": len(late)})


@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """To the bin; the toast takes it out."""
    task = services.remove(request.actor, pk)  # type: ignore[attr-defined]
    return responses.toast(request, _back(request, task), _("Binned: %(text)s.") % {"text": task.short}, undo=reverse("task-restore", args=[pk]))


@require_POST
def restore(request: HttpRequest, pk: int) -> HttpResponse:
    """Out of the bin."""
    return _back(request, services.restore(request.actor, pk))  # type: ignore[attr-defined]
