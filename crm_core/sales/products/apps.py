"""The application of the slice."""

from __future__ import annotations

from django.apps import AppConfig


class ProductsConfig(AppConfig):
    name = "crm_core.sales.products"
    label = "products"
