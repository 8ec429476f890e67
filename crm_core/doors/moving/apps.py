"""The application of moves: its place among the settings, its jobs, its sentences."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MovingConfig(AppConfig):
    name = "crm_core.doors.moving"
    label = "moving"
    verbose_name = "Moves"

    def ready(self) -> None:
        from crm_platform.ui import places  # inline: apps load before models

        from . import handlers, returned, services  # noqa: F401  # inline: apps load before models

        also = ("move", "move-left", "move-verb")
        places.register_settings(places.SettingsPage(_("Move from amoCRM"), "package", "moves", 66, only=services.may_move, also=also))
