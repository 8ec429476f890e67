"""The pages of webhooks out: the list, one of them with its log, one delivery."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from crm_platform.kernel import clock, preferences
from crm_platform.ui import responses
from crm_platform.ui.formwork import Refused, errors_into
from crm_platform.ui.markup import figure

from . import bodies, queries, services, showing
from .forms import HookForm, ReplayForm
from .models import Hook, State

SHOWN = 50


def hooks(request: HttpRequest) -> HttpResponse:
    """All subscriptions and how each does."""
    rows = queries.with_last_answers(queries.hooks(request.actor))  # type: ignore[attr-defined]
    return responses.page(request, "outbound/list.html", hooks=[showing.line(row, row.last_answers) for row in rows])  # type: ignore[attr-defined]


def add(request: HttpRequest) -> HttpResponse:
    """A new one."""
    queries.hooks(request.actor)  # type: ignore[attr-defined]
    form = HookForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            with errors_into(form):
                made = services.subscribe(request.actor, form.cleaned_data["destination"], form.cleaned_data["settings"], format=form.cleaned_data["format"])  # type: ignore[attr-defined]
            return responses.toast(request, responses.redirect(request, reverse("hook", args=[made.pk])), _("The webhook is on."))
        except Refused:
            pass
    return responses.page(request, "outbound/add.html", status=422 if request.method == "POST" else 200, form=form)


def hook(request: HttpRequest, pk: int) -> HttpResponse:
    """How it stands, its last answers, its log."""
    return _page(request, queries.get(request.actor, pk))  # type: ignore[attr-defined]


def _page(request: HttpRequest, row: Hook, *, status: int = 200, form: HookForm | None = None) -> HttpResponse:
    words, state = request.GET.get("q", "").replace("\x00", "").strip()[:100], request.GET.get("state", "")
    before = request.GET.get("before", "")
    rows = list(queries.log(row, words=words, state=state, before=int(before) if before.isdecimal() and len(before) < 19 else None)[: SHOWN + 1])
    context: dict[str, Any] = {
        "hook": row, "line": showing.line(row), "secret": services.secret_of(request.actor, row),  # type: ignore[attr-defined]
        "format": bodies.find(row.format).label, "waiting": queries.waiting(row), "words": words, "state": state, "states": State.choices,
        "log": [showing.tried(one) for one in rows[:SHOWN]], "more": rows[SHOWN - 1].pk if len(rows) > SHOWN else None,
        "form": form or HookForm(initial={"format": row.format, "settings": row.settings}, known=True),
        "both": row.earlier_until if len(queries.signs_with(row)) > 1 else None,
    }  # fmt: skip
    if responses.wants_fragment(request) and request.method == "GET":
        return responses.fragment(request, "outbound/_log.html", **context)
    return responses.page(request, "outbound/hook.html", status=status, **context)


@require_POST
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Other events, another format."""
    row = queries.get(request.actor, pk)  # type: ignore[attr-defined]
    form = HookForm(request.POST, known=True)
    if form.is_valid():
        try:
            with errors_into(form):
                services.change(request.actor, pk, settings=form.cleaned_data["settings"], format=form.cleaned_data["format"])  # type: ignore[attr-defined]
            return _back(request, pk, _("Saved."))
        except Refused:
            pass
    return _page(request, row, status=422, form=form)


def _back(request: HttpRequest, pk: int, sentence: str) -> HttpResponse:
    return responses.toast(request, responses.redirect(request, reverse("hook", args=[pk])), sentence)


@require_POST
def switch(request: HttpRequest, pk: int) -> HttpResponse:
    """On or off."""
    if request.POST.get("to") == "on":
        services.enable(request.actor, pk)  # type: ignore[attr-defined]
        return _back(request, pk, _("The webhook is on."))
    services.disable(request.actor, pk)  # type: ignore[attr-defined]
    return _back(request, pk, _("The webhook is off. What waits is kept for 24 hours."))


@require_POST
def test(request: HttpRequest, pk: int) -> HttpResponse:
    """Send a test."""
    services.try_out(request.actor, pk)  # type: ignore[attr-defined]
    return _back(request, pk, _("A test is on its way; its answer will stand in the log."))


@require_POST
def rotate(request: HttpRequest, pk: int) -> HttpResponse:
    """A new secret."""
    services.rotate_secret(request.actor, pk)  # type: ignore[attr-defined]
    return _back(request, pk, _("There is a new secret. The one before is good for another 24 hours."))


@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take it away."""
    services.remove(request.actor, pk)  # type: ignore[attr-defined]
    return responses.toast(request, responses.redirect(request, reverse("hooks")), _("The webhook is gone."))


def replay(request: HttpRequest, pk: int) -> HttpResponse:
    """From when on; then how many that are, to be confirmed; then they are on their way."""
    row = queries.get(request.actor, pk)  # type: ignore[attr-defined]
    with preferences.local_time():
        form = ReplayForm(request.POST or None, initial={"since": timezone.localtime(clock.now() - services.ONE_DAY)})
        given = request.method == "POST" and form.is_valid()
    count = None
    if given:
        since = form.cleaned_data["since"]
        try:
            with errors_into(form):
                if request.POST.get("sure") == "yes":
                    count = services.replay(request.actor, row, since=since)  # type: ignore[attr-defined]
                    told = ngettext("%(n)s event is being sent again.", "%(n)s events are being sent again.", count) % {"n": figure(count)}
                    return _back(request, pk, told)
                count = services.count_again(request.actor, row, since=since)  # type: ignore[attr-defined]
        except Refused:
            pass
    return responses.page(request, "outbound/replay.html", status=422 if form.errors else 200, hook=row, form=form, count=count, most=services.COUNTED)


def delivery(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """What was sent, and every answer."""
    row = queries.delivery(request.actor, number, hook=pk)  # type: ignore[attr-defined]
    return responses.page(request, "outbound/delivery.html", hook=row.hook, row=row, answers=[showing.answer(one) for one in reversed(row.answers)], body=showing.body(row))


@require_POST
def send_again(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """Send one again as it was."""
    services.send_again(request.actor, number, hook=pk)  # type: ignore[attr-defined]
    return _back(request, pk, _("It is being sent again."))
