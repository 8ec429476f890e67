"""Forms of integrations."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from crm_platform.accounts.tokens import SCOPES

from .models import Kind
from .undoing import LABELS

SCOPE_LABELS = {
    "crm": _("Records: deals, contacts, companies, tasks and what belongs to them"),
    "files": _("Files: read and add"),
    "files_delete": _("Files: delete"),
    "notifications": _("Notifications"),
}
LIVES = {1: _("1 day"), 30: _("30 days"), 365: _("1 year"), 5 * 365: _("5 years")}


class IntegrationForm(forms.Form):
    """Who the program is, and what it may reach."""

    name = forms.CharField(label=_("Name"), max_length=120)
    kind = forms.ChoiceField(label=_("Whose program it is"), choices=Kind.choices, initial=Kind.PRIVATE, help_text=_("Another firm’s program never sees who works here."))
    redirect_uri = forms.CharField(
        label=_("Address to return to"), max_length=500, required=False, widget=forms.URLInput(attrs={"placeholder": "https://"}), help_text=_("Where a person goes after letting it in. Not needed for long-lived tokens.")
    )
    scopes = forms.MultipleChoiceField(
        label=_("What it may reach"), choices=[(scope, SCOPE_LABELS[scope]) for scope in SCOPES], initial=["crm"], widget=forms.CheckboxSelectMultiple
    )


class LifeForm(forms.Form):
    """How long a token lives."""

    days = forms.TypedChoiceField(label=_("It lives for"), coerce=int, choices=list(LIVES.items()), initial=365)


class PeriodForm(forms.Form):
    """How far back its writes are undone."""

    period = forms.ChoiceField(label=_("What it wrote in"), choices=list(LABELS.items()), initial="day")
