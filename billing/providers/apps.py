"""The application of the payment providers, on the control side."""

from __future__ import annotations

from django.apps import AppConfig


class ProvidersConfig(AppConfig):
    name = "billing.providers"
    label = "providers"

    def ready(self) -> None:
        from tenants import scheduler  # inline: apps load before models

        from . import stripe_adapter, sweeping  # inline: apps load before models

        stripe_adapter.register()
        scheduler.also(sweeping.EVERY, sweeping.ask)
