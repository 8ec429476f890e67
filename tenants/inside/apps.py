"""The application inside workspaces; it answers what the firm chose."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class InsideConfig(AppConfig):
    name = "tenants.inside"
    label = "inside"
    verbose_name = "The workspace itself"

    def ready(self) -> None:
        from crm_platform.accounts.roles import SETTINGS  # inline: apps load before models
        from crm_platform.kernel import preferences  # inline: apps load before models
        from crm_platform.ui import places  # inline: apps load before models

        from . import claimed, services  # noqa: F401  # inline: apps load before models

        preferences.answer(services.chosen)
        places.register_settings(places.SettingsPage(_("The firm"), "building-2", "firm", 30, right=SETTINGS.right("edit")))
