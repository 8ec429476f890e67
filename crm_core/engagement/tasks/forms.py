"""The form of a task."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from crm_platform.accounts import directory
from crm_platform.kernel import versions
from crm_platform.ui.fields import draw, draw_all
from crm_platform.ui.markup import fill

from .models import LONGEST_TEXT, TaskType
from .services import end_of_day

# Letters that a line shows at once.
_ONE_LINE = 80


class _Lines(forms.CharField):
    """A text whose lines end as they do everywhere here: a browser sends two letters for each end, which would not all fit in."""

    def to_python(self, value: Any) -> Any:
        return super().to_python(value.replace("\r\n", "\n") if isinstance(value, str) else value)


class TaskForm(forms.Form):
    """What, when, who, on which record."""

    text = _Lines(label=_("What is to be done"), max_length=LONGEST_TEXT)
    type = forms.ChoiceField(label=_("Kind"), choices=TaskType.choices, required=False)
    day = forms.DateField(label=_("Day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    hour = forms.TimeField(label=_("Hour"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"), help_text=_("Empty: any time that day."))
    responsible = forms.TypedChoiceField(label=_("Responsible"), coerce=int, empty_value=None, required=False)
    entity = forms.CharField(required=False, widget=forms.HiddenInput)
    record = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        nobody = _("Nobody") if "responsible" in self.initial else _("Me")  # a new one is its maker's unless it says whose
        self.fields["responsible"].choices = [("", nobody), *directory.choices(present=self.initial.get("responsible"))]  # type: ignore[attr-defined]
        text = self["text"].value() or ""
        if "\n" in text or len(text) > _ONE_LINE:  # in one line its lines would run together
            self.fields["text"].widget = forms.Textarea(attrs={"rows": 6, "maxlength": LONGEST_TEXT})

    def values(self) -> dict[str, Any]:
        """What the service takes."""
        given = self.cleaned_data
        hour = given["hour"]
        due = timezone.make_aware(datetime.combine(given["day"], hour)) if hour else end_of_day(given["day"])
        return {"text": given["text"], "type": given["type"] or TaskType.TODO, "due_at": due, "all_day": hour is None, "responsible_id": given["responsible"]}


def blank_fields(today: date) -> SafeString:
    """The fields of a new task of today, for a dialog."""
    return _kept("dialog", today, lambda: draw_all(TaskForm(initial={"day": today, "type": TaskType.TODO})))


def blank_fields_in_short(today: date) -> SafeString:
    """The same in a row, for the foot of a card; the record it stands on comes beside them."""
    return _kept("card", today, lambda: _in_short(TaskForm(initial={"day": today}, auto_id="task-%s")))


def _in_short(form: TaskForm) -> SafeString:
    text = draw(form["text"], label_hidden=True, placeholder=form["text"].label)
    others = SafeString("".join(draw(form[name], label_hidden=True) for name in ("type", "day", "hour", "responsible")))
    return fill('<div class="stack stack--tight composer__fields">{}<div class="row row--wrap">{}</div></div>', text, others)


def _kept(where: str, today: date, drawn: Callable[[], SafeString]) -> SafeString:
    """A blank form is the same for everyone until the people change; drawing it is a tenth of a card."""
    return versions.kept(f"task_form.{where}.{today.isoformat()}.{get_language()}", ("person", "role"), drawn)
