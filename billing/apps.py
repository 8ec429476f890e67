"""The application of plans and subscriptions, on the control side."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BillingConfig(AppConfig):
    name = "billing"
    label = "billing"

    def ready(self) -> None:
        from crm_platform.accounts.roles import SETTINGS
        from crm_platform.ui import places
        from tenants import scheduler

        from . import claimed, rights, tasks, views  # noqa: F401
        from .subscribing import settling  # noqa: F401

        scheduler.also(tasks.EVERY, tasks.ask)
        places.answer_notice(views.trial_days_left)
        places.register_settings(places.SettingsPage(_("Plan and usage"), "gauge", "plan", 40, right=SETTINGS.right("edit")))
