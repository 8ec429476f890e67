"""Forms of the console: they read what was typed; the rules are the services'."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from billing import plans
from billing.documents.models import Invoice
from billing.providers.manual_invoice.statements.incoming import LARGEST
from crm_platform.kernel import ids, money
from crm_platform.kernel.errors import Conflict, CrmError, Invalid

from . import words

_DATE = forms.DateInput(attrs={"type": "date"})


def _reason() -> forms.CharField:
    return forms.CharField(label=_("Reason"), max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))


def _day_end(day: Any) -> datetime | None:
    """A typed day counts whole, in UTC."""
    return None if day is None else datetime.combine(day, time(23, 59, 59), UTC)


def refusal_of(form: forms.Form, verb: Callable[[], Any]) -> CrmError | None:
    """Run a verb that opens units of its own; what it refuses stands beside the field it is about."""
    try:
        verb()
    except (Invalid, Conflict) as error:
        fields = error.fields if isinstance(error, Invalid) else {}
        for name, sentences in fields.items():
            form.add_error(name if name in form.fields else None, [str(sentence) for sentence in sentences])
        if not fields:
            form.add_error(None, error.message)
        return error
    return None


class ExtendForm(forms.Form):
    """More time without paying."""

    days = forms.IntegerField(label=_("Days from today"), initial=7, widget=forms.NumberInput(attrs={"min": 1, "max": 90}))
    reason = _reason()


class RefundForm(forms.Form):
    """Money back on a document. `operation` makes it once, however often it is sent."""

    document = forms.CharField(widget=forms.HiddenInput())
    operation = forms.CharField(widget=forms.HiddenInput(), max_length=60, initial=ids.random_id)
    amount = forms.DecimalField(label=_("Sum"), min_value=0, decimal_places=3, max_digits=14)
    reason = _reason()


class StatementForm(forms.Form):
    """A bank's statement, as the bank gives it."""

    file = forms.FileField(label=_("Statement"), help_text=_("CAMT.053, 1CClientBankExchange or CSV, 10 MB at most. What was read before is not recorded again."))
    currency = forms.ChoiceField(label=_("Currency where the file names none"), choices=[(code, code) for code in money.CURRENCIES])

    def clean_file(self) -> Any:
        """Too much is refused before it is read."""
        found = self.cleaned_data["file"]
        if found.size > LARGEST:
            raise forms.ValidationError(_("10 MB at most."))
        return found


class TransferForm(forms.Form):
    """Money that came for a bill. `operation` makes it once, however often it is sent."""

    operation = forms.CharField(widget=forms.HiddenInput(), max_length=60, initial=ids.random_id)
    amount = forms.DecimalField(label=_("Sum"), min_value=0, decimal_places=3, max_digits=14)
    day = forms.DateField(label=_("Day on which it came"), required=False, widget=_DATE, help_text=_("Empty: today."))

    def __init__(self, *given: Any, bill: Invoice, **named: Any) -> None:
        """The sum is what is still owed."""
        super().__init__(*given, **named)
        if bill.due_minor:
            self.initial["amount"] = money.typed(bill.due_minor, currency=bill.currency)


class GrantForm(forms.Form):
    """Another limit for one workspace."""

    metric = forms.ChoiceField(label=_("What"), choices=[*words.METRICS.items(), *words.MODULES.items()])
    value = forms.IntegerField(label=_("Limit"), required=False, min_value=0, help_text=_("Empty: no limit. A module: 1 gives it, 0 takes it."))
    until = forms.DateField(label=_("Until"), required=False, widget=_DATE)
    reason = _reason()

    def clean_until(self) -> datetime | None:
        """The end of that day."""
        return _day_end(self.cleaned_data["until"])


class GiveCouponForm(forms.Form):
    """A coupon for one workspace. `operation` makes it once."""

    operation = forms.CharField(widget=forms.HiddenInput(), max_length=60, initial=ids.random_id)
    code = forms.CharField(label=_("Code"), max_length=40)
    reason = _reason()


class CouponForm(forms.Form):
    """A discount that may be given."""

    code = forms.CharField(label=_("Code"), max_length=40)
    percent = forms.DecimalField(label=_("Percent off"), required=False, min_value=0, max_value=100, decimal_places=2)
    amount = forms.DecimalField(label=_("Or an amount off"), required=False, min_value=0)
    currency = forms.ChoiceField(label=_("Currency of the amount"), required=False, choices=[("", "–"), *((code, code) for code in money.CURRENCIES)])
    duration = forms.ChoiceField(label=_("Holds for"), choices=list(words.DURATIONS.items()))
    months = forms.IntegerField(label=_("Months"), required=False, min_value=1, max_value=60)
    plans = forms.MultipleChoiceField(
        label=_("Plans"), required=False, choices=[(code, name) for code, name in plans.NAMES.items() if code in {plan.code for plan in plans.PLANS} - {plans.FREE}], help_text=_("None chosen: all of them.")
    )
    first_time = forms.BooleanField(label=_("Only for who has never paid"), required=False)
    expires_at = forms.DateField(label=_("Can be taken until"), required=False, widget=_DATE)
    most = forms.IntegerField(label=_("At most so many times"), required=False, min_value=1)

    def clean_expires_at(self) -> datetime | None:
        """The end of that day."""
        return _day_end(self.cleaned_data["expires_at"])

    def clean(self) -> dict[str, Any]:
        """A sum is none without its currency."""
        given = super().clean() or {}
        if given.get("amount") and "currency" in given and not given["currency"]:
            self.add_error("currency", _("An amount needs its currency."))
        return given

    def values(self) -> dict[str, Any]:
        """As the verb takes them."""
        given = dict(self.cleaned_data)
        percent, amount, currency = given.pop("percent"), given.pop("amount"), given["currency"]
        return {**given, "percent_bp": int((percent or 0) * 100), "amount_minor": money.minor(amount, currency=currency) if amount and currency else 0}
