"""Start-up of tasks: their place in the rail, and handing over."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TasksConfig(AppConfig):
    name = "crm_core.engagement.tasks"
    label = "tasks"

    def ready(self) -> None:
        from crm_platform.accounts import handover  # inline: apps load before models
        from crm_platform.ui import places  # inline: apps load before models

        from . import services  # inline: apps load before models
        from .permissions import TASKS  # inline: apps load before models

        handover.register(handover.Handover(_("Open tasks"), services.open_count, services.hand_over))
        places.register(
            places.Place("day", _("My day"), "calendar-check-2", "day", 10, right=TASKS.VIEW, count=lambda actor: (services.overdue(actor), True), phone=True)
        )
