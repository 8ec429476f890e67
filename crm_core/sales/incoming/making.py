"""A contact, a company, a deal and a note out of what a lead says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from crm_core.engagement.notes import services as notes
from crm_core.groundwork.custom_fields import services as custom
from crm_core.groundwork.records import writing
from crm_core.groundwork.records.fields import read_decimal
from crm_core.groundwork.records.registry import Kind
from crm_core.people import completing, reaching
from crm_core.people.companies import services as companies
from crm_core.people.companies.kind import COMPANY
from crm_core.people.companies.models import Company
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

from . import duplicates, facts, queries, spoken
from .models import IncomingLead
from .reading import clean, emails_of, name_of, phones_of, reach_of

_MOST = 10**12
# People of one lead that are made, and people and firms that a note tells of.
MOST_PEOPLE = 20


def became(lead: IncomingLead) -> tuple[Kind, Any]:
    """The kind and the record of what a lead became, the deal before the contact; None for the record where there is none, or it is in the bin."""
    kind, pk = (DEAL, lead.deal_id) if lead.deal_id is not None else (CONTACT, lead.contact_id)
    return kind, kind.model.objects.filter(pk=pk, binned_at=None).first() if pk is not None else None


def alone_with_people_of(leads: Iterable[IncomingLead]) -> None:
    """Until the end of the unit nobody else makes the people and firms of these leads; see `reaching.alone_with`."""
    rows = [(lead.keys, company_name(lead), _people(lead)) for lead in leads]
    reaching.alone_with(key for keys, firm, people in rows for key in (*keys, *([reaching.name_key(firm)] if firm else ()), *(key for one in people for key in duplicates.keys_of(one))))


def _people(lead: IncomingLead) -> list[Mapping[str, Any]]:
    """Whom it names, the main one first; an empty one where it names nobody."""
    return (lead.contents.get("contacts") or [{}])[:MOST_PEOPLE]


def people_of(actor: Actor, lead: IncomingLead, *, responsible_id: int | None, apart: bool) -> list[Contact]:
    """Everyone whom the lead names, the main one first: each the known contact, completed where the actor may change it, else a new one. Empty where it names nobody.

    Nobody stands there twice; with `apart` all are new.
    """
    found: dict[int, Contact] = {}
    for at, given in enumerate(_people(lead)):
        keys = duplicates.keys_of(given) if at else duplicates.keys_of_first(lead)
        contact = _contact_of(actor, lead, given, known=None if apart else duplicates.having(actor, keys), responsible_id=responsible_id, main=at == 0)
        if contact is not None:
            found.setdefault(contact.pk, contact)
    return list(found.values())


def _contact_of(actor: Actor, lead: IncomingLead, given: Mapping[str, Any], *, known: Contact | None, responsible_id: int | None, main: bool) -> Contact | None:
    if known is not None:
        return _completed(actor, known, _of_contact(actor, lead, given, main=main))
    values = _of_contact(actor, lead, given, main=main)
    if not any(values[name] for name in ("first_name", "last_name", "phones", "emails")):
        return None
    firm = _firm_of(actor, lead)
    if firm is not None:
        values["companies"] = [{"company_id": firm.pk, "company": firm.name}]
    return contacts.create_contact(actor, **values, responsible_id=responsible_id)


def _of_contact(actor: Actor, lead: IncomingLead, given: Mapping[str, Any], *, main: bool) -> dict[str, Any]:
    """What the lead says of one of its people, as contacts take it; what a form asks for fields of a contact is of the main one."""
    first, last = clean(given.get("first_name")), clean(given.get("last_name"))
    if not (first or last):
        first, _blank, last = name_of(given).partition(" ")
    said = _reached(actor, "contact", lead, given, main=main)
    return {"first_name": first[:120], "last_name": last[:120], **said}


def _reached(actor: Actor, entity: str, lead: IncomingLead, given: Mapping[str, Any], *, main: bool = True) -> dict[str, Any]:
    """`_said` of a contact or a company, with the numbers and addresses that it brings in whatever way."""
    said, (phones, emails) = _said(actor, entity, lead, given, main=main), reach_of(given)
    return said | {"phones": reaching.clean_phones([*said.get("phones", []), *phones_of(phones)]), "emails": reaching.clean_emails([*said.get("emails", []), *emails_of(emails)])}


def _said(actor: Actor, entity: str, lead: IncomingLead, given: Mapping[str, Any], *, main: bool = True) -> dict[str, Any]:
    """Values of fields and tags of a deal, a contact or a company, whichever way the lead speaks."""
    said = spoken.together(spoken.values(entity, given))
    return {**said, "custom": {**(_custom(entity, lead) if main else {}), **said.get("custom", {})}, "tag_ids": spoken.tag_ids(actor, entity, given)}


def complete(actor: Actor, contact: Contact, lead: IncomingLead) -> Contact:
    """What a lead says of its main person onto a contact that lacks it; what stands there stays."""
    return _with(actor, contact, _of_contact(actor, lead, _people(lead)[0], main=True))


def _completed(actor: Actor, contact: Contact, values: Mapping[str, Any]) -> Contact:
    return _with(actor, contact, values) if writing.may_change(actor, CONTACT.entity.EDIT, contact) else contact


def _with(actor: Actor, contact: Contact, values: Mapping[str, Any]) -> Contact:
    more = completing.lacking(contact, {name: value for name, value in values.items() if name not in ("first_name", "last_name")})
    return contacts.change_contact(actor, contact.pk, **more) if more else contact


def _firm_of(actor: Actor, lead: IncomingLead) -> Company | None:
    """The firm it names: the known one, completed where the actor may change it, else a new one."""
    name, given = company_name(lead), (lead.contents.get("companies") or [{}])[0]
    if not name:
        return None
    said = _reached(actor, "company", lead, given)
    known = companies.by_names([name]).get(reaching.name_key(name))
    if known is None:
        return companies.create_company(actor, name=name, **said)
    more = completing.lacking(known, said) if writing.may_change(actor, COMPANY.entity.EDIT, known) else {}
    return companies.change_company(actor, known.pk, **more) if more else known


def company_name(lead: IncomingLead) -> str:
    """The firm it names."""
    given = lead.contents.get("companies") or []
    return " ".join(clean(given[0].get("name")).split())[:250] if given else ""


def deal_of(actor: Actor, lead: IncomingLead, people: Iterable[Contact], *, stage_id: int | None, responsible_id: int | None) -> Deal:
    """The deal: named as the lead says, else after its person; of all the people, the first being the main one."""
    firm = _firm_of(actor, lead)
    currency = preferences.here().currency
    values: dict[str, Any] = {"name": deal_name(lead), "currency": currency, "responsible_id": responsible_id, "source": lead.source.name[:120] if lead.source else ""}
    values |= _said(actor, "deal", lead, lead.contents.get("lead") or {})
    total = _sum(lead, currency)
    if total is not None:
        values["sum_minor"] = total
    if firm is not None:
        values["company_id"] = firm.pk
    values["contacts"] = [{"contact_id": contact.pk} for contact in people]
    return deals.create_deal(actor, stage_id=stage_id or _first_stage(lead), **values)


def deal_name(lead: IncomingLead) -> str:
    """What the deal is called."""
    given = " ".join(clean((lead.contents.get("lead") or {}).get("name")).split())
    return (given or lead.name or (lead.source.name if lead.source else "") or _("New lead"))[:250]


def _first_stage(lead: IncomingLead) -> int:
    return int(pipelines.everything().open_of(queries.pipeline_of(lead))[0].pk)


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


def fields_of(lead: IncomingLead) -> list[tuple[str, str]]:
    """What else it says, as people read it: label and value; numbers and addresses of its first person stand beside the name."""
    contents = lead.contents
    rows = [(str(label), str(value)) for label, value in contents.get("fields") or ()]
    people = contents.get("contacts") or []
    for entity, each in (("deal", [contents.get("lead") or {}]), ("contact", people), ("company", contents.get("companies") or [])):
        for at, given in enumerate(each[:MOST_PEOPLE]):
            if at > 0 and name_of(given):
                rows.append((_("Further person") if entity == "contact" else _("Further company"), name_of(given)))
            shown = {"phones", "emails"} if entity == "contact" and at == 0 else set[str]()
            rows += [(value.label, value.text) for value in spoken.values(entity, given) if value.text and not value.taken.keys() & shown]
    return rows


def words_of(lead: IncomingLead) -> str:
    """All that the lead says, as a note keeps it."""
    rows = [lead.message, *(f"{label}: {value}" for label, value in fields_of(lead) if value != lead.message), *facts.lines(lead)]
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
