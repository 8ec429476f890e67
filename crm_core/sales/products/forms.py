"""The form of a product."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from crm_core.groundwork.records.fields import FigureField, RecordForm
from crm_platform.kernel import money, preferences

COLUMNS = ("name", "series", "sku", "unit", "currency", "description")


class ProductForm(RecordForm):
    """Everything a product has."""

    entity = "product"
    name = forms.CharField(label=_("Name"), max_length=250)
    series = forms.CharField(label=_("Series"), max_length=120, required=False)
    sku = forms.CharField(label=_("Article number"), max_length=80, required=False)
    unit = forms.CharField(label=_("Unit"), max_length=40, required=False)
    price = FigureField(label=_("Price"), required=False)
    currency = forms.ChoiceField(label=_("Currency"), choices=[(code, code) for code in money.CURRENCIES])
    description = forms.CharField(label=_("Description"), required=False, max_length=5000, widget=forms.Textarea(attrs={"rows": 3}))

    def __init__(self, *args: Any, record: Any = None, **kwargs: Any) -> None:
        initial: dict[str, Any] = {"currency": preferences.here().currency}
        if record is not None:
            initial = {name: getattr(record, name) for name in COLUMNS}
            if record.price_minor is not None:
                initial["price"] = money.typed(record.price_minor, currency=record.currency)
        kwargs["initial"] = initial | (kwargs.get("initial") or {})
        super().__init__(*args, record=record, **kwargs)

    def own_values(self) -> dict[str, Any]:
        given = self.cleaned_data
        price = given["price"]
        return {**{name: given[name] for name in COLUMNS}, "price_minor": None if price is None else money.minor(price, currency=given["currency"])}
