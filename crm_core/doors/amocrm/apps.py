"""The application of the open API's door."""

from __future__ import annotations

from django.apps import AppConfig


class AmocrmConfig(AppConfig):
    name = "crm_core.doors.amocrm"
    label = "amocrm"
    verbose_name = "Open API"

    def ready(self) -> None:
        from crm_platform.kernel.http import errors  # inline: apps load before what they use

        from . import returned, understood  # noqa: F401  # inline: apps load before models
        from .wire import problems

        for beginning in ("/api/v4/", "/api/v2/", "/v1.0/"):
            errors.draw_under(beginning, problems.draw)
