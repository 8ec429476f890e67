"""Saving and removing views."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crm_core.groundwork.records import desk
from crm_platform.ui import responses

from . import services


@require_POST
def save(request: HttpRequest, entity: str) -> HttpResponse:
    """Keep the list as it stands."""
    found = desk.find(entity)
    given = request.POST
    view = services.save(request.actor, entity=entity, name=given.get("name", ""), query=given.get("query", ""), shared=bool(given.get("shared")))  # type: ignore[attr-defined]
    return responses.toast(request, responses.redirect(request, f"/{found.prefix}?{services.address(view)}"), _("View saved: %(name)s.") % {"name": view.name})


@require_POST
def remove(request: HttpRequest, entity: str, pk: int) -> HttpResponse:
    """Take it away."""
    found = desk.find(entity)
    services.remove(request.actor, pk)  # type: ignore[attr-defined]
    return responses.toast(request, responses.redirect(request, f"/{found.prefix}"), _("The view is gone; its records are not."))
