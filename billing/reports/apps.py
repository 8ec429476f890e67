"""The application of the platform's figures, on the control side."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ReportsConfig(AppConfig):
    name = "billing.reports"
    label = "reports"

    def ready(self) -> None:
        from crm_platform.ui import console  # inline: apps load before models
        from tenants import scheduler  # inline: apps load before models

        from . import claimed, daily, tasks  # noqa: F401  # inline: apps load before models

        scheduler.also(600.0, daily.ask)
        console.register(console.ConsolePage(_("Revenue"), "chart-no-axes-column", "reports", 40, also=("reports-cohorts", "reports-moves"), phone=True))
