"""The form of a task."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm_platform.accounts import directory

from .models import TaskType
from .services import end_of_day


class TaskForm(forms.Form):
    """What, when, who, on which record."""

    text = forms.CharField(label=_("What is to be done"), max_length=500)
    type = forms.ChoiceField(label=_("Kind"), choices=TaskType.choices, required=False)
    day = forms.DateField(label=_("Day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    hour = forms.TimeField(label=_("Hour"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"), help_text=_("Empty: any time that day."))
    responsible = forms.TypedChoiceField(label=_("Responsible"), coerce=int, empty_value=None, required=False)
    entity = forms.CharField(required=False, widget=forms.HiddenInput)
    record = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["responsible"].choices = [("", _("Me")), *directory.choices()]  # type: ignore[attr-defined]

    def values(self) -> dict[str, Any]:
        """What the service takes."""
        given = self.cleaned_data
        hour = given["hour"]
        due = timezone.make_aware(datetime.combine(given["day"], hour)) if hour else end_of_day(given["day"])
        return {"text": given["text"], "type": given["type"] or TaskType.TODO, "due_at": due, "all_day": hour is None, "responsible_id": given["responsible"]}
