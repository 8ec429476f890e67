"""Start-up of the backbone: its relay is what the job server calls."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class EventsConfig(AppConfig):
    name = "crm_platform.events"
    label = "events"

    def ready(self) -> None:
        autodiscover_modules("handlers")
