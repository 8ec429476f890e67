"""What waits for an operator, and what operators did."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from crm_platform.events.models import Event
from crm_platform.ui import responses
from crm_platform.ui.paging import page_of

from . import queries


def unpaid(request: HttpRequest) -> HttpResponse:
    """Open bills, the longest open first."""
    page = page_of(queries.unpaid(), request.GET)
    return responses.page(request, "console/unpaid.html", page=page, rows=queries.rows_of(page.rows))


def journal(request: HttpRequest) -> HttpResponse:
    """Who did what on the control side, the newest first."""
    return responses.page(request, "console/journal.html", page=page_of(Event.objects.order_by("-id"), request.GET))
