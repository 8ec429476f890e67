"""The application of letters; it stands on both sides."""

from __future__ import annotations

from django.apps import AppConfig


class LettersConfig(AppConfig):
    name = "crm_platform.letters"
    label = "letters"
