"""The three fields, and the address that is suggested."""

from __future__ import annotations

import uuid

from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.utils.translation import gettext_lazy as _

from crm_platform.accounts.models import User
from tenants.reserved import AddressRefused, check_address


class StartForm(forms.Form):
    """E-mail, firm, address, password; `operation` makes a replay the same sign-up."""

    email = forms.EmailField(label=_("E-mail"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"}))
    firm = forms.CharField(label=_("Firm"), max_length=200, widget=forms.TextInput(attrs={"autocomplete": "organization"}))
    slug = forms.CharField(
        label=_("Address"), max_length=60, help_text=_("Suggested from the firm’s name; change it if you like."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}),
    )  # fmt: skip
    password = forms.CharField(
        label=_("Password"), strip=False, max_length=200, widget=forms.PasswordInput(render_value=True, attrs={"autocomplete": "new-password"}),
        help_text=_("At least 10 characters; a short sentence is good."),
    )  # fmt: skip
    operation = forms.UUIDField(widget=forms.HiddenInput)
    time_zone = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput(attrs={"data-behaviour": "time-zone"}))

    @staticmethod
    def fresh(email: str = "") -> StartForm:
        """An empty form with an operation of its own."""
        return StartForm(initial={"operation": uuid.uuid4(), "email": email})

    def clean_slug(self) -> str:
        slug = str(self.cleaned_data["slug"]).strip().lower()
        try:
            check_address(slug)
        except AddressRefused as error:
            raise forms.ValidationError([str(line) for line in error.fields["slug"]]) from None
        return slug

    def clean(self) -> dict[str, object]:
        given = super().clean() or {}
        password = given.get("password")
        if password:
            person = User(email=given.get("email", ""), name=given.get("firm", ""))
            try:
                validate_password(str(password), user=person)
            except forms.ValidationError as error:
                self.add_error("password", error)
        return given


class FindForm(forms.Form):
    """An address to send the list to."""

    email = forms.EmailField(label=_("E-mail"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"}))


class WorkspaceForm(forms.Form):
    """Which workspace a program is to work in."""

    address = forms.CharField(label=_("Address"), max_length=60, widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}))

    def clean_address(self) -> str:
        return str(self.cleaned_data["address"]).strip().lower().removesuffix(f".{settings.PUBLIC_HOST}")
