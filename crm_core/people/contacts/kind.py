"""What a contact is to groundwork."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from crm_core.groundwork.records.linking import Linked
from crm_core.groundwork.records.ordering import sort_key
from crm_core.groundwork.records.registry import Attribute, Found, Kind, Links, register
from crm_core.groundwork.tags import services as tags
from crm_core.people import reaching
from crm_core.people.companies import services as companies
from crm_platform.accounts import directory
from crm_platform.kernel.errors import Invalid
from crm_platform.kernel.permissions import Actor

from .models import Contact, Employment
from .permissions import CONTACTS


def prepare(contact: Contact) -> None:
    """The whole name from its parts, or the other way round; keys and order."""
    contact.first_name, contact.last_name = " ".join(contact.first_name.split()), " ".join(contact.last_name.split())
    contact.phones, contact.emails = reaching.clean_phones(contact.phones), reaching.clean_emails(contact.emails)
    contact.addresses = reaching.clean_addresses(contact.addresses)
    parts = f"{contact.first_name} {contact.last_name}".strip()
    contact.name = parts or " ".join(contact.name.split()) or _nameless(contact)
    if not contact.name:
        raise Invalid(fields={"first_name": [_("Write a name, a phone or an e-mail: something to know the person by.")]})
    # People are looked up by the last name where there is one.
    contact.sort_key = sort_key(f"{contact.last_name} {contact.first_name}".strip() or contact.name)
    contact.keys = reaching.keys_of(contact.phones, contact.emails)


def _nameless(contact: Contact) -> str:
    if contact.phones:
        return reaching.show_phone(contact.phones[0]["number"])
    return str(contact.emails[0]["address"]) if contact.emails else ""


def found(contact: Contact) -> Found:
    """Name, phones, e-mails."""
    subtitle = contact.phones[0]["number"] if contact.phones else contact.emails[0]["address"] if contact.emails else contact.position
    return Found(contact.name, subtitle, reaching.words_for_search(contact.phones, contact.emails))


def write_links(actor: Actor, contact: Contact, values: Mapping[str, Any], fresh: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """`companies`: rows of {"company": name or "company_id": id, "role"}; the first is the main one."""
    rows = values.get("companies")
    if rows is None:
        return {}, {}
    present = [] if fresh else _employments(contact)
    wanted = _wanted(actor, rows, Linked((link.company.name, link.company) for link in present))
    before = _facts(present)
    after: list[dict[str, Any]] = [{"id": pk, "name": name, "role": role} for pk, (name, role) in wanted.items()]
    if before == after:
        return {}, {}
    Employment.objects.filter(pk__in=[link.pk for link in present]).delete()
    Employment.objects.bulk_create(_links(contact, after))
    return {"companies": before}, {"companies": after}


def write_fresh_links(actor: Actor, pairs: Sequence[tuple[Contact, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """The same for new contacts, linked in one statement."""
    told, links = [], []
    for contact, values in pairs:
        wanted = _wanted(actor, values.get("companies") or [], Linked(()))
        after = [{"id": pk, "name": name, "role": role} for pk, (name, role) in wanted.items()]
        links += _links(contact, after)
        told.append({"companies": after} if after else {})
    Employment.objects.bulk_create(links)
    return told


def _links(contact: Contact, rows: Iterable[Mapping[str, Any]]) -> list[Employment]:
    return [Employment(contact=contact, company_id=row["id"], role=row["role"], main=at == 0) for at, row in enumerate(rows)]


def _employments(contact: Contact) -> list[Employment]:
    return list(Employment.objects.filter(contact=contact).select_related("company").order_by("-main", "id"))


def _facts(links: Iterable[Employment]) -> list[dict[str, Any]]:
    return [{"id": link.company_id, "name": link.company.name, "role": link.role} for link in links]


def read_links(contact: Contact, name: str) -> list[dict[str, Any]]:
    """The companies of a contact as history keeps them, the main one first."""
    return _facts(_employments(contact))


def again(name: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """A company of history as `write_links` takes it."""
    return {"company_id": row["id"], "company": row["name"], "role": row["role"]}


def _wanted(actor: Actor, rows: list[Mapping[str, Any]], linked: Linked) -> dict[int, tuple[str, str]]:
    wanted: dict[int, tuple[str, str]] = {}
    for row in rows:
        if row.get("company_id"):
            wanted.setdefault(int(row["company_id"]), (str(row.get("company", "")), str(row.get("role", ""))[:200]))
            continue
        name = str(row.get("company", ""))
        company = linked.take(name) or companies.named(actor, name)
        if company is not None:
            wanted.setdefault(company.pk, (company.name, str(row.get("role", ""))[:200]))
    return wanted


def _show_companies(value: Any) -> str:
    return ", ".join(f"{row['name']} ({row['role']})" if row.get("role") else str(row["name"]) for row in value or [])


CONTACT = register(
    Kind(
        code="contact", model=Contact, entity=CONTACTS, label=_("Contact"), plural=_("Contacts"), icon="user", card="contact",
        prepare=prepare, found=found, counts=lambda contact: "contacts" if contact.binned_at is None else "",
        links=Links(("companies",), write_links, read_links, again, write_fresh_links), weight=3, show_subtitle=lambda stored: reaching.show_phone(stored) if stored.startswith("+") else stored,
        attributes=(
            Attribute("name", _("Name"), put_back=False),
            Attribute("first_name", _("First name")),
            Attribute("last_name", _("Last name")),
            Attribute("position", _("Position")),
            Attribute("companies", _("Companies"), _show_companies, put_back=False),
            Attribute("phones", _("Phones"), reaching.show_phones),
            Attribute("emails", _("E-mails"), reaching.show_emails),
            Attribute("messengers", _("Messengers"), reaching.show_messengers),
            Attribute("addresses", _("Addresses"), reaching.show_addresses),
            Attribute("site", _("Site")),
            Attribute("birthday", _("Birthday")),
            Attribute("responsible_id", _("Responsible"), directory.name_of),
            Attribute("tag_ids", _("Tags"), lambda value: ", ".join(tags.names_of("contact", value or []))),
        ),
    )
)  # fmt: skip
