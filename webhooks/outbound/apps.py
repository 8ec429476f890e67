"""The application: it follows the workspace's events, and stands among the settings."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class OutboundConfig(AppConfig):
    name = "webhooks.outbound"
    label = "outbound"
    verbose_name = "Webhooks out"

    def ready(self) -> None:
        from crm_platform.events import backbone  # inline: apps load before models
        from crm_platform.ui import places  # inline: apps load before models

        from . import gathering, permissions, queries  # inline: apps load before models

        backbone.follow(backbone.Follower(wants=queries.wanted_events, alone=gathering.alone, take=gathering.take))
        places.register_settings(places.SettingsPage(_("Webhooks"), "radio-tower", "hooks", 62, right=permissions.HOOKS.right("edit"), also=("hook", "hook-add", "hook-delivery", "hook-replay")))
        autodiscover_modules("outgoing")
