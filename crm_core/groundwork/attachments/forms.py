"""The form of a file."""

from __future__ import annotations

from django import forms


class FileForm(forms.Form):
    """One file; the service refuses what is empty, too large, or more than the plan holds."""

    file = forms.FileField(required=False, allow_empty_file=True, max_length=None)
