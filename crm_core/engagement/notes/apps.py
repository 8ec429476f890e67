"""The application of notes."""

from __future__ import annotations

from django.apps import AppConfig


class NotesConfig(AppConfig):
    name = "crm_core.engagement.notes"
    label = "notes"
