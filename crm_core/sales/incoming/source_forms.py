"""The forms of sources and rules."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from crm_core.groundwork.records.fields import RowsField
from crm_core.sales.pipelines import queries as pipelines
from crm_platform.accounts import directory

from . import lines, routing, sources
from .models import LeadSource, SourceKind


def _people() -> list[tuple[Any, Any]]:
    return [(pk, directory.name_of(pk)) for pk in routing.at_work()]


class SourceForm(forms.Form):
    """What a source is called, how it speaks, and who answers within what time."""

    name = forms.CharField(label=_("Name"), max_length=120)
    kind = forms.ChoiceField(label=_("How leads come"), choices=SourceKind.choices)
    pipeline = forms.TypedChoiceField(label=_("Pipeline"), coerce=int, required=False, empty_value=None)
    answer_minutes = forms.IntegerField(label=_("To be answered within, minutes"), required=False, min_value=1, max_value=sources.MOST_MINUTES)
    responsible = forms.TypedChoiceField(label=_("Who answers where no rule says"), coerce=int, required=False, empty_value=None)

    def __init__(self, *args: Any, source: LeadSource | None = None, **kwargs: Any) -> None:
        if source is not None:
            kwargs["initial"] = {
                "name": source.name, "pipeline": source.pipeline_id, "answer_minutes": source.settings.get("answer_minutes"), "responsible": source.settings.get("responsible"),
            }  # fmt: skip
        super().__init__(*args, **kwargs)
        if source is not None:
            del self.fields["kind"]
        self.offer_anew()

    def offer_anew(self) -> None:
        """The pipelines and people there are now."""
        self.fields["pipeline"].choices = [("", _("The first one")), *((one.pk, one.name) for one in pipelines.active())]  # type: ignore[attr-defined]
        self.fields["responsible"].choices = [("", _("Nobody in particular")), *_people()]  # type: ignore[attr-defined]

    def values(self) -> dict[str, Any]:
        """As the services take them."""
        given = self.cleaned_data
        return {"name": given["name"], "pipeline_id": given["pipeline"], "answer_minutes": given["answer_minutes"], "responsible_id": given["responsible"]}


class LinesForm(forms.Form):
    """Which line or extension of a telephone system is whose."""

    def __init__(self, *args: Any, source: LeadSource, **kwargs: Any) -> None:
        present = lines.of_source(source)
        kwargs["initial"] = {"lines": [{"line": one.line, "person": str(one.person_id)} for one in present]}
        kwargs["auto_id"] = "lines_%s"
        super().__init__(*args, **kwargs)
        self.kept = {one.person_id for one in present}
        self.table = self.fields["lines"] = RowsField(
            columns=(), most=lines.MOST, label=_("Line or extension, and whose it is"),
            help_text=_("As your telephone system writes it, such as 101 or +31 20 555 0100. A call that names it comes up at the pages of that person; a call to any other line comes up nowhere. Empty a row to take it off."),
        )  # fmt: skip
        self.table.told_by = ("line", "person")
        self.offer_anew()

    def offer_anew(self) -> None:
        """Who works here now, and who had a line before."""
        here = [pk for pk, _name in directory.choices()]
        people = [(str(pk), directory.name_of(pk)) for pk in dict.fromkeys([*here, *sorted(self.kept)])]
        self.table.widget.columns = [("line", _("Line or extension"), None), ("person", _("Person"), [("", _("Choose a person")), *people])]

    def rows(self) -> list[tuple[str, int | None]]:
        """As the service takes them."""
        return [(row["line"], int(row["person"]) if row["person"].isdecimal() else None) for row in self.cleaned_data["lines"]]


class RuleForm(forms.Form):
    """One rule of routing."""

    kind = forms.ChoiceField(label=_("Who answers"), choices=routing.KINDS)
    source = forms.TypedChoiceField(label=_("For leads of"), coerce=int, required=False, empty_value=None)
    people = forms.TypedMultipleChoiceField(label=_("Among"), coerce=int, required=False, widget=forms.CheckboxSelectMultiple, help_text=_("Nobody chosen means everyone."))
    field = forms.CharField(label=_("Field"), max_length=120, required=False, help_text=_("The label of a form’s field, or a mark such as utm_campaign."))
    values_text = forms.CharField(label=_("Its values, one in a line: value = e-mail of who answers"), required=False, max_length=20_000, widget=forms.Textarea(attrs={"rows": 3}))
    when = forms.ChoiceField(label=_("Holds"), required=False, choices=((routing.ALWAYS, _("Always")), (routing.WITHIN, _("Within these hours")), (routing.OUTSIDE, _("Outside these hours"))))
    days = forms.TypedMultipleChoiceField(label=_("Days"), coerce=int, required=False, choices=sources.DAYS, widget=forms.CheckboxSelectMultiple, initial=[1, 2, 3, 4, 5])
    hours_from = forms.TimeField(label=_("From"), required=False, widget=forms.TimeInput(attrs={"type": "time"}), initial="09:00")
    hours_to = forms.TimeField(label=_("To"), required=False, widget=forms.TimeInput(attrs={"type": "time"}), initial="18:00")
    reroute_minutes = forms.IntegerField(label=_("To the next when not taken within, minutes"), required=False, min_value=1, max_value=sources.MOST_MINUTES)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["auto_id"] = "rule_%s"
        super().__init__(*args, **kwargs)
        self.offer_anew()
        self.fields["field"].widget.attrs |= {"data-behaviour": "only-with", "data-only-with": "kind", "data-only-values": "field"}
        self.fields["values_text"].widget.attrs |= {"data-behaviour": "only-with", "data-only-with": "kind", "data-only-values": "field"}

    def offer_anew(self) -> None:
        """The sources and people there are now."""
        self.fields["source"].choices = [("", _("All sources")), *((one.pk, one.name) for one in sources.everything())]  # type: ignore[attr-defined]
        self.fields["people"].choices = _people()  # type: ignore[attr-defined]

    def clean_values_text(self) -> list[tuple[str, int]]:
        by_email = {(person.email or "").lower(): pk for pk, person in directory.everyone().items()}
        read = []
        for line in self.cleaned_data["values_text"].splitlines():
            value, _equals, address = line.rpartition("=")
            if not line.strip():
                continue
            person = by_email.get(address.strip().lower())
            if person is None or not value.strip():
                raise forms.ValidationError(_("“%(line)s”: write a value, =, and the e-mail of someone who works here."), params={"line": line.strip()[:80]})
            read.append((value.strip(), person))
        return read

    def values(self) -> dict[str, Any]:
        """As the services take them."""
        given = self.cleaned_data
        hours = tuple(moment.strftime("%H:%M") if moment else default for moment, default in ((given["hours_from"], "09:00"), (given["hours_to"], "18:00")))
        return {
            "kind": given["kind"], "source_id": given["source"], "people": given["people"], "field": given["field"], "values": given["values_text"],
            "when": given["when"], "days": given["days"], "hours": hours, "reroute_minutes": given["reroute_minutes"],
        }  # fmt: skip
