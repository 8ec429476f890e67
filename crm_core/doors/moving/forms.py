"""Forms of moves."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from .services import LONGEST_TOKEN

_TOKEN = _("A long-lived token of an integration of the account. It is kept sealed, never shown, and dropped when the move is done.")


def _token_field(*, required: bool = True) -> forms.CharField:
    return forms.CharField(label=_("Token"), max_length=LONGEST_TOKEN, required=required, help_text=_TOKEN, widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}))


class BeginForm(forms.Form):
    """Whose account."""

    address = forms.CharField(label=_("Address of the account"), max_length=250, widget=forms.TextInput(attrs={"inputmode": "url", "placeholder": "mycompany.amocrm.ru", "autocapitalize": "off", "spellcheck": "false"}))
    token = _token_field()


class TokenForm(forms.Form):
    """Another token, or one again."""

    token = _token_field()


class GoOnForm(forms.Form):
    """Another token where the one we have is not good any more."""

    token = _token_field(required=False)
