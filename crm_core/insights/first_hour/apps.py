"""Start-up of the first hour: its list stands beside the board; its page among the settings brings it back."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class FirstHourConfig(AppConfig):
    name = "crm_core.insights.first_hour"
    label = "first_hour"

    def ready(self) -> None:
        from crm_core.sales.deals import beginning  # inline: apps load before models
        from crm_platform.accounts.roles import SETTINGS  # inline: apps load before models
        from crm_platform.ui import places  # inline: apps load before models

        from . import drawing  # inline: apps load before models

        beginning.answer_beside(drawing.beside)
        places.register_settings(places.SettingsPage(_("First hour"), "rocket", "first-hour", 32, right=SETTINGS.right("edit")))
