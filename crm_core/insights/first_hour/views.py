"""The page of the first hour, closing and bringing back."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crm_core.insights.examples import filling
from crm_platform.accounts.roles import SETTINGS
from crm_platform.kernel.permissions import require
from crm_platform.ui import responses
from tenants.inside import services as inside

from . import queries, services


def first_hour(request: HttpRequest) -> HttpResponse:
    """The steps, whether they stand beside the board, and the way to change that."""
    require(request.actor, SETTINGS.right("edit"))  # type: ignore[attr-defined]
    return responses.page(request, "first_hour/first_hour.html", hour=queries.hour(), offered=inside.preferences().first_steps, examples=filling.standing())


@require_POST
def close(request: HttpRequest) -> HttpResponse:
    """Take the list off the boards; the toast and the settings bring it back."""
    services.close(request.actor)  # type: ignore[attr-defined]
    back = responses.redirect(request, responses.local_path(request.POST.get("next", ""), default=reverse("board-first")))
    return responses.toast(request, back, _("The list is closed. It stands in the settings, under “First hour”."), undo=reverse("first-hour-show"))


@require_POST
def show(request: HttpRequest) -> HttpResponse:
    """Bring the list back."""
    services.show(request.actor)  # type: ignore[attr-defined]
    back = responses.redirect(request, responses.local_path(request.POST.get("next", ""), default=reverse("board-first")))
    return responses.toast(request, back, _("The list stands beside the board again."))
