"""The application of plans and subscriptions, on the control side."""

from __future__ import annotations

from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"
    label = "billing"

    def ready(self) -> None:
        from crm_platform.ui import places  # inline: apps load before models

        from . import claimed, rights, views  # noqa: F401  # inline: apps load before models
        from .subscribing import settling  # noqa: F401  # inline: apps load before models

        places.answer_notice(views.trial_days_left)
