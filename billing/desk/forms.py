"""Forms of who pays and who is told."""

from __future__ import annotations

from decimal import Decimal

from django import forms
from django.utils.translation import gettext_lazy as _

from billing.subscribing.paying import MOST_CONTACTS
from crm_platform.kernel import countries


class PayerForm(forms.Form):
    """A company that pays."""

    name = forms.CharField(label=_("Company"), max_length=250, help_text=_("As it must stand on the invoice."))
    country = forms.ChoiceField(label=_("Country"), choices=lambda: [("", "—"), *countries.choices()])
    tax_id = forms.CharField(label=_("Tax number"), max_length=40, required=False, help_text=_("VAT number in the European Union, INN in Russia and Uzbekistan. By it the tax on your bills is decided."))
    address = forms.CharField(label=_("Address"), max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 3}))


class ContactsForm(forms.Form):
    """Who gets invoices and reminders, an address a line."""

    contacts = forms.CharField(
        label=_("Addresses, one a line"), required=False, max_length=4000, widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
        help_text=_("Nobody named means the owners."),
    )  # fmt: skip

    def rows(self) -> list[dict[str, str]]:
        """As the verb takes them; more than may be given are passed on, so that it can say so."""
        lines = [line.strip() for line in str(self.cleaned_data["contacts"]).replace(",", "\n").splitlines() if line.strip()]
        return [{"email": line} for line in lines[: MOST_CONTACTS + 1]]


class CeilingForm(forms.Form):
    """What a month may cost at most."""

    ceiling = forms.DecimalField(label=_("At most a month"), required=False, min_value=Decimal("0.01"), max_digits=13, decimal_places=2, help_text=_("Tax included. Above it nothing is bought; empty for no ceiling."))


class CodeForm(forms.Form):
    """A promo code, or whom a firm was brought by."""

    code = forms.CharField(label=_("Code"), max_length=60)
