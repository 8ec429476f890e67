"""The application inside workspaces."""

from __future__ import annotations

from django.apps import AppConfig


class InsideConfig(AppConfig):
    name = "tenants.inside"
    label = "inside"
    verbose_name = "The workspace itself"
