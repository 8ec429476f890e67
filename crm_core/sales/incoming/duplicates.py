"""Whom a lead's phone and e-mail are known of: contacts, companies, and others that wait. For a page of leads in a constant number of statements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crm_core.groundwork.records import writing
from crm_core.people import completing, reaching
from crm_core.people.companies.kind import COMPANY
from crm_core.people.companies.models import Company
from crm_core.people.contacts.kind import CONTACT
from crm_core.people.contacts.models import Contact
from crm_platform.kernel.permissions import Actor

from .models import IncomingLead, LeadState
from .reading import emails_of, phones_of, reach_of

# Waiting leads looked at for twins: more of one number than anybody decides by hand.
_MOST_TWINS = 50


@dataclass(slots=True)
class Known:
    """Whom the keys of a lead's first person and firm are known of. `by` says what is the same: "phone", "email"; `elsewhere`: someone has it whom the actor may not see."""

    contacts: list[Contact] = field(default_factory=list)
    companies: list[Company] = field(default_factory=list)
    by: frozenset[str] = frozenset()
    elsewhere: bool = False

    def __bool__(self) -> bool:
        return bool(self.contacts or self.companies)


_BY = {"p": "phone", "e": "email"}


def of(actor: Actor, leads: Sequence[IncomingLead]) -> dict[int, Known]:
    """What is known of the first person and firm of each of the leads, by its id."""
    keys = list(dict.fromkeys(key for lead in leads for key in lead.keys))
    people, firms = _having(Contact, keys), _having(Company, keys)
    return {lead.pk: _one(actor, lead, people, firms) for lead in leads}


def _having(model: type[Any], keys: list[str]) -> list[Any]:
    """The oldest first: of equals that is kept."""
    pks = reaching.with_keys(model, keys) if keys else []
    return list(model.objects.filter(pk__in=pks, binned_at=None).order_by("pk")) if pks else []


def keys_of(person: Mapping[str, Any]) -> list[str]:
    """The keys of one of the people whom a lead names."""
    phones, emails = reach_of(person)
    return reaching.keys_of(phones_of(phones), emails_of(emails))


def keys_of_first(lead: IncomingLead) -> list[str]:
    """The keys of a lead without those that only its further people have: the known contact of one of them is not its first person."""
    first, *further = lead.contents.get("contacts") or [{}]
    theirs = {key for person in further for key in keys_of(person)} - set(keys_of(first))
    return [key for key in lead.keys if key not in theirs]


def having(actor: Actor, keys: Sequence[str]) -> Contact | None:
    """The oldest contact with one of the keys that the actor may see."""
    return next((contact for contact in _having(Contact, list(keys)) if writing.may(actor, CONTACT.entity.VIEW, contact)), None)


def _one(actor: Actor, lead: IncomingLead, people: Iterable[Contact], firms: Iterable[Company]) -> Known:
    mine = set(keys_of_first(lead))
    found = Known()
    same: set[str] = set()
    for contact in people:
        if shared := mine & set(contact.keys):
            if writing.may(actor, CONTACT.entity.VIEW, contact):
                found.contacts.append(contact)
                same |= shared
            else:
                found.elsewhere = True
    for company in firms:
        if (shared := mine & set(company.keys)) and writing.may(actor, COMPANY.entity.VIEW, company):
            found.companies.append(company)
            same |= shared
    found.by = frozenset(_BY[key[0]] for key in same if key[0] in _BY)
    return found


def twins(lead: IncomingLead) -> list[IncomingLead]:
    """Others that wait with the same phone or e-mail."""
    if not lead.keys:
        return []
    return list(IncomingLead.objects.filter(state=LeadState.WAITING, probe=False, keys__overlap=lead.keys).exclude(pk=lead.pk).order_by("-received_at")[:_MOST_TWINS])


def owner_of(lead: IncomingLead) -> Contact | None:
    """The oldest contact with one of the lead's keys, whoever may see it: for routing."""
    found = _having(Contact, lead.keys)
    return found[0] if found else None


def additions(contact: Contact, lead: IncomingLead) -> dict[str, list[dict[str, Any]]]:
    """What the lead would add to a contact: "phones" and "emails" that it lacks."""
    person = (lead.contents.get("contacts") or [{}])[0]
    phones, emails = reach_of(person)
    more = {"phones": completing.missing(contact, "phones", phones_of(phones)), "emails": completing.missing(contact, "emails", emails_of(emails))}
    return {name: rows for name, rows in more.items() if rows}
