"""The application of the slice."""

from __future__ import annotations

from django.apps import AppConfig


class SearchConfig(AppConfig):
    name = "crm_core.groundwork.search"
    label = "search"
