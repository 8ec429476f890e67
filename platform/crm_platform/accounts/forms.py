"""Forms of people: they read what was typed; the rules are the services'."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from crm_platform.kernel.permissions import Actor

from . import directory, roles
from .models import Group, Role, User


class ProfileForm(forms.Form):
    """A person's own words."""

    name = forms.CharField(label=_("Name"), max_length=200)
    position = forms.CharField(label=_("Position"), max_length=200, required=False)
    phone = forms.CharField(label=_("Phone"), max_length=40, required=False)
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)
    theme = forms.ChoiceField(label=_("Light or dark"), choices=[("system", _("As the device")), ("light", _("Light")), ("dark", _("Dark"))])


def role_choices(actor: Actor, *, held: int | None = None) -> list[tuple[int, str]]:
    """The roles this person may give, and the one that is `held` already: only an owner makes owners."""
    return [(role.pk, roles.label_of(role)) for role in Role.objects.all() if role.code != roles.OWNER or actor.role == roles.OWNER or role.pk == held]


class _PlaceForm(forms.Form):
    role = forms.TypedChoiceField(label=_("Role"), coerce=int)
    group = forms.TypedChoiceField(label=_("Group"), coerce=int, empty_value=None, required=False)

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = role_choices(actor, held=self.initial.get("role"))  # type: ignore[attr-defined]
        self.fields["group"].choices = [("", _("No group")), *((group.pk, group.name) for group in Group.objects.all())]  # type: ignore[attr-defined]


class InviteForm(_PlaceForm):
    """Ten addresses at once."""

    emails = forms.CharField(
        label=_("E-mail addresses"), widget=forms.Textarea(attrs={"rows": 4}), help_text=_("One a line, or parted by commas; up to ten at once.")
    )
    field_order = ["emails", "role", "group"]

    def addresses(self) -> list[str]:
        """What was typed, apart."""
        return [word for word in self.cleaned_data["emails"].replace(",", " ").replace(";", " ").split() if word]


class PersonForm(_PlaceForm):
    """Role and group of a person."""


class GiveAccessForm(forms.Form):
    """An address for someone who stands in the list without access."""

    email = forms.EmailField(label=_("E-mail"))
    role = forms.TypedChoiceField(label=_("Role"), coerce=int)

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = role_choices(actor, held=self.initial.get("role"))  # type: ignore[attr-defined]


class DeactivateForm(forms.Form):
    """Who takes over."""

    to = forms.TypedChoiceField(label=_("Open work goes to"), coerce=int, empty_value=None, required=False)

    def __init__(self, *args: Any, leaving: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        others = [(pk, name) for pk, name in directory.choices() if pk != leaving.pk]
        self.fields["to"].choices = [("", _("Choose a colleague")), *others]  # type: ignore[attr-defined]


class JoinForm(forms.Form):
    """An invited person's first step."""

    name = forms.CharField(label=_("Your name"), max_length=200, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    password = forms.CharField(
        label=_("Password"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}), help_text=_("At least 10 characters; a short sentence is good.")
    )


class TokenForm(forms.Form):
    """A new token."""

    name = forms.CharField(label=_("What it is for"), max_length=120)
    days = forms.TypedChoiceField(label=_("It lives for"), coerce=int, choices=[(1, _("1 day")), (30, _("30 days")), (365, _("1 year")), (5 * 365, _("5 years"))], initial=365, required=False)


class GroupForm(forms.Form):
    """A new group."""

    name = forms.CharField(label=_("Name of the group"), max_length=120)
