"""The application of the slice; it has no tables."""

from __future__ import annotations

from django.apps import AppConfig


class BinConfig(AppConfig):
    name = "crm_core.groundwork.bin"
    label = "bin"

    def ready(self) -> None:
        from . import claimed  # noqa: F401  # inline: apps load before models
