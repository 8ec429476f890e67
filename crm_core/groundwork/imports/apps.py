"""The application of the slice."""

from __future__ import annotations

from django.apps import AppConfig


class ImportsConfig(AppConfig):
    name = "crm_core.groundwork.imports"
    label = "imports"
