"""The application of test workspaces, on the control side."""

from __future__ import annotations

from django.apps import AppConfig


class SandboxesConfig(AppConfig):
    name = "tenants.sandboxes"
    label = "sandboxes"
    verbose_name = "Test workspaces"

    def ready(self) -> None:
        from tenants import scheduler

        from . import services

        scheduler.also(services.EVERY, services.end_due)
