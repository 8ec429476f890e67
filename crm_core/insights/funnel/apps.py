"""The application of the slice; it has no tables."""

from __future__ import annotations

from django.apps import AppConfig


class FunnelConfig(AppConfig):
    name = "crm_core.insights.funnel"
    label = "funnel"
