"""The application of the slice."""

from __future__ import annotations

from django.apps import AppConfig


class SavedViewsConfig(AppConfig):
    name = "crm_core.groundwork.saved_views"
    label = "saved_views"
