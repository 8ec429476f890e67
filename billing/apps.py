"""The application of plans and subscriptions, on the control side."""

from __future__ import annotations

from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"
    label = "billing"

    def ready(self) -> None:
        from crm_platform.ui import places
        from tenants import scheduler

        from . import claimed, rights, tasks, views  # noqa: F401
        from .subscribing import settling  # noqa: F401

        scheduler.also(tasks.EVERY, tasks.ask)
        places.answer_notice(views.trial_days_left)
