"""Start-up: tenants answers the port that opens workspaces."""

from __future__ import annotations

from django.apps import AppConfig


class TenantsConfig(AppConfig):
    name = "tenants"
    label = "tenants"
    verbose_name = "Workspaces"

    def ready(self) -> None:
        from crm_platform.jobs import rows  # inline: apps load before models
        from crm_platform.kernel import clock, workspace  # inline: apps load before models

        from . import health, opening, scheduler  # noqa: F401  # inline: apps load before models
        from .timing import services as timing  # inline: apps load before models

        workspace.answer(enter=opening.enter, unit=opening.unit)
        rows.answer_due(scheduler.note_due)
        if timing.may_move():
            clock.answer_offset(timing.ahead)
