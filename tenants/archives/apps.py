"""Start-up of archives."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ArchivesConfig(AppConfig):
    name = "tenants.archives"
    label = "archives"
    verbose_name = "Archives"

    def ready(self) -> None:
        from crm_platform.ui import places  # inline: apps load before models

        from . import returning, services  # noqa: F401  # inline: apps load before models

        places.register_settings(places.SettingsPage(_("Archives"), "archive", "archives", 80, only=services.may))
