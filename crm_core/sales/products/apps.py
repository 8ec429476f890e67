"""Start-up of products."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ProductsConfig(AppConfig):
    name = "crm_core.sales.products"
    label = "products"

    def ready(self) -> None:
        from crm_platform.ui import places  # inline: apps load before models

        from . import desk, exporting, importing  # noqa: F401  # inline: apps load before models
        from .permissions import PRODUCTS  # inline: apps load before models

        places.register(places.Place("products", _("Products"), "package", "products", 50, right=PRODUCTS.VIEW))
