"""The operators' pages of billing."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ConsoleConfig(AppConfig):
    name = "billing.console"
    label = "console"

    def ready(self) -> None:
        from crm_platform.ui import console  # inline: apps load before models

        from . import queries, queues, transfers  # inline: apps load before models

        for page in (
            console.ConsolePage(_("Overview"), "gauge", "console-home", 10, phone=True),
            console.ConsolePage(_("Workspaces"), "layers", "console-workspaces", 20, also=("console-workspace",), phone=True),
            console.ConsolePage(_("Unpaid"), "alarm-clock", "console-unpaid", 30, count=queries.unpaid_count, phone=True),
            console.ConsolePage(_("Transfers"), "receipt", "console-transfers", 42, also=("console-transfer-line", "console-payments", "console-transfer"), count=transfers.waiting_count),
            console.ConsolePage(_("Refunds"), "reply", "console-refunds", 44, also=("console-refund",), count=queues.waiting_count),
            console.ConsolePage(_("Payment events"), "inbox", "console-events", 46, count=queues.dead_count),
            console.ConsolePage(_("Differences"), "arrow-right-left", "console-drift", 48, count=queues.drift_count),
            console.ConsolePage(_("Plans"), "tag", "console-plans", 50, also=("console-plan", "console-plan-new", "console-add-on", "console-add-on-new")),
            console.ConsolePage(_("Coupons"), "banknote", "console-coupons", 60),
            console.ConsolePage(_("Who did what"), "scroll-text", "console-journal", 80),
            console.ConsolePage(_("Operators"), "users", "operators", 90),
        ):
            console.register(page)
