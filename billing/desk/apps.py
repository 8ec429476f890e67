"""The application of the administrator's pages of plan and payment; it has no tables."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

_BEHIND = (
    "plan-choose", "plan-change", "plan-checkout", "plan-return", "plan-compare", "plan-cancel", "plan-pause", "plan-seats", "plan-seats-change", "plan-seats-stay",
    "plan-seats-kinds", "plan-seat",
    "plan-invoices", "plan-payers", "plan-payer", "plan-payer-add", "plan-rules",
)  # fmt: skip


class DeskConfig(AppConfig):
    name = "billing.desk"
    label = "desk"

    def ready(self) -> None:
        from billing.rights import BILLING  # inline: apps load before models
        from crm_platform.ui import places  # inline: apps load before models

        places.register_settings(places.SettingsPage(_("Plan and payment"), "gauge", "plan", 40, right=BILLING.right("view"), also=_BEHIND))
