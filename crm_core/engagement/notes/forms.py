"""The form of a note, on the card and alone."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _


class NoteForm(forms.Form):
    """What was said; the service refuses what is empty or endless."""

    text = forms.CharField(label=_("Note"), required=False, strip=False, widget=forms.Textarea(attrs={"rows": 6, "maxlength": 20_000}))
    pinned = forms.BooleanField(label=_("Pin to the top"), required=False)
