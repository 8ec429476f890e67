"""POST /api/v2/events: a telephone is ringing. Kept and announced with whose number it is, so that whoever shows it (our pages, a widget, a program) hears of it."""

from __future__ import annotations

import secrets
from typing import Any

from django.http import HttpResponse

from crm_core.doors.amocrm import storing
from crm_core.doors.amocrm.records import collections
from crm_core.doors.amocrm.resources.calls import whose
from crm_core.doors.amocrm.shelves import reading
from crm_core.doors.amocrm.wire import answers
from crm_core.doors.amocrm.wire.asking import Asked
from crm_core.doors.amocrm.wire.fields import Item, settle
from crm_core.sales.deals.models import DealContact
from crm_core.sales.deals.permissions import DEALS
from crm_core.sales.incoming import ringing as calling
from crm_core.sales.pipelines.models import StageKind
from crm_platform.accounts import directory
from crm_platform.kernel.permissions import Actor, reach

KIND, TYPE, MOST = "phone_call", "phone_call", 50
# Kinds of records by their numbers, as the API before named them.
_NUMBERS = {"contacts": 1, "leads": 2, "companies": 3}


def ring(asked: Asked) -> HttpResponse:
    """Say that a call is under way: `{"add": [{"type": "phone_call", "phone_number", "users"}]}`. Whose number it is comes back; null where nobody has it.

    The call is kept, told by the change feed, and shown in a corner of the screen to those it names in `users`, until it is over.
    """
    whole = Item(asked.item)
    items = whole.each("add")
    if not 0 < len(items) <= MOST:
        whole.fault("add", f"This collection should contain 1 to {MOST} elements.", code="OutOfRange")
    wanted = [_read(asked.actor, item) for item in items]
    settle([whole])
    rows = storing.add(asked.actor, KIND, [{"body": body} for body in wanted])
    for row in rows:
        calling.ring(row.body["users"], row.body["phone_number"], uid=row.body["uid"])
    told = [{name: row.body[name] for name in ("element_id", "element_type", "uid", "phone_number")} for row in rows]
    return answers.told({"_links": {"self": {"href": asked.request.path, "method": "post"}}, "_embedded": {"items": told}})


def _read(actor: Actor, item: Item) -> dict[str, Any]:
    reading.choice(TYPE)(item, "type")
    reading.needed(item, ["type", "phone_number"])
    phone, people = item.text("phone_number", most=60), {str(pk): pk for pk in directory.everyone()}
    users = [people[str(one)] for one in item.listed("users") if str(one) in people]
    found = _shown(actor, phone) if phone else None
    plural, pk = found or (None, None)
    return {"phone_number": phone, "users": users, "uid": secrets.token_hex(16), "element_id": pk, "element_type": _NUMBERS[plural] if plural else None}


def _shown(actor: Actor, phone: str) -> tuple[str, int] | None:
    """What is shown of whoever calls: the one deal that is open, else the contact or the company."""
    found = whose(actor, phone)
    if found is None:
        return None
    collection, record = found
    if collection is collections.CONTACTS:
        links = DealContact.objects.filter(reach(actor, DEALS.VIEW, path="deal__responsible"), contact=record.pk, deal__binned_at=None, deal__state=StageKind.OPEN)
        deals = list(links.values_list("deal_id", flat=True)[:2])
        if len(deals) == 1:
            return "leads", deals[0]
    return collection.plural, record.pk
