"""The application of the design system; it has no tables."""

from __future__ import annotations

from django.apps import AppConfig


class UiConfig(AppConfig):
    name = "crm_platform.ui"
    label = "ui"
