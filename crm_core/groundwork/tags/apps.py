"""The application of the slice."""

from __future__ import annotations

from django.apps import AppConfig


class TagsConfig(AppConfig):
    name = "crm_core.groundwork.tags"
    label = "tags"
