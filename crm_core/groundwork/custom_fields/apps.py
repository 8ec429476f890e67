"""The application of the slice."""

from __future__ import annotations

from django.apps import AppConfig


class CustomFieldsConfig(AppConfig):
    name = "crm_core.groundwork.custom_fields"
    label = "custom_fields"
