"""The pages of a move: begin, choose, see how far it is, look at what was left."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crm_platform.kernel.errors import Conflict, NotFound, PlanRefusal
from crm_platform.kernel.sheets import neutral
from crm_platform.ui import responses
from crm_platform.ui.formwork import Refused, errors_into

from . import services, showing
from .forms import BeginForm, GoOnForm, TokenForm
from .models import AT_WORK, Left, Move, Stage

_SHOWN = 20


def moves(request: HttpRequest) -> HttpResponse:
    """A new one, and those there were."""
    rows = services.all_moves(request.actor)  # type: ignore[attr-defined]
    form, status = BeginForm(request.POST or None), 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                with errors_into(form):
                    made = services.begin(request.actor, **form.cleaned_data)  # type: ignore[attr-defined]
                return responses.redirect(request, reverse("move", args=[made.pk]))
            except Refused as refused:
                status = refused.status
    return responses.page(request, "moving/list.html", status=status, form=form, moves=rows)


def move(request: HttpRequest, pk: int) -> HttpResponse:
    """Where a move stands."""
    row = services.get(request.actor, pk)  # type: ignore[attr-defined]
    if responses.wants_fragment(request):
        return responses.fragment(request, "moving/_progress.html", **_figures(row))
    return _page(request, row)


def _page(request: HttpRequest, row: Move, *, status: int = 200, problem: str = "", form: Any = None) -> HttpResponse:
    context = _figures(row)
    if row.stage in (Stage.READY, Stage.TRIED):
        context |= {"there": showing.there(row), "people": showing.people(row), "lines": showing.lines(row), "stages": showing.stages(row), "fields": showing.fields(row), "limits": showing.limits(row), "stays": showing.stays(row)}
    context["form"] = form or (GoOnForm() if row.stage == Stage.PAUSED else TokenForm())
    return responses.page(request, "moving/move.html", status=status, problem=problem, **context)


def _figures(row: Move) -> dict[str, Any]:
    working = row.stage in AT_WORK
    left = Left.objects.filter(move=row).order_by("id")
    return {
        "move": row, "working": working, "parts": showing.parts(row), "percent": showing.percent(row), "may_undo": services.may_undo(row), "undo": row.totals.get("undo"),
        "binned": showing.binned(row),
        "left": [] if working else [(showing.PARTS.get(one.kind, one.kind), one) for one in left[:_SHOWN]], "left_count": 0 if working else left.count(),
    }  # fmt: skip


@require_POST
def verb(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """What the buttons of the page say."""
    if name not in _VERBS:
        raise NotFound
    actor = request.actor  # type: ignore[attr-defined]
    row = services.get(actor, pk)
    form = (TokenForm if name == "again" else GoOnForm)(request.POST)
    if not form.is_valid():
        return _page(request, row, status=422, form=form)
    try:
        with errors_into(form):
            said = _VERBS[name](request, row, form.cleaned_data["token"])
    except Refused as refused:
        asked = name in ("again", "go-on") and not isinstance(refused.error, (PlanRefusal, Conflict))
        return _page(request, row, status=refused.status, form=form if asked else None, problem="" if asked else refused.error.message)
    answer = responses.redirect(request, reverse("move", args=[pk]))
    return responses.toast(request, answer, said) if said else answer


def _choose(request: HttpRequest, row: Move, token: str) -> str:
    services.choose(request.actor, row.pk, showing.chosen_in(request.POST, row))  # type: ignore[attr-defined]
    wanted = request.POST.get("verb", "")
    if wanted == "try":
        services.attempt(request.actor, row.pk)  # type: ignore[attr-defined]
    elif wanted == "start":
        services.start(request.actor, row.pk)  # type: ignore[attr-defined]
    return "" if wanted in ("try", "start") else _("Saved.")


def _stop(request: HttpRequest, row: Move, token: str) -> str:
    services.stop(request.actor, row.pk)  # type: ignore[attr-defined]
    return _("The move stops. What is in stays, and can be undone.")


def _go_on(request: HttpRequest, row: Move, token: str) -> str:
    services.go_on(request.actor, row.pk, token=token)  # type: ignore[attr-defined]
    return ""


def _again(request: HttpRequest, row: Move, token: str) -> str:
    services.again(request.actor, row.pk, token=token)  # type: ignore[attr-defined]
    return ""


def _undo(request: HttpRequest, row: Move, token: str) -> str:
    services.undo(request.actor, row.pk)  # type: ignore[attr-defined]
    return ""


def _drop(request: HttpRequest, row: Move, token: str) -> str:
    services.drop_token(request.actor, row.pk)  # type: ignore[attr-defined]
    return _("The token is forgotten.")


_VERBS: dict[str, Callable[[HttpRequest, Move, str], str]] = {"choose": _choose, "stop": _stop, "go-on": _go_on, "again": _again, "undo": _undo, "drop-token": _drop}


def left(request: HttpRequest, pk: int) -> HttpResponse:
    """What was not moved, as a table."""
    row = services.get(request.actor, pk)  # type: ignore[attr-defined]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([_("What"), _("Number over there"), _("Name"), _("Reason")])
    for one in Left.objects.filter(move=row).order_by("id").iterator(chunk_size=2000):
        writer.writerow([neutral(value) for value in (str(showing.PARTS.get(one.kind, one.kind)), one.foreign_id, one.name, one.reason)])
    name = f"move-{row.pk}-not-moved.csv"
    return HttpResponse(b"\xef\xbb\xbf" + text.getvalue().encode(), content_type="text/csv; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{name}"'})
