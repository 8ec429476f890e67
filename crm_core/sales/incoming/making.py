"""A contact, a company, a deal and a note out of what a lead says."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from crm_core.engagement.notes import services as notes
from crm_core.groundwork.custom_fields import services as custom
from crm_core.groundwork.records import writing
from crm_core.groundwork.records.fields import read_decimal
from crm_core.groundwork.records.registry import Kind
from crm_core.people.companies import services as companies
from crm_core.people.contacts import services as contacts
from crm_core.people.contacts.kind import CONTACT
from crm_core.people.contacts.models import Contact
from crm_core.sales.deals import services as deals
from crm_core.sales.deals.kind import DEAL
from crm_core.sales.deals.models import Deal
from crm_core.sales.pipelines import queries as pipelines
from crm_platform.kernel import money, preferences
from crm_platform.kernel.errors import Invalid
from crm_platform.kernel.permissions import Actor

from . import duplicates
from .models import IncomingLead
from .reading import clean, emails_of, name_of, phones_of, reach_of

_MOST = 10**12


def became(lead: IncomingLead) -> tuple[Kind, Any]:
    """The kind and the record of what a lead became, the deal before the contact; None for the record where there is none, or it is in the bin."""
    kind, pk = (DEAL, lead.deal_id) if lead.deal_id is not None else (CONTACT, lead.contact_id)
    return kind, kind.model.objects.filter(pk=pk, binned_at=None).first() if pk is not None else None


def contact_of(actor: Actor, lead: IncomingLead, *, responsible_id: int | None, apart: bool) -> Contact | None:
    """The known contact, completed where the actor may change it, else a new one; None where the lead names nobody."""
    known = [] if apart else duplicates.of(actor, [lead])[lead.pk].contacts
    if known:
        return _completed(actor, known[0], lead)
    given = (lead.contents.get("contacts") or [{}])[0]
    phones, emails = reach_of(given)
    first, _blank, last = name_of(given).partition(" ")
    values: dict[str, Any] = {"first_name": first[:120], "last_name": last[:120], "phones": phones_of(phones), "emails": emails_of(emails)}
    if not any(values.values()):
        return None
    firm = companies.named(actor, company_name(lead))
    if firm is not None:
        values["companies"] = [{"company_id": firm.pk, "company": firm.name}]
    return contacts.create_contact(actor, **values, responsible_id=responsible_id, custom=_custom("contact", lead))


def _completed(actor: Actor, contact: Contact, lead: IncomingLead) -> Contact:
    more = duplicates.additions(contact, lead)
    if not more or not writing.may_change(actor, CONTACT.entity.EDIT, contact):
        return contact
    return add_to(actor, contact, more)


def add_to(actor: Actor, contact: Contact, more: Mapping[str, list[dict[str, Any]]]) -> Contact:
    """Phones and e-mails onto a contact that lacks them."""
    values: dict[str, Any] = {name: [*getattr(contact, name), *rows] for name, rows in more.items()}
    return contacts.change_contact(actor, contact.pk, **values)


def company_name(lead: IncomingLead) -> str:
    """The firm it names."""
    given = lead.contents.get("companies") or []
    return " ".join(clean(given[0].get("name")).split())[:250] if given else ""


def deal_of(actor: Actor, lead: IncomingLead, contact: Contact | None, *, stage_id: int | None, responsible_id: int | None) -> Deal:
    """The deal: named as the lead says, else after its person."""
    firm = companies.named(actor, company_name(lead))
    currency = preferences.here().currency
    values: dict[str, Any] = {"name": deal_name(lead), "currency": currency, "responsible_id": responsible_id, "source": lead.source.name[:120] if lead.source else "", "custom": _custom("deal", lead)}
    total = _sum(lead, currency)
    if total is not None:
        values["sum_minor"] = total
    if firm is not None:
        values["company_id"] = firm.pk
    if contact is not None:
        values["contacts"] = [{"contact_id": contact.pk}]
    return deals.create_deal(actor, stage_id=stage_id or _first_stage(lead), **values)


def deal_name(lead: IncomingLead) -> str:
    """What the deal is called."""
    given = " ".join(clean((lead.contents.get("lead") or {}).get("name")).split())
    return (given or lead.name or (lead.source.name if lead.source else "") or _("New lead"))[:250]


def _first_stage(lead: IncomingLead) -> int:
    wanted = lead.pipeline_id or (lead.source.pipeline_id if lead.source else None)
    pipeline = next((one for one in pipelines.active() if one.pk == wanted), None) or pipelines.first()
    return int(pipelines.everything().open_of(pipeline.pk)[0].pk)


def _sum(lead: IncomingLead, currency: str) -> int | None:
    text = clean((lead.contents.get("lead") or {}).get("price"))
    found = read_decimal(text) if text else None
    return money.minor(found, currency=currency) if found is not None and Decimal(0) < found < _MOST else None


def _custom(entity: str, lead: IncomingLead) -> dict[str, Any]:
    """Values of the firm's own fields; one that does not fit stands in the note only."""
    kept: dict[str, Any] = {}
    for key, value in _given(entity, lead).items():
        try:
            kept.update(custom.clean(entity, {key: value}, partial=True))
        except Invalid:
            continue
    return kept


def _given(entity: str, lead: IncomingLead) -> Mapping[str, Any]:
    found = (lead.contents.get("custom") or {}).get(entity)
    return found if isinstance(found, Mapping) else {}


def words_of(lead: IncomingLead) -> str:
    """All that the lead says, as a note keeps it."""
    rows = [lead.message, *(f"{label}: {value}" for label, value in lead.contents.get("fields") or () if value != lead.message)]
    if lead.source is not None:
        rows.append(_("Came through: %(source)s") % {"source": lead.source.name})
    marks = [f"{name}: {value}" for name, value in sorted(lead.metadata.items()) if name.startswith("utm_") or name in ("page", "referrer")]
    consent = lead.contents.get("consent") or {}
    if consent.get("text"):
        marks.append(_("Agreed to, version %(version)s: %(text)s") % {"version": consent.get("version", 1), "text": consent["text"]})
    return "\n".join(row for row in [*rows, *marks] if row)[: notes.LONGEST]


def tell_on(actor: Actor, kind: Kind, record: Any, lead: IncomingLead) -> None:
    """The lead's words as a note on a record."""
    words = words_of(lead)
    if words.strip():
        notes.add_many(actor, kind, [(record, words)])
