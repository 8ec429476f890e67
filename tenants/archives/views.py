"""The owner's page of archives."""

from __future__ import annotations

from typing import Any

from django.http import FileResponse, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crm_platform.kernel import workspace
from crm_platform.ui import responses
from tenants.inside import services as inside

from . import proving, services
from .models import ArchiveRun, Stage

SHOWN = 10


def archives(request: HttpRequest) -> HttpResponse:
    """What there is, what is being made; POST has one made."""
    actor = request.actor  # type: ignore[attr-defined]
    if request.method == "POST":
        services.ask(actor)
        return responses.redirect(request, reverse("archives"))
    services.require(actor)
    runs = list(ArchiveRun.objects.all()[:SHOWN])
    context: dict[str, Any] = {"runs": runs, "working": any(run.stage == Stage.RUNNING for run in runs)}
    if responses.wants_fragment(request):
        return responses.fragment(request, "archives/_runs.html", **context)
    fresh = proving.of(workspace.here())
    return responses.page(request, "archives/list.html", weekly=inside.preferences().weekly_archive, fresh=fresh, **context)


@require_POST
def weekly(request: HttpRequest) -> HttpResponse:
    """Keep one fresh, or no more."""
    wanted = request.POST.get("weekly") == "on"
    services.keep_fresh(request.actor, weekly=wanted)  # type: ignore[attr-defined]
    said = _("The first one is being made; from now on there is a new one each week.") if wanted else _("No more archives are made each week.")
    return responses.toast(request, responses.redirect(request, reverse("archives")), said)


@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop it, or delete it."""
    services.cancel(request.actor, pk)  # type: ignore[attr-defined]
    return responses.redirect(request, reverse("archives"))


def file(request: HttpRequest, pk: int) -> FileResponse:
    """The archive itself."""
    run, content = services.fetch(request.actor, pk)  # type: ignore[attr-defined]
    name = f"{workspace.here().slug}-{timezone.localdate(run.created_at).isoformat()}.zip"
    response = FileResponse(content, as_attachment=True, filename=name, content_type="application/zip")
    response.headers.setdefault("Content-Length", str(run.size))
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response
