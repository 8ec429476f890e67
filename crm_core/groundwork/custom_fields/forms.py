"""The form of a custom field."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from .models import MOMENT_LABEL, MOMENTS, Kind

_MOMENT = "moment"


def _kinds() -> list[tuple[str, Any]]:
    """What people may choose from: moments stand after dates."""
    found: list[tuple[str, Any]] = [(code, label) for code, label in Kind.choices if code != Kind.OTHER]
    found.insert([code for code, _label in found].index(Kind.DATE) + 1, (_MOMENT, MOMENT_LABEL))
    return found


class FieldForm(forms.Form):
    """Name, what it holds, choices."""

    name = forms.CharField(label=_("Name"), max_length=120)
    kind = forms.ChoiceField(label=_("Holds"), choices=_kinds())
    options = forms.CharField(label=_("Choices"), required=False, widget=forms.Textarea(attrs={"rows": 3}), help_text=_("One a line; for lists."))
    hint = forms.CharField(label=_("Hint"), max_length=300, required=False)
    required = forms.BooleanField(label=_("Must be filled in"), required=False)

    def values(self) -> dict[str, Any]:
        """What the service takes."""
        values = {**self.cleaned_data, "options": self.cleaned_data["options"].splitlines()}
        return {**values, "kind": Kind.OTHER.value, "wire": MOMENTS} if values["kind"] == _MOMENT else values
