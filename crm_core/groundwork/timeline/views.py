"""The rest of a timeline, the journal, putting back."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crm_core.groundwork.records import registry, writing
from crm_platform.accounts import directory
from crm_platform.accounts.roles import SETTINGS
from crm_platform.kernel.permissions import as_ever, require
from crm_platform.kernel.reading import whole
from crm_platform.ui import responses

from . import drawing, queries, services


def more(request: HttpRequest, entity: str, pk: int) -> HttpResponse:
    """Earlier entries of a record's timeline, or one kind of them."""
    kind = registry.find(entity)
    record = writing.get(request.actor, kind, pk, binned=True)  # type: ignore[attr-defined]
    group, before = request.GET.get("group", ""), whole(request.GET.get("before"))
    entries, following = queries.of_subject(request.actor, f"{kind.code}:{record.pk}", before=before, group=group, may_edit=writing.may_change(request.actor, kind.entity.EDIT, record))  # type: ignore[attr-defined]
    history = drawing.lines(request, entries, back=kind.url(pk), acts=record.binned_at is None)
    return responses.fragment(request, "timeline/_entries.html", history=history, following=following, kind=kind, record=record, group=group)


@require_POST
def put_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Put one field back."""
    record = services.put_back(request.actor, event_id=pk, name=request.POST.get("field", ""))  # type: ignore[attr-defined]
    response = responses.redirect(request, responses.local_path(request.POST.get("next", "/"), default="/"))
    return responses.toast(request, response, _("Put back: %(name)s.") % {"name": str(record)})


def journal(request: HttpRequest) -> HttpResponse:
    """Who changed what, in the whole workspace."""
    require(as_ever(request.actor), SETTINGS.right("edit"))  # type: ignore[attr-defined]
    who, entity = whole(request.GET.get("who")), request.GET.get("entity", "")
    entries, following = queries.journal(request.actor, before=whole(request.GET.get("before")), actor_id=who, entity=entity)  # type: ignore[attr-defined]
    return responses.page(
        request, "timeline/journal.html", history=drawing.lines(request, entries, back=request.get_full_path(), opened=True), following=following, people=directory.everyone().values(), who=who,
        entity=entity, kinds=registry.kinds(), days=queries.journal_days(),
    )  # fmt: skip
