"""The list beside the board."""

from __future__ import annotations

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from crm_core.insights.examples import filling
from crm_platform.kernel import preferences

from . import queries, services


def beside(request: HttpRequest, add_url: str) -> SafeString:
    """The list for those who may do its steps, while it is offered; the last step done takes it away. The cheapest question comes first."""
    if not preferences.here().first_steps or not queries.for_whom(request.actor) or not services.is_offered():  # type: ignore[attr-defined]
        return SafeString()
    hour = queries.hour(add_url=add_url)
    if hour.following is None:
        services.finish()
        return SafeString()
    return render_to_string("first_hour/_beside.html", {"hour": hour, "examples": filling.standing()}, request=request)
