"""The application of a workspace's life, on the control side; it answers how far people may go."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LifecycleConfig(AppConfig):
    name = "tenants.lifecycle"
    label = "lifecycle"
    verbose_name = "The life of workspaces"

    def ready(self) -> None:
        from crm_platform.kernel import access as port
        from crm_platform.ui import places

        from . import access, checking  # noqa: F401
        from .permissions import WORKSPACE

        port.answer(access.here)
        seen = WORKSPACE.right("view")
        places.register_settings(places.SettingsPage(_("Address"), "globe", "address", 32, right=seen))
        places.register_settings(places.SettingsPage(_("Leaving"), "log-out", "leaving", 90, right=seen))
