"""Forms of subscriptions."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from . import bodies, catalogue
from .addresses import LONGEST


class HookForm(forms.Form):
    """Where to, what, and how it is written."""

    destination = forms.CharField(label=_("Address"), max_length=LONGEST, help_text=_("Each event is sent there by POST."), widget=forms.TextInput(attrs={"inputmode": "url", "placeholder": "https://"}))
    format = forms.ChoiceField(label=_("Written as"))
    settings = forms.MultipleChoiceField(label=_("Kinds of events"), error_messages={"required": _("Choose at least one event.")})

    def __init__(self, *args: Any, known: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["format"].choices = [(form.code, form.label) for form in bodies.formats()]  # type: ignore[attr-defined]
        self.fields["settings"].choices = [(name, name) for name in sorted(catalogue.known())]  # type: ignore[attr-defined]
        if known:
            del self.fields["destination"]

    def groups(self) -> list[tuple[str, list[tuple[catalogue.Setting, bool]]]]:
        """What is offered, by group, and whether it is chosen."""
        chosen = set(self["settings"].value() or ())
        return [(group, [(setting, setting.name in chosen) for setting in settings]) for group, settings in catalogue.offered().items()]


class ReplayForm(forms.Form):
    """From when on."""

    since = forms.DateTimeField(label=_("From"), widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"), input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"])
