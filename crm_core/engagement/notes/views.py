"""Writing on a card."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crm_core.groundwork.records import desk, registry
from crm_platform.ui import responses
from crm_platform.ui.formwork import Refused, errors_into

from . import services
from .forms import NoteForm


@require_POST
def add(request: HttpRequest, entity: str, pk: int) -> HttpResponse:
    """Add a note to a record; one that is refused comes back on the card."""
    form = NoteForm(request.POST)
    try:
        with errors_into(form):
            services.add(request.actor, entity=entity, pk=pk, text=request.POST.get("text", ""), pinned=bool(request.POST.get("pinned")))  # type: ignore[attr-defined]
    except Refused as refused:
        return desk.find(entity).card_page(request, pk, status=refused.status, note_form=form)
    return responses.toast(request, responses.redirect(request, registry.find(entity).url(pk)), _("Noted."))


@require_POST
def pin(request: HttpRequest, pk: int) -> HttpResponse:
    """Pin or unpin."""
    note = services.pin(request.actor, pk)  # type: ignore[attr-defined]
    return responses.redirect(request, registry.find(note.entity).url(note.record_id))


@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take it off."""
    note = services.remove(request.actor, pk)  # type: ignore[attr-defined]
    return responses.redirect(request, registry.find(note.entity).url(note.record_id))
