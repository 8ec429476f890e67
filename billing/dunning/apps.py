"""The application of reminders, on the control side."""

from __future__ import annotations

from django.apps import AppConfig


class DunningConfig(AppConfig):
    name = "billing.dunning"
    label = "dunning"
    verbose_name = "Reminders and their end"

    def ready(self) -> None:
        from billing import ports, telling  # inline: apps load before models
        from tenants import keeper, scheduler  # inline: apps load before models
        from tenants.lifecycle import erasing as lifecycle  # inline: apps load before models

        from . import bills, departing, erasing, letters, parting, walking  # inline: apps load before models

        ports.told.answer(telling.tell)
        ports.untold.answer(telling.untold)
        ports.retold.answer(telling.tell_anew)
        letters.answer_bill(bills.open_bill)
        scheduler.also(5.0, walking.wake)
        scheduler.also(600.0, walking.take_up)
        scheduler.also(600.0, parting.take_up)
        scheduler.also(60.0, departing.take_up)
        keeper.also(erasing.now_and_then)
        lifecycle.before_dropping(parting.parted)
