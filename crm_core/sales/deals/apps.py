"""The application of the slice."""

from __future__ import annotations

from django.apps import AppConfig


class DealsConfig(AppConfig):
    name = "crm_core.sales.deals"
    label = "deals"
