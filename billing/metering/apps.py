"""Start-up: metering answers the gates."""

from __future__ import annotations

from django.apps import AppConfig


class MeteringConfig(AppConfig):
    name = "billing.metering"
    label = "metering"

    def ready(self) -> None:
        from crm_platform.kernel import gates  # inline: apps load before models

        from . import answering, notices, proof, truths_of_people  # noqa: F401  # inline: apps load before models

        gates.answer(answering.Meter())
