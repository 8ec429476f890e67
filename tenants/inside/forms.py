"""What the firm chooses."""

from __future__ import annotations

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from crm_platform.kernel import clock, countries
from crm_platform.kernel.money import CURRENCIES


class FirmForm(forms.Form):
    """Name, language, time zone, week, currency."""

    firm = forms.CharField(label=_("Name of the firm"), max_length=200)
    language = forms.ChoiceField(label=_("Language of new people"), choices=settings.LANGUAGES)
    time_zone = forms.ChoiceField(label=_("Time zone"))
    first_weekday = forms.TypedChoiceField(label=_("The week begins on"), coerce=int, choices=[(1, _("Monday")), (0, _("Sunday"))])
    currency = forms.ChoiceField(label=_("Currency of new deals"), choices=[(code, code) for code in CURRENCIES])
    country = forms.ChoiceField(
        label=_("Country"), choices=lambda: [("", "—"), *countries.choices()], required=False, help_text=_("Telephone numbers without a country are read as this country’s.")
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["time_zone"].choices = [(name, name) for name in sorted(clock.zones())]  # type: ignore[attr-defined]
