"""Start-up of custom fields."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CustomFieldsConfig(AppConfig):
    name = "crm_core.groundwork.custom_fields"
    label = "custom_fields"

    def ready(self) -> None:
        from billing.metering.proof import truth  # inline: apps load before models
        from crm_platform.accounts.roles import SETTINGS  # inline: apps load before models
        from crm_platform.ui import places  # inline: apps load before models

        from .models import CustomField  # inline: apps load before models

        places.register_settings(places.SettingsPage(_("Fields"), "text-cursor-input", "fields", 51, right=SETTINGS.right("edit")))
        places.register_settings(places.SettingsPage(_("Journal"), "history", "journal", 60, right=SETTINGS.right("edit")))
        places.register_settings(places.SettingsPage(_("The bin"), "trash-2", "bin", 61))
        for entity in ("contact", "company", "deal", "product"):
            truth(f"fields.{entity}")(CustomField.objects.filter(entity=entity, archived_at=None).count)
