"""The application inside workspaces; it answers what the firm chose."""

from __future__ import annotations

from django.apps import AppConfig


class InsideConfig(AppConfig):
    name = "tenants.inside"
    label = "inside"
    verbose_name = "The workspace itself"

    def ready(self) -> None:
        from crm_platform.kernel import preferences  # inline: apps load before models

        from . import services  # inline: apps load before models

        preferences.answer(services.chosen)
