"""The form of a contact."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from crm_core.groundwork.records.fields import RecordForm, RowsField
from crm_core.people import reaching

from .models import Employment

COLUMNS = ("first_name", "last_name", "position", "phones", "emails", "messengers", "addresses", "site", "birthday")


class ContactForm(RecordForm):
    """Everything a contact has."""

    entity = "contact"
    first_name = forms.CharField(label=_("First name"), max_length=120, required=False)
    last_name = forms.CharField(label=_("Last name"), max_length=120, required=False)
    companies = RowsField(label=_("Companies"), main="company", columns=[("company", _("Company"), None), ("role", _("Role there"), None)], help_text=_("A company that is not there yet is made."))
    position = forms.CharField(label=_("Position"), max_length=200, required=False)
    phones = reaching.phones_field()
    emails = reaching.emails_field()
    messengers = reaching.messengers_field()
    addresses = reaching.addresses_field()
    site = forms.CharField(label=_("Site"), max_length=300, required=False)
    birthday = forms.DateField(label=_("Birthday"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))

    def __init__(self, *args: Any, record: Any = None, **kwargs: Any) -> None:
        if record is not None:
            links = Employment.objects.filter(contact=record).select_related("company").order_by("-main", "id")
            initial = {name: getattr(record, name) for name in COLUMNS}
            initial["companies"] = [{"company": link.company.name, "role": link.role} for link in links]
            kwargs["initial"] = initial | (kwargs.get("initial") or {})
        super().__init__(*args, record=record, **kwargs)

    def own_values(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in (*COLUMNS, "companies")}
