"""Files go up and down through here alone: as attachments, with nosniff and a sandbox (design section 8)."""

from __future__ import annotations

from typing import Any

from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.http import FileResponse, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crm_core.groundwork.records import desk, registry
from crm_platform.kernel.errors import Invalid, NotFound
from crm_platform.ui import responses
from crm_platform.ui.formwork import Refused, errors_into

from . import services
from .forms import FileForm


@require_POST
def add(request: HttpRequest, entity: str, pk: int) -> HttpResponse:
    """Add a file to a record; what is refused is said on the card."""
    form = FileForm(request.POST, request.FILES)
    try:
        with errors_into(form):
            row = services.add(request.actor, entity=entity, pk=pk, file=_chosen(request))  # type: ignore[attr-defined]
    except Refused as refused:
        return desk.find(entity).card_page(request, pk, status=refused.status, file_form=form)
    back = responses.redirect(request, registry.find(entity).url(pk))
    return responses.toast(request, back, _("Added: %(name)s.") % {"name": row.name})


def _chosen(request: HttpRequest) -> UploadedFile[Any]:
    file = request.FILES.get("file")
    if file is None:
        raise Invalid(fields={"file": [_("Choose a file.")]})
    return file


def download(request: HttpRequest, pk: int) -> FileResponse:
    """A file, always as an attachment."""
    row = services.get(request.actor, pk)  # type: ignore[attr-defined]
    try:
        content = default_storage.open(row.path)
    except FileNotFoundError:
        raise NotFound from None
    response = FileResponse(content, as_attachment=True, filename=row.name, content_type="application/octet-stream")
    response.headers.setdefault("Content-Length", str(row.size))  # one that comes over the line does not say it
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a file off."""
    row = services.remove(request.actor, pk)  # type: ignore[attr-defined]
    return responses.toast(request, responses.redirect(request, registry.find(row.entity).url(row.record_id)), _("Taken off: %(name)s.") % {"name": row.name})
