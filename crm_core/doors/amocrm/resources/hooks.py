"""Subscriptions of webhooks, in amoCRM's words, on what tells events outwards."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from crm_core.doors.amocrm.resources.account import account_id
from crm_core.doors.amocrm.wire import answers
from crm_core.doors.amocrm.wire.asking import Asked
from crm_core.doors.amocrm.wire.fields import Item, seconds, settle
from webhooks.outbound import queries, services
from webhooks.outbound.models import Hook


def index(asked: Asked) -> HttpResponse:
    """All subscriptions; `filter[destination]` finds one."""
    rows = queries.hooks(asked.actor).order_by("sort", "id")
    wanted = asked.filters.get("destination")
    if isinstance(wanted, str):
        rows = rows.filter(destination=wanted)
    found = [_told(asked, hook) for hook in rows]
    return answers.all_of(asked, "webhooks", found) if found else answers.nothing()


def _told(asked: Asked, hook: Hook) -> dict[str, Any]:
    return {
        "id": hook.pk, "destination": hook.destination, "created_at": seconds(hook.created_at), "updated_at": seconds(hook.updated_at), "account_id": account_id(),
        "created_by": hook.created_by or 0, "sort": hook.sort, "disabled": hook.disabled_at is not None, "settings": hook.settings,
        "_links": answers.href(asked, "webhooks"),
    }  # fmt: skip


def subscribe(asked: Asked) -> HttpResponse:
    """Have a destination told of events; one that is there already gets these settings."""
    item = Item(asked.item)
    destination, sort = item.text("destination", most=1000), item.whole("sort", least=-(2**31), most=2**31 - 1)
    names = [str(name) for name in item.listed("settings")]
    if not destination:
        item.fault("destination", "This value should not be blank.", code="IsBlank")
    settle([item])
    with item.refused_here():
        hook = services.subscribe(asked.actor, destination, names, sort=sort)
    return answers.told(_told(asked, hook), status=201)


def unsubscribe(asked: Asked) -> HttpResponse:
    """Tell a destination nothing more."""
    item = Item(asked.item)
    destination = item.text("destination", most=1000)
    settle([item])
    services.unsubscribe(asked.actor, destination)
    return answers.nothing()
