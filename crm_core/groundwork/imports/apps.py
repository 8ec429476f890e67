"""The application of the slice."""

from __future__ import annotations

from django.apps import AppConfig


class ImportsConfig(AppConfig):
    name = "crm_core.groundwork.imports"
    label = "imports"

    def ready(self) -> None:
        from . import leftovers, of_integrations, returned  # noqa: F401  # inline: apps load before models
