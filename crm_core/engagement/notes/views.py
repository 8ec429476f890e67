"""Writing on a card."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crm_core.groundwork.records import desk, registry
from crm_platform.ui import responses
from crm_platform.ui.formwork import Refused, errors_into

from . import services
from .forms import NoteForm
from .models import Note


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
    return _to_card(request, services.pin(request.actor, pk))  # type: ignore[attr-defined]


@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take it off, with the way back in the toast."""
    note = services.remove(request.actor, pk)  # type: ignore[attr-defined]
    return responses.toast(request, _to_card(request, note), _("The note is taken off."), undo=reverse("note-restore", args=[pk]))


@require_POST
def restore(request: HttpRequest, pk: int) -> HttpResponse:
    """The undo of taking off."""
    note = services.restore(request.actor, pk)  # type: ignore[attr-defined]
    return responses.toast(request, _to_card(request, note), _("The note is back."))


def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change one's own note."""
    note = services.get_mine(request.actor, pk)  # type: ignore[attr-defined]
    form = NoteForm(request.POST or None, initial={"text": note.text})
    status = 200
    if request.method == "POST":
        try:
            with errors_into(form):
                services.change(request.actor, pk, text=request.POST.get("text", ""))  # type: ignore[attr-defined]
            return responses.toast(request, _to_card(request, note), _("Saved."))
        except Refused as refused:
            status = refused.status
    return responses.page(request, "notes/edit.html", status=status, form=form, back=registry.find(note.entity).url(note.record_id))


def _to_card(request: HttpRequest, note: Note) -> HttpResponse:
    return responses.redirect(request, registry.find(note.entity).url(note.record_id))
