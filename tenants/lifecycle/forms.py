"""What an owner or administrator types about the workspace as a whole. Each form carries the operation that makes a replay the same act."""

from __future__ import annotations

import uuid

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from .leaving import DAYS


class _Act(forms.Form):
    operation = forms.UUIDField(widget=forms.HiddenInput)

    @classmethod
    def fresh(cls, **initial: object) -> forms.Form:
        """An empty form with an operation of its own."""
        return cls(initial={"operation": uuid.uuid4(), **initial})


class AddressForm(_Act):
    """Another address."""

    slug = forms.CharField(label=_("New address"), max_length=60, widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}))

    def clean_slug(self) -> str:
        return str(self.cleaned_data["slug"]).strip().lower()


class HostForm(_Act):
    """An address of the firm's own."""

    host = forms.CharField(
        label=_("Your own address"), max_length=300, help_text=_("A name under your own domain, like crm.firm.com."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none", "inputmode": "url"}),
    )  # fmt: skip


class LeaveForm(_Act):
    """When to erase, why, and the address typed once more."""

    days = forms.TypedChoiceField(label=_("Erase it"), coerce=int, initial=30)
    reason = forms.CharField(label=_("Why do you leave?"), required=False, max_length=1000, widget=forms.Textarea(attrs={"rows": 3}))
    typed = forms.CharField(label=_("Type the workspace’s address to confirm"), max_length=60, widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}))

    def __init__(self, *args: object, slug: str = "", **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._slug = slug
        self.fields["days"].choices = [(days, ngettext("in %(days)d day", "in %(days)d days", days) % {"days": days}) for days in DAYS]  # type: ignore[attr-defined]

    def clean_typed(self) -> str:
        if str(self.cleaned_data["typed"]).strip().lower() != self._slug:
            raise forms.ValidationError(_("This is not the workspace’s address."))
        return self._slug
