"""The application of held leads, in workspaces."""

from __future__ import annotations

from django.apps import AppConfig


class HeldConfig(AppConfig):
    name = "billing.held"
    label = "held"
    verbose_name = "Held leads"

    def ready(self) -> None:
        from . import services  # noqa: F401  # inline: apps load before models
