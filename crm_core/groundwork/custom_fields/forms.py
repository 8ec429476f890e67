"""The form of a custom field."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from .models import Kind


class FieldForm(forms.Form):
    """Name, what it holds, choices."""

    name = forms.CharField(label=_("Name"), max_length=120)
    kind = forms.ChoiceField(label=_("Holds"), choices=[(code, label) for code, label in Kind.choices if code != Kind.OTHER])
    options = forms.CharField(label=_("Choices"), required=False, widget=forms.Textarea(attrs={"rows": 3}), help_text=_("One a line; for lists."))
    hint = forms.CharField(label=_("Hint"), max_length=300, required=False)
    required = forms.BooleanField(label=_("Must be filled in"), required=False)

    def values(self) -> dict[str, Any]:
        """What the service takes."""
        return {**self.cleaned_data, "options": self.cleaned_data["options"].splitlines()}
