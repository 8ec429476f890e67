"""What every page's shell needs."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from crm_platform.kernel import access, preferences, workspace

from . import console, places, ringing
from .markup import form_token


def shell(request: HttpRequest) -> dict[str, Any]:
    """Lazily: where we are, who acts, and the places of the rail. Nothing is asked unless the template draws it."""
    return {
        "place": getattr(request, "place", None),
        "actor": getattr(request, "actor", None),
        "request_number": getattr(request, "request_id", ""),
        "csp_nonce": getattr(request, "csp_nonce", ""),
        "csrf_token": SimpleLazyObject(lambda: form_token(request)),
        "access": SimpleLazyObject(access.here),
        "firm": SimpleLazyObject(_firm),
        "rail": SimpleLazyObject(lambda: _rail(request)),
        "may_plan": SimpleLazyObject(lambda: places.may_open(getattr(request, "actor", None), "plan")),
        "rings_every": SimpleLazyObject(lambda: ringing.asks_every(request)),
        "settings_pages": SimpleLazyObject(lambda: _settings(request)),
        "console": SimpleLazyObject(lambda: console.rail(request)),
        "manage_layout": "ui/console_account.html" if getattr(request, "urlconf", "") == settings.OPERATOR_URLCONF else "ui/settings.html",
    }


def _firm() -> preferences.Preferences:
    return preferences.here() if workspace.current() else preferences.Preferences()


def _rail(request: HttpRequest) -> list[dict[str, Any]]:
    actor = getattr(request, "actor", None)
    if actor is None:
        return []
    here = getattr(request, "rail_place", "")
    drawn = []
    for place in places.for_actor(actor):
        count, due = place.count(actor) if place.count else (0, False)
        drawn.append({"place": place, "count": count, "due": due, "current": place.name == here})
    return drawn


def _settings(request: HttpRequest) -> list[dict[str, Any]]:
    actor = getattr(request, "actor", None)
    match = request.resolver_match
    name = match.url_name if match else ""
    pages = places.settings_for(actor) if actor else []
    return [{"page": page, "current": name == page.url_name or name in page.also} for page in pages]
