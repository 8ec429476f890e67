"""Any list as a file."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from crm_core.groundwork.records import desk
from crm_platform.kernel import clock, effort, neighbours
from crm_platform.kernel.sheets import TYPES

from . import services


@effort.report
def export(request: HttpRequest, entity: str) -> HttpResponse:
    """The list as its address asks for it, as CSV or XLSX."""
    form = "csv" if request.GET.get("format") == "csv" else "xlsx"
    found = desk.find(entity)
    request.narrow = f"{reverse(found.prefix)}?{request.GET.urlencode()}"  # type: ignore[attr-defined]
    neighbours.need_share()
    content = services.export(request.actor, found, request.GET, form=form)  # type: ignore[attr-defined]
    name = f"{found.prefix}-{timezone.localdate(clock.now()).isoformat()}.{form}"
    return HttpResponse(content, content_type=TYPES[form], headers={"Content-Disposition": f'attachment; filename="{name}"'})
