"""The application of the slice; it has no tables."""

from __future__ import annotations

from django.apps import AppConfig


class ExportsConfig(AppConfig):
    name = "crm_core.groundwork.exports"
    label = "exports"
