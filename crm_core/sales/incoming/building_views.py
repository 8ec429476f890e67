"""The settings of a form: its fields, the words around them, publishing, and how it comes onto a site."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import escape
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from crm_platform.accounts.roles import SETTINGS
from crm_platform.kernel import workspace
from crm_platform.kernel.permissions import as_ever, require
from crm_platform.ui import responses
from crm_platform.ui.formwork import Refused, errors_into

from . import building, public_views
from .models import LeadForm


class FieldForm(forms.Form):
    """One field of a form."""

    label = forms.CharField(label=_("Label"), max_length=200)
    type = forms.ChoiceField(label=_("Kind of field"), choices=building.TYPES)
    role = forms.ChoiceField(label=_("Becomes"))
    options = forms.CharField(label=_("Choices, one in a line"), required=False, max_length=10_000, widget=forms.Textarea(attrs={"rows": 3}))
    required = forms.BooleanField(label=_("Has to be filled in"), required=False)
    when_field = forms.ChoiceField(label=_("Shown only with"), required=False)
    when_values = forms.CharField(label=_("…when that says, one in a line"), required=False, max_length=10_000, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, draft: dict[str, Any], *args: Any, row: dict[str, Any] | None = None, **kwargs: Any) -> None:
        kwargs["auto_id"] = f"{row['key'] if row else 'new'}_%s"
        if row is not None:
            when = row.get("when") or {}
            kwargs["initial"] = {**row, "options": "\n".join(row["options"]), "when_field": when.get("field", ""), "when_values": "\n".join(when.get("values") or ())}
        super().__init__(*args, **kwargs)
        lists = [(one["key"], one["label"]) for one in draft["fields"] if one["type"] == "list" and (row is None or one["key"] != row["key"])]
        self.fields["role"].choices = building.roles()  # type: ignore[attr-defined]
        self.fields["when_field"].choices = [("", _("Always")), *lists]  # type: ignore[attr-defined]

    def values(self) -> dict[str, Any]:
        """As the service takes them."""
        given = self.cleaned_data
        return {**given, "options": given["options"].splitlines(), "when_values": given["when_values"].splitlines()}


class WordsForm(forms.Form):
    """The words around the fields."""

    title = forms.CharField(label=_("Heading"), max_length=200, required=False)
    intro = forms.CharField(label=_("Words below it"), max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 2}))
    button = forms.CharField(label=_("Button"), max_length=60)
    thanks = forms.CharField(label=_("Thanks"), max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))
    consent = forms.CharField(label=_("Consent, to be ticked"), max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 2}), help_text=_("Its wording is kept with each lead, with a version."))
    sites = forms.CharField(label=_("Sites that may show it, one in a line"), max_length=4000, required=False, widget=forms.Textarea(attrs={"rows": 2}), help_text=_("For example https://www.example.com. By link and QR code it opens everywhere."))

    def __init__(self, draft: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        kwargs["initial"] = {**draft["settings"], "sites": "\n".join(draft["settings"]["sites"])}
        super().__init__(*args, **kwargs)


def page(request: HttpRequest, pk: int, *, status: int = 200, field_form: FieldForm | None = None, key: str = "", words: WordsForm | None = None) -> HttpResponse:
    """The builder; a refused form comes back as it was."""
    require(as_ever(request.actor), SETTINGS.right("edit"))  # type: ignore[attr-defined]
    form = building.of_source(pk)
    kinds = dict(building.TYPES)
    rows = [{"field": row, "kind": kinds[row["type"]], "form": field_form if field_form and key == row["key"] else FieldForm(form.draft, row=row), "open": bool(key) and key == row["key"]} for row in form.draft["fields"]]
    address = workspace.url(f"/f/{form.uid}")
    context: dict[str, Any] = {
        "source": form.source, "lead_form": form, "rows": rows, "new": field_form if field_form and not key else FieldForm(form.draft), "words": words or WordsForm(form.draft), "address": address,
        "changed": form.draft != form.published, "script": f'<script src="{address}/embed.js" async></script>', "frame": _frame(address, form.source.name),
    }  # fmt: skip
    return responses.page(request, "incoming/form_builder.html", status=status, **context)


def _frame(address: str, name: str) -> str:
    # Escaped for the site it is pasted into. It stays a plain text, which the page escapes once more to show it for copying.
    return f'<iframe src="{escape(address)}?embed=1" title="{escape(name)}" width="100%" height="640"></iframe>'


def _saved(request: HttpRequest, pk: int, said: str = "") -> HttpResponse:
    return responses.toast(request, responses.redirect(request, reverse("lead-form", args=[pk])), said or _now("Saved."))


@require_POST
def field(request: HttpRequest, pk: int) -> HttpResponse:
    """Put, move or take off a field."""
    actor, given, key = request.actor, request.POST.get("verb", "save"), request.POST.get("key", "")  # type: ignore[attr-defined]
    if given in ("up", "down"):
        building.move_field(actor, pk, key=key, by=-1 if given == "up" else 1)
        return _saved(request, pk)
    if given == "remove":
        building.remove_field(actor, pk, key=key)
        return _saved(request, pk)
    form = building.of_source(pk)
    row = next((one for one in form.draft["fields"] if one["key"] == key), None)
    filled = FieldForm(form.draft, request.POST, row=row)
    if not filled.is_valid():
        return page(request, pk, status=422, field_form=filled, key=key)
    try:
        with errors_into(filled):
            building.put_field(actor, pk, key=key, **filled.values())
    except Refused as refused:
        return page(request, pk, status=refused.status, field_form=filled, key=key)
    return _saved(request, pk)


@require_POST
def words(request: HttpRequest, pk: int) -> HttpResponse:
    """The words around the fields, and the sites."""
    form = building.of_source(pk)
    filled = WordsForm(form.draft, request.POST)
    if not filled.is_valid():
        return page(request, pk, status=422, words=filled)
    given = dict(filled.cleaned_data)
    try:
        with errors_into(filled):
            building.change_settings(request.actor, pk, sites=given.pop("sites").splitlines(), **given)  # type: ignore[attr-defined]
    except Refused as refused:
        return page(request, pk, status=refused.status, words=filled)
    return _saved(request, pk)


@require_POST
def publish(request: HttpRequest, pk: int) -> HttpResponse:
    """From now on people see what is drafted."""
    building.publish(request.actor, pk)  # type: ignore[attr-defined]
    return _saved(request, pk, _now("Published: people see it as it stands here."))


@require_safe
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """The draft as people would see it."""
    require(as_ever(request.actor), SETTINGS.right("edit"))  # type: ignore[attr-defined]
    form: LeadForm = building.of_source(pk)
    return public_views.preview(request, form)
