"""The application of the slice."""

from __future__ import annotations

from django.apps import AppConfig


class PipelinesConfig(AppConfig):
    name = "crm_core.sales.pipelines"
    label = "pipelines"
