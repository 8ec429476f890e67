"""The application of the public site; it has no tables."""

from __future__ import annotations

from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "billing.site"
    label = "site"
