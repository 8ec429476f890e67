"""The application of paying by transfer, on the control side."""

from __future__ import annotations

from django.apps import AppConfig


class ManualInvoiceConfig(AppConfig):
    name = "billing.providers.manual_invoice"
    label = "manual_invoice"

    def ready(self) -> None:
        from billing.providers import registry  # inline: apps load before models
        from tenants import scheduler  # inline: apps load before models

        from . import adapter, credit, renewing  # noqa: F401 (answers ports)  # inline: apps load before models

        registry.register(adapter.CODE, adapter.make)
        scheduler.also(renewing.EVERY, renewing.ask)
        scheduler.also(2.0, renewing.ask_when_moved)
