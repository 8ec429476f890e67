"""The application of the platform's figures, on the control side."""

from __future__ import annotations

from django.apps import AppConfig


class ReportsConfig(AppConfig):
    name = "billing.reports"
    label = "reports"

    def ready(self) -> None:
        from tenants import scheduler  # inline: apps load before models

        from . import claimed, daily, tasks  # noqa: F401  # inline: apps load before models

        scheduler.also(600.0, daily.ask)
