"""The application of integrations; it stands in workspaces."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class IntegrationsConfig(AppConfig):
    name = "crm_platform.integrations"
    label = "integrations"
    verbose_name = "Integrations"

    def ready(self) -> None:
        from crm_platform.accounts.roles import SETTINGS
        from crm_platform.ui import places

        from . import services  # noqa: F401  # registers what becomes of a leaving person's grants

        behind = tuple(f"integration{name}" for name in ("", "-new", "-secret", "-token", "-revoke", "-undo"))
        page = places.SettingsPage(_("Integrations"), "plug-zap", "integrations", 45, right=SETTINGS.right("edit"), also=behind)
        places.register_settings(page)
