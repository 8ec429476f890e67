"""The page that shows every component."""

from __future__ import annotations

from django import forms
from django.http import HttpRequest, HttpResponse

from . import responses
from .paging import Page

_COLOURS = ("ground", "sunken", "surface", "surface-2", "line", "line-control", "ink", "ink-2", "ink-3", "accent", "accent-soft", "good", "warn", "bad", "note")


class _Sample(forms.Form):
    name = forms.CharField(label="Name", help_text="As colleagues know it.")
    site = forms.CharField(label="Site", required=False)
    stage = forms.ChoiceField(label="Stage", choices=[("1", "Talking"), ("2", "Offer sent")])
    note = forms.CharField(label="Note", widget=forms.Textarea(attrs={"rows": 2}), required=False)
    mail = forms.BooleanField(label="Send a copy by mail", required=False)
    way = forms.ChoiceField(label="Duplicates", choices=[("skip", "Skip"), ("update", "Update")], widget=forms.RadioSelect)


def design(request: HttpRequest) -> HttpResponse:
    """Every component, in light or dark (?theme=dark)."""
    wrong = _Sample({"name": ""}, prefix="wrong")
    wrong.is_valid()
    page: Page[object] = Page(rows=[], number=2, size=50, total=1234)
    return responses.page(request, "ui/design.html", colours=_COLOURS, form=_Sample(), wrong=wrong, page=page, theme=request.GET.get("theme", ""))
