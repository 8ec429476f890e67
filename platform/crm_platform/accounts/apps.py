"""The application of people; it stands on both sides."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "crm_platform.accounts"
    label = "accounts"
    verbose_name = "People"

    def ready(self) -> None:
        from crm_platform.ui import places  # inline: apps load before models

        from . import roles  # inline: apps load before models

        view = roles.PEOPLE.right("view")
        for page in (
            places.SettingsPage(_("My profile"), "user", "profile", 10),
            places.SettingsPage(_("Two-factor"), "shield-check", "mfa_index", 11),
            places.SettingsPage(_("Sessions"), "activity", "usersessions_list", 12),
            places.SettingsPage(_("Tokens"), "key-round", "tokens", 13),
            places.SettingsPage(_("People"), "users", "people", 20, right=view, also=("people-invite", "person", "person-give-access", "person-deactivate")),
            places.SettingsPage(_("Roles"), "lock", "roles", 21, right=view),
        ):
            places.register_settings(page)
