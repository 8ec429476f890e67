"""The application of people; it stands on both sides."""

from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "crm_platform.accounts"
    label = "accounts"
    verbose_name = "People"
