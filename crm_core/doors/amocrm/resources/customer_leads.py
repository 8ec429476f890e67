"""Incoming leads put to customers. A lead becomes a deal or a contact here: of one put to a customer, whose it is is kept beside it."""

from __future__ import annotations

from collections.abc import Iterable

from crm_core.doors.amocrm import storing
from crm_core.doors.amocrm.models import Stored
from crm_core.doors.amocrm.records import kept_links
from crm_core.doors.amocrm.resources.customer_notes import NOTE
from crm_core.doors.amocrm.resources.customers import CUSTOMER
from crm_core.doors.amocrm.wire.fields import Item
from crm_core.sales.incoming import making, services
from crm_core.sales.incoming.models import IncomingLead, LeadState
from crm_core.sales.incoming.reading import name_of, reach_of
from crm_platform.kernel.permissions import Actor

CUSTOMERS = "customers"
# `parent_id` is the incoming lead.
KIND = "customer_lead"


def link(actor: Actor, uid: str, customer: int, *, contact_id: int | None) -> IncomingLead:
    """Put a lead to a customer: its words as a note there, its person (`contact_id`) among the customer's contacts. Raises NotFound for a lead, a customer or a contact that is not seen."""
    storing.get(actor, CUSTOMER, customer)
    lead = services.link_beyond(actor, uid, entity=CUSTOMER, pk=customer, contact_id=contact_id)
    words = "\n".join(filter(None, (_who(lead), making.words_of(lead))))
    if words:
        storing.add(actor, NOTE, [{"body": {"note_type": "common", "params": {"text": words}}}], parent_id=customer)
    if contact_id is not None:
        kept_links.apply(actor, "contacts", contact_id, CUSTOMERS, customer, Item({}), away=False)
    Stored.objects.create(kind=KIND, parent_id=lead.pk, body={"customer_id": customer}, created_by=actor.user_id)
    return lead


def _who(lead: IncomingLead) -> str:
    """Its person, with numbers and addresses: a customer has no other place for them."""
    given = (lead.contents.get("contacts") or [{}])[0]
    return ", ".join(filter(None, (name_of(given), *(text for rows in reach_of(given) for text in rows))))


def of(lead: IncomingLead) -> int | None:
    """The customer to whom a lead was put; None where it was put to none."""
    return of_many([lead]).get(lead.pk)


def of_many(leads: Iterable[IncomingLead]) -> dict[int, int]:
    """The customers to whom leads were put, by lead: one statement, and none where each became something of ours."""
    asked = [lead.pk for lead in leads if lead.state == LeadState.LINKED and lead.deal_id is None]
    rows = Stored.objects.filter(kind=KIND, parent_id__in=asked, deleted_at=None).order_by("-pk")
    return {row.parent_id: row.body["customer_id"] for row in rows if row.parent_id is not None} if asked else {}
