"""The application of the payment providers, on the control side."""

from __future__ import annotations

from django.apps import AppConfig


class ProvidersConfig(AppConfig):
    name = "billing.providers"
    label = "providers"

    def ready(self) -> None:
        from tenants import scheduler  # inline: apps load before models

        from . import sweeping  # inline: apps load before models

        scheduler.also(sweeping.EVERY, sweeping.ask)
