"""The application of examples; it has no tables."""

from __future__ import annotations

from django.apps import AppConfig


class ExamplesConfig(AppConfig):
    name = "crm_core.insights.examples"
    label = "examples"
