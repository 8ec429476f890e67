"""Filling with examples, and taking them off."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from crm_platform.ui import responses
from crm_platform.ui.markup import figure

from . import filling


def _back(request: HttpRequest) -> HttpResponse:
    return responses.redirect(request, responses.local_path(request.POST.get("next", ""), default=reverse("board-first")))


@require_POST
def fill(request: HttpRequest) -> HttpResponse:
    """Thirty contacts, twenty deals."""
    filling.fill(request.actor)  # type: ignore[attr-defined]
    return responses.toast(request, _back(request), _("The examples stand here, each with a tag. They are taken off in the settings, under “First hour”."))


@require_POST
def take_off(request: HttpRequest) -> HttpResponse:
    """Into the bin with what nobody worked with; the rest is said."""
    done = filling.take_off(request.actor)  # type: ignore[attr-defined]
    said = ngettext("%(n)s example is in the bin.", "%(n)s examples are in the bin.", done.gone) % {"n": figure(done.gone)}
    if done.kept:
        said += " " + ngettext("%(n)s stays: somebody worked with it.", "%(n)s stay: somebody worked with them.", done.kept) % {"n": figure(done.kept)}
    return responses.toast(request, _back(request), said)
