"""The application of notes."""

from __future__ import annotations

from django.apps import AppConfig


class NotesConfig(AppConfig):
    name = "crm_core.engagement.notes"
    label = "notes"

    def ready(self) -> None:
        from . import undoing  # noqa: F401  # inline: apps load before models
