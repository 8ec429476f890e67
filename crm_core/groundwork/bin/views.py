"""The bin."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from crm_core.groundwork.records import registry, writing
from crm_platform.accounts import directory
from crm_platform.kernel import permissions
from crm_platform.kernel.reading import wholes
from crm_platform.ui import responses
from crm_platform.ui.paging import page_of

from . import services


def show(request: HttpRequest) -> HttpResponse:
    """What lies in the bin, kind by kind."""
    actor = request.actor  # type: ignore[attr-defined]
    kinds = [kind for kind in registry.kinds() if permissions.may(actor, kind.entity.VIEW)]
    entity = request.GET.get("entity", "")
    kind = next((one for one in kinds if one.code == entity), None) or next((one for one in kinds if services.lying(actor, one).exists()), kinds[0])
    page = page_of(services.lying(actor, kind), request.GET)
    drawn = [(record, directory.name_of(record.binned_by), record.binned_at + services.KEPT_FOR, writing.may(actor, kind.entity.DELETE, record)) for record in page.rows]
    return responses.page(request, "bin/bin.html", kinds=kinds, kind=kind, page=page, drawn=drawn, may_restore=any(mine for *_others, mine in drawn))


@require_POST
def restore(request: HttpRequest) -> HttpResponse:
    """Take records out, with their links."""
    given = request.POST if request.POST.getlist("pk") else request.GET
    kind = registry.find(request.POST.get("entity") or request.GET.get("entity", ""))
    pks = wholes(",".join(given.getlist("pk")))
    if not pks:
        back = responses.redirect(request, f"{reverse('bin')}?{urlencode({'entity': kind.code})}")
        return responses.toast(request, back, _("Choose at least one record to take out."))
    restored = services.restore(request.actor, entity=kind.code, pks=pks)  # type: ignore[attr-defined]
    to = kind.url(restored[0].pk) if len(restored) == 1 else "/bin"
    said = _("%(name)s is back.") % {"name": str(restored[0])} if len(restored) == 1 else ngettext("%(n)d is back.", "%(n)d are back.", len(restored)) % {"n": len(restored)}
    return responses.toast(request, responses.redirect(request, to), said)
