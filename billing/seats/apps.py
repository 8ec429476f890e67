"""Start-up: seats answer who sits where."""

from __future__ import annotations

from django.apps import AppConfig


class SeatsConfig(AppConfig):
    name = "billing.seats"
    label = "seats"

    def ready(self) -> None:
        from django.contrib.auth.signals import user_logged_in, user_logged_out

        from crm_platform.kernel import seating

        from . import admitting, asking

        seating.answer(admitting.Seats())
        user_logged_in.connect(asking.entered, dispatch_uid="billing.seats.entered")
        user_logged_out.connect(admitting.left, dispatch_uid="billing.seats.left")
