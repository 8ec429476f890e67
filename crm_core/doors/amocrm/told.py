"""The records that events are about, read in bulk: what both ways of writing webhooks draw from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.apps import apps
from django.db.models import Model

from crm_core.doors.amocrm.models import Stored
from crm_core.doors.amocrm.resources import customer_leads, customer_tasks
from crm_core.engagement.notes.models import Note
from crm_core.engagement.tasks.models import Task
from crm_core.people.companies.models import Company
from crm_core.people.contacts.models import Contact, Employment
from crm_core.sales.deals.models import Deal, DealContact
from crm_core.sales.incoming.queries import firms_of
from crm_platform.events.models import Event

_MODELS: dict[str, type[Model]] = {"deal": Deal, "contact": Contact, "company": Company, "note": Note, "task": Task, **dict.fromkeys(("customer", "customer_note", "talk", "element"), Stored)}


class Records:
    """What some events are about, by (entity, id); one statement for each kind that occurs."""

    def __init__(self, events: Iterable[Event]) -> None:
        wanted: dict[str, set[int]] = {}
        for event in events:
            if event.record_id is not None:
                wanted.setdefault(event.entity, set()).add(event.record_id)
        self._found: dict[tuple[str, int], Any] = {}
        for entity, pks in wanted.items():
            model = _model(entity)
            if model is not None:
                rows = model._default_manager.filter(pk__in=pks)
                self._found |= {(entity, row.pk): row for row in (rows.select_related("source") if entity == "incoming" else rows)}
        contacts = wanted.get("contact", set())
        self.companies = {link.contact_id: link.company for link in Employment.objects.filter(contact__in=contacts, main=True).select_related("company")} if contacts else {}
        self.leads = _linked("contact_id", "deal_id", DealContact.objects.filter(contact__in=contacts)) if contacts else {}
        tasks = [row for (entity, _pk), row in self._found.items() if entity == "task"]
        self.customers = customer_tasks.of_tasks(tasks)
        incoming = [row for (entity, _pk), row in self._found.items() if entity == "incoming"]
        self.firms, self.put_to = firms_of(incoming), customer_leads.of_many(incoming)
        deals = wanted.get("deal", set())
        self.contacts = _linked("deal_id", "contact_id", DealContact.objects.filter(deal__in=deals).order_by("-main", "id")) if deals else {}

    def of(self, event: Event) -> Any | None:
        """The record of an event as it stands now; None where it is gone for good."""
        return self._found.get((event.entity, event.record_id or 0))


def _model(entity: str) -> type[Model] | None:
    if entity == "incoming" and apps.is_installed("crm_core.sales.incoming"):
        return apps.get_app_config("incoming").get_model("IncomingLead")
    return _MODELS.get(entity)


def _linked(key: str, value: str, rows: Any) -> dict[int, Sequence[int]]:
    found: dict[int, list[int]] = {}
    for owner, linked in rows.values_list(key, value):
        found.setdefault(owner, []).append(linked)
    return dict(found)
