"""Start-up of pipelines: each new firm gets one."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PipelinesConfig(AppConfig):
    name = "crm_core.sales.pipelines"
    label = "pipelines"

    def ready(self) -> None:
        from billing.metering.proof import truth  # inline: apps load before models
        from crm_platform.accounts.roles import SETTINGS  # inline: apps load before models
        from crm_platform.ui import places  # inline: apps load before models

        from . import claimed  # noqa: F401  # inline: apps load before models
        from .models import Pipeline  # inline: apps load before models

        places.register_settings(places.SettingsPage(_("Pipelines"), "square-kanban", "pipelines", 50, right=SETTINGS.right("edit")))
        truth("pipelines")(lambda: Pipeline.objects.filter(archived_at=None).count())
