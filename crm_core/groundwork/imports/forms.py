"""Forms of the wizard."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from . import kinds


class UploadForm(forms.Form):
    """The file, and what is in it."""

    file = forms.FileField(label=_("File"), help_text=_("CSV, Excel (XLSX) or an address book (vCard), up to 60 MB."), allow_empty_file=True)
    kind = forms.ChoiceField(label=_("What is in it"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = [("", _("Find out by its columns")), *((kind.code, kind.kind.plural) for kind in kinds.all_kinds())]  # type: ignore[attr-defined]
