"""Settings of sources and of routing: for administrators."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crm_platform.accounts import directory
from crm_platform.accounts.roles import SETTINGS
from crm_platform.kernel import clock, workspace
from crm_platform.kernel.permissions import as_ever, require
from crm_platform.ui import responses
from crm_platform.ui.formwork import Refused, errors_into

from . import lines, probing, routing, sources
from .drawing import pause
from .models import LeadSource, SourceKind
from .source_forms import LinesForm, RuleForm, SourceForm

ICONS = {SourceKind.API: "plug-zap", SourceKind.FORM: "globe", SourceKind.MAIL: "mail", SourceKind.CALLS: "phone", SourceKind.WEBHOOK: "zap"}


def listed(request: HttpRequest, *, status: int = 200, form: SourceForm | None = None, rule_form: RuleForm | None = None) -> HttpResponse:
    """Every source with its last lead, and the rules in their order."""
    require(as_ever(request.actor), SETTINGS.right("edit"))  # type: ignore[attr-defined]
    now = clock.now()
    drawn = [{"source": source, "icon": ICONS[SourceKind(source.kind)], **heard(source, now=now)} for source in sources.everything()]
    context: dict[str, Any] = {
        "drawn": drawn, "archived": list(LeadSource.objects.exclude(archived_at=None)), "form": form or SourceForm(), "rule_form": rule_form or RuleForm(), "rules": _rules(),
    }  # fmt: skip
    return responses.page(request, "incoming/sources.html", status=status, **context)


def heard(source: LeadSource, *, now: Any) -> dict[str, Any]:
    """When it last spoke and how often it does, in words."""
    silence = now - source.last_lead_at if source.last_lead_at else None
    return {"since": pause(silence) if silence is not None else "", "usual": pause(_span(source.rhythm_seconds)) if source.rhythm_seconds else "", "silent": probing.silent(source, now=now), "broken": probing.broken(source)}


def _span(seconds: int) -> Any:
    return timedelta(seconds=seconds)


def _rules() -> list[dict[str, Any]]:
    kinds = dict(routing.KINDS)
    return [
        {
            "rule": rule, "label": kinds.get(rule.kind, rule.kind), "people": [directory.name_of(pk) for pk in rule.settings.get("people") or ()],
            "values": [(value, directory.name_of(pk)) for value, pk in rule.settings.get("values") or ()], "hours": rule.settings.get("hours") or {},
        }
        for rule in sources.rules()
    ]  # fmt: skip


@require_POST
def add(request: HttpRequest) -> HttpResponse:
    """A new source; its page says how to use it."""
    form = SourceForm(request.POST)
    if form.is_valid():
        try:
            with errors_into(form):
                source = sources.add(request.actor, kind=form.cleaned_data["kind"], **form.values())  # type: ignore[attr-defined]
            return responses.toast(request, responses.redirect(request, reverse("lead-source", args=[source.pk])), _("Made: %(name)s.") % {"name": source.name})
        except Refused as refused:
            return listed(request, status=refused.status, form=form)
    return listed(request, status=422, form=form)


def one(request: HttpRequest, pk: int) -> HttpResponse:
    """One source: its name and answers, its key and how it is used."""
    actor = request.actor  # type: ignore[attr-defined]
    require(as_ever(actor), SETTINGS.right("edit"))
    source, status = sources.get(pk), 200
    form = SourceForm(request.POST or None, source=source)
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                with errors_into(form):
                    sources.change(actor, pk, **form.values())
                return responses.toast(request, responses.redirect(request, reverse("lead-source", args=[pk])), _("Saved."))
            except Refused as refused:
                status = refused.status
    return _drawn(request, source, form=form, status=status)


@require_POST
def set_lines(request: HttpRequest, pk: int) -> HttpResponse:
    """Whose its lines are: all of the table at once."""
    actor = request.actor  # type: ignore[attr-defined]
    require(as_ever(actor), SETTINGS.right("edit"))
    source, status = sources.get(pk), 422
    form = LinesForm(request.POST, source=source)
    if form.is_valid():
        try:
            with errors_into(form):
                lines.set_lines(actor, pk, form.rows())
            return responses.toast(request, responses.redirect(request, reverse("lead-source", args=[pk])), _("Saved."))
        except Refused as refused:
            status = refused.status
    return _drawn(request, source, lines_form=form, status=status)


def _drawn(request: HttpRequest, source: LeadSource, *, form: SourceForm | None = None, lines_form: LinesForm | None = None, status: int = 200) -> HttpResponse:
    """The page of a source, with what was typed and refused in one of its forms."""
    key = sources.key_of(source)
    context: dict[str, Any] = {
        "source": source, "form": form or SourceForm(source=source), "lines_form": (lines_form or LinesForm(source=source)) if source.kind == SourceKind.CALLS else None, "key": key, "secret": sources.secret_of(source), "address": sources.address_of(source) if source.kind == SourceKind.MAIL else "",
        "door": workspace.url(f"/api/leads/in/{key}") if key else "", "count": sources.counted(source), "lead_form": sources.form_of(source), **heard(source, now=clock.now()),
    }  # fmt: skip
    return responses.page(request, "incoming/source.html", status=status, **context)


@require_POST
def verb(request: HttpRequest, pk: int) -> HttpResponse:
    """Another key, or put aside and taken up again."""
    actor = request.actor  # type: ignore[attr-defined]
    if request.POST.get("verb") == "key":
        sources.new_key(actor, pk)
        return responses.toast(request, responses.redirect(request, reverse("lead-source", args=[pk])), _("The old key has ended. This is the new one."))
    source = sources.archive(actor, pk)
    said = _("%(name)s takes nothing in any more.") if source.archived_at else _("%(name)s takes leads in again.")
    return responses.toast(request, responses.redirect(request, reverse("lead-sources")), said % {"name": source.name})


@require_POST
def add_rule(request: HttpRequest) -> HttpResponse:
    """A rule at the end."""
    form = RuleForm(request.POST)
    if form.is_valid():
        try:
            with errors_into(form):
                sources.add_rule(request.actor, **form.values())  # type: ignore[attr-defined]
            return responses.toast(request, responses.redirect(request, reverse("lead-sources")), _("Saved."))
        except Refused as refused:
            return listed(request, status=refused.status, rule_form=form)
    return listed(request, status=422, rule_form=form)


@require_POST
def change_rule(request: HttpRequest, pk: int) -> HttpResponse:
    """Earlier, later, or off."""
    actor, given = request.actor, request.POST.get("verb")  # type: ignore[attr-defined]
    if given == "remove":
        sources.remove_rule(actor, pk)
    else:
        sources.move_rule(actor, pk, by=-1 if given == "up" else 1)
    return responses.toast(request, responses.redirect(request, reverse("lead-sources")), _("Saved."))
