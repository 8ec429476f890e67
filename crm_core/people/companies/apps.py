"""Start-up of companies."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CompaniesConfig(AppConfig):
    name = "crm_core.people.companies"
    label = "companies"

    def ready(self) -> None:
        from crm_platform.ui import places  # inline: apps load before models

        from . import desk, exporting, importing, shelving  # noqa: F401  # inline: apps load before models
        from .permissions import COMPANIES  # inline: apps load before models

        places.register(places.Place("companies", _("Companies"), "building-2", "companies", 40, right=COMPANIES.VIEW))
