"""Start-up: jobs answers the port for long work and wakes the relay."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class JobsConfig(AppConfig):
    name = "crm_platform.jobs"
    label = "jobs"

    def ready(self) -> None:
        from crm_platform.events import backbone  # inline: apps load before models
        from crm_platform.kernel import jobs  # inline: apps load before models

        from . import broker, rows  # inline: apps load before models

        broker.configure()
        jobs.answer(rows.later)
        backbone.answer_wake(rows.wake_after_commit)
        autodiscover_modules("tasks")
