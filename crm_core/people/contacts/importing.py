"""Contacts, with their companies, from a table or an address book."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from crm_core.engagement.notes import services as notes
from crm_core.groundwork.imports.kinds import Batch, ImportKind, Parsed, Target, register
from crm_core.groundwork.imports.parsing import custom_choices, tag_ids
from crm_core.groundwork.imports.responsible import PEOPLE, people_of
from crm_core.groundwork.records import writing
from crm_core.groundwork.records.ordering import fold
from crm_core.people import reaching
from crm_core.people.companies import services as companies
from crm_core.people.companies.importing import NAMES as COMPANIES
from crm_core.people.companies.models import Company
from crm_core.people.importing import TARGETS as REACHED
from crm_core.people.importing import merged, ways_of
from crm_platform.kernel.permissions import Actor
from crm_platform.ui.markup import figure

from . import services
from .kind import CONTACT, again, read_links
from .matching import Known, Row, other_number
from .models import Contact, Employment

TARGETS = (
    Target("name", _("Whole name"), "text", "name, full name, contact, contact name, display name, имя и фамилия, фио, контакт, полное имя, nom complet, contact naam, volledige naam, to'liq ism, f.i.sh, kontakt, naam, person name, person - name, полное имя контакта"),
    Target("first_name", _("First name"), "text", "given name, forename, firstname, имя, prénom, voornaam, ism"),
    Target("last_name", _("Last name"), "text", "surname, family name, lastname, фамилия, nom de famille, nom, achternaam, familiya"),
    Target("company", _("Company"), "text", "company name, organization, organisation, account, employer, организация, компания, название компании, entreprise, société, bedrijf, bedrijfsnaam, organisatie, kompaniya, tashkilot, organization name, organization 1 - name, organisation name, associated company, person - organization, primary company"),
    Target("position", _("Position"), "text", "title, job title, role, должность, fonction, poste, functie, lavozim, organization title, organization 1 - title, job"),
    Target("phone", _("Phone"), "phone", "phone number, phone1, phone2, telephone, tel, mobile, mobile phone, cell, work phone, home phone, phone 1 - value, phone 2 - value, телефон, мобильный, мобильный телефон, рабочий телефон, téléphone, portable, mobile téléphone, telefoon, mobiel, telefoonnummer, telefon, telefon raqami, business phone, business phone 2, company main phone, primary phone, other phone, home phone 2, work, mobile number, phone 3 - value, phone 4 - value, person - phone"),
    Target("email", _("E-mail"), "email", "email, mail, e-mail address, email address, e-mail 1 - value, почта, эл. почта, электронная почта, courriel, adresse e-mail, e-mailadres, elektron pochta, e-mail 2 address, e-mail 3 address, e-mail 2 - value, e-mail 3 - value, work email, person - email"),
    Target("street", _("Street"), "text", "address, street address, address 1, адрес, улица, adresse, rue, adres, straat, manzil, ko'cha, business street, work street, address 1 - street, street 1"),
    Target("city", _("City"), "text", "town, город, ville, stad, plaats, woonplaats, shahar, business city, work city, address 1 - city"),
    Target("region", _("Region"), "text", "state, province, область, регион, région, provincie, viloyat, business state, work state, state/region, address 1 - region"),
    Target("zip", _("Postcode"), "text", "zip, zip code, postal code, postcode, индекс, почтовый индекс, code postal, postkode, indeks, business postal code, work postal code, address 1 - postal code, zip/postal code"),
    Target("country", _("Country"), "text", "страна, pays, land, mamlakat, davlat, business country, business country/region, work country, country/region, address 1 - country"),
    *REACHED,
    Target("site", _("Site"), "text", "website, web, url, homepage, сайт, site web, veb-sayt, sayt, web page, website 1 - value, website url"),
    Target("birthday", _("Birthday"), "date", "date of birth, birth date, день рождения, дата рождения, anniversaire, date de naissance, verjaardag, geboortedatum, tug'ilgan kun"),
    Target("responsible", _("Responsible"), "text", "owner, contact owner, manager, sales rep, ответственный, менеджер, responsable, verantwoordelijke, eigenaar, mas'ul"),
    Target("tags", _("Tags"), "tags", "tag, labels, categories, теги, метки, étiquettes, mots-clés, teglar"),
    Target("note", _("Note"), "note", "notes, comment, comments, remark, remarks, memo, комментарии, комментарий, примечание, примечания, заметки, заметка, remarque, remarques, commentaire, commentaires, opmerking, opmerkingen, notitie, notities, aantekening, aantekeningen, izoh, izohlar, eslatma, eslatmalar"),
    Target("external_id", _("Number elsewhere"), "text", "id, contact id, код, идентификатор, identifiant, nummer, record id, person - id"),
)  # fmt: skip
# Instead of the id of a company that the import is going to make.
NOT_YET = -1
_PLAIN = ("first_name", "last_name", "position", "site", "birthday", "external_id")


def said_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """What a row itself says of a contact: names, numbers and how to reach it."""
    values: dict[str, Any] = {name: given[name] for name in _PLAIN if name in given}
    if "name" in given and not (values.get("first_name") or values.get("last_name")):
        values["first_name"], _blank, values["last_name"] = given["name"].strip().partition(" ")
    return values | ways_of(given)


def values_of(batch: Batch, row: Parsed, people: dict[str, int]) -> dict[str, Any]:
    """What the service takes, the company apart."""
    given, values = row.values, said_of(row.values)
    if given.get("responsible"):
        values["responsible_id"] = people.get(given["responsible"].casefold())
    if given.get("tags"):
        values["tag_ids"] = tag_ids(batch, "contact", given["tags"])
    if given.get("custom"):
        values["custom"] = custom_choices(batch.actor, "contact", given["custom"], add=batch.choices["add_missing"], note=batch.note_added)
    return values


def write(batch: Batch, rows: list[Parsed]) -> None:
    """Known by number, phone, e-mail or a name of its own: skipped, updated or made again, as the person chose."""
    people = people_of(batch, [row.values.get("responsible", "") for row in rows])
    firms = _companies(batch, rows)
    told = [_told(row, values_of(batch, row, people), firms) for row in rows]
    create = batch.choices["duplicates"] == "create"
    known = Known([] if create else told)
    fresh: list[Row] = []
    taken: dict[str, Row] = {}
    for said, row in zip(rows, told, strict=True):
        present = known.find(row)
        if present is not None:
            if batch.takes(CONTACT, present, said):
                _meet(batch, present, row)
        elif not create and _twin(row, taken):
            batch.skipped += 1
        else:
            taken.update({key: taken.get(key, row) for key in row.twin_keys})
            fresh.append(row)
    made = services.create_contacts(batch.actor, [row.values for row in fresh])
    notes.add_many(batch.actor, CONTACT, [(contact, row.note) for contact, row in zip(made, fresh, strict=True) if row.note])
    pairs = zip(made, fresh, strict=True)
    Employment.objects.bulk_create([Employment(contact=contact, company_id=row.company, role=contact.position, main=True) for contact, row in pairs if row.company])
    batch.created += len(made)
    batch.count("contacts", len(made))


def known_of(rows: list[Parsed]) -> list[Contact | None]:
    """The contact each row means, before anything is written: a firm that is not here yet is none that a contact works for."""
    names = list(dict.fromkeys(row.values["company"] for row in rows if row.values.get("company")))
    firms = dict.fromkeys(map(reaching.name_key, names), NOT_YET) | {key: company.pk for key, company in companies.by_names(names).items()}
    told = [_told(row, said_of(row.values), firms) for row in rows]
    known = Known(told)
    return [known.find(row) for row in told]


def _told(row: Parsed, values: dict[str, Any], firms: dict[str, int]) -> Row:
    given = row.values
    company = firms.get(reaching.name_key(given["company"])) if given.get("company") else None
    whole = not (given.get("first_name") or given.get("last_name"))
    return Row(values, _keys(values), given.get("record_id"), company, given.get("note", ""), whole)


def _twin(row: Row, taken: dict[str, Row]) -> bool:
    """Whether an earlier row of the same table is the same person; another number elsewhere says no."""
    earlier = (taken[key] for key in row.twin_keys if key in taken)
    return any(not other_number(row, one.number) for one in earlier)


def _companies(batch: Batch, rows: list[Parsed]) -> dict[str, int]:
    names = list(dict.fromkeys(row.values["company"] for row in rows if row.values.get("company")))
    known = {key: company.pk for key, company in companies.by_names(names).items()}
    missing: dict[str, str] = {}
    for name in names:
        key = reaching.name_key(name)
        if key not in known:
            missing.setdefault(key, name)
    made = companies.create_companies(batch.actor, [{"name": name} for name in missing.values()])
    batch.count("companies", len(made))
    return known | {reaching.name_key(company.name): company.pk for company in made}


def _keys(values: dict[str, Any]) -> list[str]:
    return reaching.keys_of(reaching.clean_phones(values.get("phones", [])), values.get("emails", []))


def _meet(batch: Batch, present: Contact, row: Row) -> None:
    values = merged(present, row.values)
    if fold(f"{values.get('first_name', '')} {values.get('last_name', '')}") == fold(present.name):
        # The same name, cut in another place: how the person here has cut it stands.
        values = {name: value for name, value in values.items() if name not in ("first_name", "last_name")}
    if row.company is not None and not Employment.objects.filter(contact=present, company_id=row.company).exists():
        firm = {"id": row.company, "name": Company.objects.get(pk=row.company).name, "role": ""}
        values["companies"] = [again("companies", link) for link in (*read_links(present, "companies"), firm)]
    changed = writing.change_locked(batch.actor, CONTACT, present, values)
    batch.met(changed=changed | notes.add_once(batch.actor, CONTACT, present, row.note))


def met_or_made(actor: Actor, name: str, phones: Sequence[str], emails: Sequence[str]) -> Contact | None:
    """The contact that a row of another kind names and says how to reach: known by that and the name, else made; None where it says nothing.

    What is new of phones and e-mails is added where the actor may edit the contact. Raises Invalid for what is no e-mail.
    """
    ways = {"phones": reaching.clean_phones({"number": number} for number in phones), "emails": reaching.clean_emails({"address": address} for address in emails)}
    keys = reaching.keys_of(ways["phones"], ways["emails"])
    same = (one for one in Contact.objects.filter(keys__overlap=keys, binned_at=None).order_by("id")[:5] if not name or fold(one.name) == fold(name)) if keys else iter(())
    contact = next(same, None) or services.named(actor, name)
    if contact is None:
        return services.create_contact(actor, **ways) if keys else None
    if set(keys) - set(contact.keys) and writing.may(actor, CONTACT.entity.EDIT, contact):
        locked = Contact.objects.select_for_update().get(pk=contact.pk)
        writing.change_locked(actor, CONTACT, locked, merged(locked, ways))
    return contact


def alike(count: int) -> str:
    """How many contacts of a file are here already."""
    return ngettext("%(n)s contact looks the same", "%(n)s contacts look the same", count) % {"n": figure(count)}


register(ImportKind("contacts", CONTACT, TARGETS, write, needs=("name", "first_name", "last_name", "email", "phone"), own_entity="contacts", known=known_of, alike=alike, names={"company": COMPANIES, "responsible": PEOPLE}, prefix=r"(person|contact)\s+-\s+"))
