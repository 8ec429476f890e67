"""What waits for an operator, and what operators did."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crm_platform.accounts.operators import Duty
from crm_platform.events.models import Event
from crm_platform.ui import responses
from crm_platform.ui.paging import page_of
from tenants.middleware import own_units

from . import queries, queues, telling, words


def unpaid(request: HttpRequest) -> HttpResponse:
    """Open bills, the longest open first."""
    page = page_of(queries.unpaid(), request.GET)
    letters = queries.last_letters(page.rows)
    rows = []
    for row in queries.rows_of(page.rows):
        letter = letters.get(row.workspace.pk)
        rows.append({"row": row, "letter": letter, "letter_name": words.STEPS.get(letter.step, letter.step) if letter else ""})
    return responses.page(request, "console/unpaid.html", page=page, rows=rows)


def troubled(request: HttpRequest) -> HttpResponse:
    """Events of the providers that could not be handled."""
    status = request.GET.get("status", "")
    page = page_of(queues.troubled_events(status), request.GET)
    statuses = [(one.value, words.EVENTS[one.value]) for one in queues.TROUBLED]
    return responses.page(request, "console/events.html", page=page, rows=[{"row": row, "label": words.EVENTS[row.status]} for row in page.rows], shown=status, statuses=statuses, may_act=_may(request))


def _may(request: HttpRequest) -> bool:
    return bool(request.operator.duty >= Duty.MONEY)  # type: ignore[attr-defined]


@require_POST
def replay(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for an event once more."""
    queues.replay(request.operator, pk)  # type: ignore[attr-defined]
    return responses.toast(request, responses.redirect(request, reverse("console-events")), _("It is looked at again."))


def drift(request: HttpRequest) -> HttpResponse:
    """Where we and a provider differ."""
    page = page_of(queues.drifts(), request.GET)
    rows = [{"row": row, "label": words.DRIFTS.get(row.kind, row.kind), "facts": telling.facts(row.facts, currency=row.currency)} for row in page.rows]
    return responses.page(request, "console/drift.html", page=page, rows=rows, may_act=_may(request))


@own_units
@require_POST
def mend(request: HttpRequest, pk: int) -> HttpResponse:
    """Look at the account, and let what we have follow the provider."""
    gone = queues.mend(request.operator, pk)  # type: ignore[attr-defined]
    return responses.toast(request, responses.redirect(request, reverse("console-drift")), _("It is mended.") if gone else _("It still differs: a person must decide."))


def refunds(request: HttpRequest) -> HttpResponse:
    """What waits for a second person, and what was given back."""
    page = page_of(queues.refunds(waiting=False), request.GET)
    waiting = list(queues.refunds(waiting=True)[:100])
    drawn = [{"row": row, "mine": row.asked_by == request.operator.signature} for row in waiting]  # type: ignore[attr-defined]
    done = [{"row": row, "label": words.REFUNDS.get(row.state, row.state)} for row in page.rows]
    return responses.page(request, "console/refunds.html", page=page, waiting=drawn, rows=done, may_act=_may(request))


@own_units
@require_POST
def decide(request: HttpRequest, public_id: str) -> HttpResponse:
    """The second person's word."""
    agree = request.POST.get("agree") == "1"
    queues.decide(request.operator, public_id, agree=agree)  # type: ignore[attr-defined]
    return responses.toast(request, responses.redirect(request, reverse("console-refunds")), _("Given back.") if agree else _("Refused; the sum is free again."))


def journal(request: HttpRequest) -> HttpResponse:
    """Who did what on the control side, the newest first."""
    return responses.page(request, "console/journal.html", page=page_of(Event.objects.order_by("-id"), request.GET))
