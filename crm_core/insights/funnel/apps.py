"""Start-up of the funnel."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class FunnelConfig(AppConfig):
    name = "crm_core.insights.funnel"
    label = "funnel"

    def ready(self) -> None:
        from crm_platform.ui import places  # inline: apps load before models

        from .permissions import NUMBERS  # inline: apps load before models

        places.register(places.Place("funnel", _("Numbers"), "chart-no-axes-column", "funnel", 60, right=NUMBERS.VIEW))
