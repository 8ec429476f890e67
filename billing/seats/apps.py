"""Start-up: seats answer who sits where."""

from __future__ import annotations

from django.apps import AppConfig


class SeatsConfig(AppConfig):
    name = "billing.seats"
    label = "seats"

    def ready(self) -> None:
        from django.contrib.auth.signals import user_logged_out

        from crm_platform.kernel import seating

        from . import admitting

        seating.answer(admitting.Seats())
        user_logged_out.connect(admitting.left, dispatch_uid="billing.seats.left")
