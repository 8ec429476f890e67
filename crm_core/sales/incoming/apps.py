"""Start-up of incoming leads: their place in the rail, their settings, what is opened after it was held."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class IncomingConfig(AppConfig):
    name = "crm_core.sales.incoming"
    label = "incoming"

    def ready(self) -> None:
        from billing.held import services as held  # inline: apps load before models
        from billing.metering.proof import truth  # inline: apps load before models
        from crm_platform.accounts import handover  # inline: apps load before models
        from crm_platform.accounts.roles import SETTINGS  # inline: apps load before models
        from crm_platform.letters import arriving  # inline: apps load before models
        from crm_platform.ui import places  # inline: apps load before models
        from webhooks.inbound import sources as inbound  # inline: apps load before models

        from . import mail, queries, routing, shelving, taking  # noqa: F401  # inline: apps load before models
        from .models import LeadSource, SourceKind  # inline: apps load before models
        from .permissions import INCOMING  # inline: apps load before models

        truth("forms")(lambda: LeadSource.objects.filter(kind=SourceKind.FORM, archived_at=None).count())

        places.register(places.Place("unsorted", _("Unsorted"), "inbox", "unsorted", 15, right=INCOMING.VIEW, count=queries.in_rail, phone=True))
        also = ("lead-form", "lead-form-field", "lead-form-words", "lead-source", "lead-source-add", "lead-source-lines", "lead-rule-add", "lead-rule")
        places.register_settings(places.SettingsPage(_("Sources of leads"), "radio-tower", "lead-sources", 55, right=SETTINGS.right("edit"), also=also))
        held.on_open(taking.opened)
        inbound.register(mail.SOURCE)
        arriving.answer(mail.arrived)
        handover.register(handover.Handover(_("Unsorted leads"), routing.waiting_count, routing.hand_over))
