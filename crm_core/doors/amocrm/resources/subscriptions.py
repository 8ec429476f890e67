"""Who is told of what happens on a record: the person responsible for it."""

from __future__ import annotations

from django.http import HttpResponse

from crm_core.doors.amocrm import storing
from crm_core.doors.amocrm.records import collections
from crm_core.doors.amocrm.wire import answers
from crm_core.doors.amocrm.wire.asking import Asked
from crm_core.groundwork.records import writing


def index(asked: Asked, plural: str, pk: int) -> HttpResponse:
    """The subscribers of a record."""
    if plural == "customers":
        person = storing.get(asked.actor, "customer", pk).body.get("responsible_user_id")
    else:
        person = writing.get(asked.actor, collections.find(plural).kind, pk).responsible_id
    found = [{"subscriber_id": person, "type": "user"}] if person else []
    return answers.page(asked, "subscriptions", found, counts={"_total_items": len(found), "_page_count": 1})
