"""The application of plans and subscriptions, on the control side."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BillingConfig(AppConfig):
    name = "billing"
    label = "billing"

    def ready(self) -> None:
        from crm_platform.accounts.roles import SETTINGS  # inline: apps load before models
        from crm_platform.ui import places  # inline: apps load before models

        from . import claimed, rights, views  # noqa: F401  # inline: apps load before models
        from .subscribing import settling  # noqa: F401  # inline: apps load before models

        places.answer_notice(views.trial_days_left)
        places.register_settings(places.SettingsPage(_("Plan and usage"), "gauge", "plan", 40, right=SETTINGS.right("edit")))
