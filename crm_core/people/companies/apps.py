"""The application of the slice."""

from __future__ import annotations

from django.apps import AppConfig


class CompaniesConfig(AppConfig):
    name = "crm_core.people.companies"
    label = "companies"
