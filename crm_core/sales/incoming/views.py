"""The unsorted inbox: what waits, what is known of it, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from django.core.files.storage import default_storage
from django.http import FileResponse, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from crm_core.groundwork.attachments.models import Attachment
from crm_core.groundwork.search import queries as search
from crm_core.sales.deals import queries as deals
from crm_core.sales.deals.kind import DEAL
from crm_core.sales.deals.permissions import DEALS
from crm_platform.accounts import directory
from crm_platform.accounts.roles import SETTINGS
from crm_platform.kernel import clock, permissions
from crm_platform.kernel.errors import NotFound
from crm_platform.kernel.permissions import Actor
from crm_platform.kernel.reading import whole
from crm_platform.ui import responses
from crm_platform.ui.formwork import Refused, errors_into
from crm_platform.ui.markup import figure
from crm_platform.ui.paging import page_of

from . import deciding, drawing, duplicates, facts, making, queries, sources
from .forms import REASONS, AcceptForm, DeclineForm
from .models import IncomingLead, LeadState
from .permissions import INCOMING
from .reading import reach_of

# Days of the report.
PERIODS = (7, 30, 90)


def inbox(request: HttpRequest, uid: str = "", *, status: int = 200, form: AcceptForm | None = None) -> HttpResponse:
    """What waits (?state=declined, …: what was decided), and one of them beside it: the one of the address, else the first."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    state, source = request.GET.get("state", ""), whole(request.GET.get("source"))
    by = whole(request.GET.get("by"))
    state = state if state in LeadState.values and state != LeadState.WAITING else ""
    listed = queries.decided(actor, state=state, by=by) if state or by is not None else None
    if listed is None:
        listed = queries.waiting(actor, source_id=source, mine=request.GET.get("whose") == "mine", late=request.GET.get("late") == "1")
    page, now = page_of(listed, request.GET), clock.now()
    lead = deciding.get(actor, uid) if uid else (page.rows[0] if page.rows else None)
    known = duplicates.of(actor, list({one.pk: one for one in (*page.rows, *([lead] if lead else []))}.values()))
    context: dict[str, Any] = {
        "page": page, "rows": drawing.rows(page.rows, known, now=now), "lead": lead, "alone": bool(uid), "heading": drawing.heading(queries.figures(actor), now=now),
        "state": state or ("decided" if by is not None else ""), "states": [(one.value, one.label) for one in LeadState if one != LeadState.WAITING], "narrowed": bool(request.GET.keys() - {"page", "rows"}),
        "may_decide_any": permissions.may(actor, INCOMING.EDIT), "may_source": permissions.may(actor, SETTINGS.right("edit")), "query": request.GET.urlencode(),
    }  # fmt: skip
    if responses.wants_fragment(request):
        return responses.fragment(request, "incoming/_list.html", status=status, **context)
    context |= {"sources": sources.everything(), "source": source, **(_about(actor, lead, known[lead.pk], form=form) if lead else {})}
    return responses.page(request, "incoming/inbox.html", status=status, rail="unsorted", **context)


def reactions(request: HttpRequest) -> HttpResponse:
    """How soon leads are decided about, by person; how many opens them."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    days = whole(request.GET.get("days"))
    days = days if days in PERIODS else PERIODS[1]
    drawn = [{"row": row, "name": directory.name_of(row.person_id), "waited": drawing.pause(row.waited)} for row in queries.reactions(actor, days=days)]
    return responses.page(request, "incoming/reactions.html", rail="unsorted", rows=drawn, days=days, periods=[(one, drawing.pause(timedelta(days=one))) for one in PERIODS])


def _about(actor: Actor, lead: IncomingLead, known: duplicates.Known, *, form: AcceptForm | None) -> dict[str, Any]:
    """What stands beside the list."""
    waits, contact = lead.state == LeadState.WAITING, known.contacts[0] if known.contacts else None
    more = duplicates.additions(contact, lead) if contact is not None and waits else {}
    return {
        "row": drawing.row(lead, known, now=clock.now()), "known": known, "may_decide": waits and deciding.may_decide(actor, lead), "waits": waits, "may_deal": permissions.may(actor, DEALS.CREATE),
        "additions": [row.get("number") or row.get("address") for rows in more.values() for row in rows], "facts": facts.told(lead), "fields": drawing.fields(lead),
        "their_deals": [deal for deal in deals.of_record(actor, "contact", contact.pk) if deal.state == "open"][:5] if contact is not None and permissions.may(actor, DEALS.VIEW) else [],
        "twins": duplicates.twins(lead) if waits else [], "files": _files(lead), "form": form or AcceptForm(lead=lead, known=bool(known.contacts)), "decline_form": DeclineForm(), "reasons": REASONS,
        "reach": [text for rows in reach_of((lead.contents.get("contacts") or [{}])[0]) for text in rows], "deal_name": making.deal_name(lead), "company": making.company_name(lead), "deal_url": DEAL.url(lead.deal_id) if lead.deal_id else "",
    }  # fmt: skip


def _files(lead: IncomingLead) -> list[Attachment]:
    return list(Attachment.objects.filter(entity="incoming", record_id=lead.pk, binned_at=None).order_by("id")) if lead.contents.get("files") else []


def _on(request: HttpRequest, sentence: str, *, undo: str = "") -> HttpResponse:
    to = responses.local_path(request.POST.get("next", ""), default=reverse("unsorted"))
    return responses.toast(request, responses.redirect(request, to), sentence, undo=undo)


@require_POST
def accept(request: HttpRequest, uid: str) -> HttpResponse:
    """A deal of it, or only a contact; what the plan refuses stands beside it, and the lead waits on."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    lead = deciding.get(actor, uid)
    form = AcceptForm(request.POST, known=True)
    if not form.is_valid():
        return inbox(request, uid, status=422, form=form)
    given = form.cleaned_data
    only = request.POST.get("only") == "contact"
    verb: Callable[[], IncomingLead] = (
        partial(deciding.accept_contact, actor, uid, user_id=given["responsible"], apart=given["apart"])
        if only
        else partial(deciding.accept, actor, uid, user_id=given["responsible"], stage_id=given["stage"], apart=given["apart"])
    )
    try:
        with errors_into(form):
            done = verb()
    except Refused as refused:
        return inbox(request, uid, status=refused.status, form=form)
    if done.deal_id and request.POST.get("open") == "1":
        return responses.redirect(request, DEAL.url(done.deal_id))
    return _on(request, _("Accepted: %(name)s.") % {"name": lead.name or making.deal_name(lead)})


def link(request: HttpRequest, uid: str) -> HttpResponse:
    """Look for the deal or the contact it belongs to; choose one."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    lead = deciding.get(actor, uid)
    if request.method == "POST":
        done = deciding.link(actor, uid, entity=request.POST.get("entity", ""), pk=whole(request.POST.get("pk")) or 0, contact_id=whole(request.POST.get("contact")))
        return _on(request, _("Linked: %(name)s.") % {"name": done.name or making.deal_name(lead)})
    words = request.GET.get("q", lead.name)[:200]
    found = search.find(actor, words, entities=("deal", "contact")) if words.strip() else []
    return responses.page(request, "incoming/link.html", rail="unsorted", lead=lead, q=words, found=found)


@require_POST
def merge(request: HttpRequest, uid: str) -> HttpResponse:
    """Onto the known contact, or the others of the same number into this one."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    if request.POST.get("twins") == "1":
        count = deciding.merge_twins(actor, uid)
        said = ngettext("%(n)s more is part of it now.", "%(n)s more are part of it now.", count) % {"n": figure(count)}
        return responses.toast(request, responses.redirect(request, reverse("unsorted-one", args=[uid])), said)
    done = deciding.merge(actor, uid, contact_id=whole(request.POST.get("contact")) or 0)
    return _on(request, _("Merged: %(name)s.") % {"name": done.name})


@require_POST
def decline(request: HttpRequest, uid: str) -> HttpResponse:
    """Nothing comes of it; the toast takes it back."""
    done = deciding.decline(request.actor, uid, reason=request.POST.get("reason", ""))  # type: ignore[attr-defined]
    return _on(request, _("Declined: %(name)s.") % {"name": done.name or making.deal_name(done)}, undo=reverse("unsorted-back", args=[uid]))


@require_POST
def put_back(request: HttpRequest, uid: str) -> HttpResponse:
    """It waits again."""
    deciding.put_back(request.actor, uid)  # type: ignore[attr-defined]
    back = responses.redirect(request, reverse("unsorted-one", args=[uid]))
    return responses.trigger(responses.toast(request, back, _("It waits again.")), "board-changed")


@require_POST
def give(request: HttpRequest, uid: str) -> HttpResponse:
    """To somebody else, or to nobody."""
    done = deciding.give(request.actor, uid, user_id=whole(request.POST.get("responsible")))  # type: ignore[attr-defined]
    back = responses.redirect(request, reverse("unsorted-one", args=[done.uid]))
    return responses.toast(request, back, _("Saved."))


@require_POST
def bulk(request: HttpRequest) -> HttpResponse:
    """Accept or decline all that were chosen; what could not be done is said and waits on."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    permissions.require(actor, INCOMING.EDIT)
    chosen, verb = request.POST.getlist("chosen"), request.POST.get("verb")
    if not chosen or verb not in ("accept", "decline"):
        return _on(request, _("Nothing was chosen."))
    if verb == "accept":
        done, refused = deciding.accept_each(actor, chosen)
        said = ngettext("%(n)s is accepted.", "%(n)s are accepted.", done) % {"n": figure(done)}
    else:
        done, refused = deciding.each(chosen, partial(deciding.decline, actor, reason=request.POST.get("reason", "")))
        said = ngettext("%(n)s is declined.", "%(n)s are declined.", done) % {"n": figure(done)}
    return _on(request, said if refused is None else f"{said} {refused.message}")


def download(request: HttpRequest, uid: str, pk: int) -> FileResponse:
    """A file that came with a lead, always as an attachment."""
    lead = deciding.get(request.actor, uid)  # type: ignore[attr-defined]
    row = Attachment.objects.filter(pk=pk, entity="incoming", record_id=lead.pk, binned_at=None).first()
    if row is None:
        raise NotFound
    try:
        content = default_storage.open(row.path)
    except FileNotFoundError:
        raise NotFound from None
    response = FileResponse(content, as_attachment=True, filename=row.name, content_type="application/octet-stream")
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
