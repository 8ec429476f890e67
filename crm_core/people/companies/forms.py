"""The form of a company."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from crm_core.groundwork.records.fields import FigureField, RecordForm
from crm_core.people import reaching

COLUMNS = ("name", "phones", "emails", "messengers", "addresses", "site", "industry", "employees", "annual_revenue", "founded")


class CompanyForm(RecordForm):
    """Everything a company has."""

    entity = "company"
    name = forms.CharField(label=_("Name"), max_length=250)
    phones = reaching.phones_field()
    emails = reaching.emails_field()
    messengers = reaching.messengers_field()
    addresses = reaching.addresses_field()
    site = forms.CharField(label=_("Site"), max_length=300, required=False)
    industry = forms.CharField(label=_("Industry"), max_length=120, required=False)
    employees = forms.IntegerField(label=_("Employees"), required=False, min_value=0, max_value=2_000_000_000)
    annual_revenue = FigureField(label=_("Annual revenue"), required=False)
    founded = forms.IntegerField(label=_("Founded"), required=False, min_value=1000, max_value=2200)

    def __init__(self, *args: Any, record: Any = None, **kwargs: Any) -> None:
        if record is not None:
            kwargs["initial"] = {**{name: getattr(record, name) for name in COLUMNS}, **(kwargs.get("initial") or {})}
        super().__init__(*args, record=record, **kwargs)

    def own_values(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in COLUMNS}
