"""Start-up of deals: their place in the rail, their next step, handing over, what other cards show of them."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DealsConfig(AppConfig):
    name = "crm_core.sales.deals"
    label = "deals"

    def ready(self) -> None:
        from billing.metering.proof import truth  # inline: apps load before models
        from crm_core.engagement.tasks import services as tasks  # inline: apps load before models
        from crm_core.people.companies.desk import adds  # inline: apps load before models
        from crm_core.sales.pipelines import choosing  # inline: apps load before models
        from crm_core.sales.pipelines import services as pipelines  # inline: apps load before models
        from crm_platform.accounts import handover  # inline: apps load before models
        from crm_platform.kernel import permissions  # inline: apps load before models
        from crm_platform.ui import places  # inline: apps load before models

        from . import exporting, importing, queries, services, undoing  # noqa: F401  # inline: apps load before models
        from .models import Deal  # inline: apps load before models
        from .permissions import DEALS  # inline: apps load before models

        places.register(places.Place("deals", _("Deals"), "square-kanban", "board-first", 20, right=DEALS.VIEW, phone=True))
        tasks.follow("deal", services.keep_next_step)
        handover.register(handover.Handover(_("Open deals"), services.open_count, services.hand_over))
        pipelines.answer_deals(count=services.count_in, move=services.move_all)
        choosing.answer_stands(queries.stands_any)
        truth("deals_open")(lambda: Deal.objects.filter(binned_at=None, state="open").count())
        adds(lambda request, entity, pk: {"deals": queries.of_record(request.actor, entity, pk), "may_deal": permissions.may(request.actor, DEALS.CREATE)})
