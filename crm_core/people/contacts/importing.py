"""Contacts, with their companies, from a table or an address book."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from crm_core.groundwork.imports.kinds import Batch, ImportKind, Parsed, Target, register
from crm_core.groundwork.imports.parsing import custom_choices
from crm_core.groundwork.imports.responsible import people_of
from crm_core.groundwork.records import writing
from crm_core.groundwork.tags import services as tags
from crm_core.people import reaching
from crm_core.people.companies import services as companies
from crm_core.people.companies.importing import merged

from . import services
from .kind import CONTACT
from .models import Contact, Employment

TARGETS = (
    Target("name", _("Whole name"), "text", "name, full name, contact, contact name, display name, имя и фамилия, фио, контакт, полное имя, nom complet, contact naam, volledige naam, to'liq ism, f.i.sh, kontakt"),
    Target("first_name", _("First name"), "text", "given name, forename, firstname, имя, prénom, voornaam, ism"),
    Target("last_name", _("Last name"), "text", "surname, family name, lastname, фамилия, nom de famille, nom, achternaam, familiya"),
    Target("company", _("Company"), "text", "company name, organization, organisation, account, employer, организация, компания, название компании, entreprise, société, bedrijf, bedrijfsnaam, organisatie, kompaniya, tashkilot"),
    Target("position", _("Position"), "text", "title, job title, role, должность, fonction, poste, functie, lavozim"),
    Target("phone", _("Phone"), "phone", "phone number, phone1, phone2, telephone, tel, mobile, mobile phone, cell, work phone, home phone, phone 1 - value, phone 2 - value, телефон, мобильный, мобильный телефон, рабочий телефон, téléphone, portable, mobile téléphone, telefoon, mobiel, telefoonnummer, telefon, telefon raqami"),
    Target("email", _("E-mail"), "email", "email, mail, e-mail address, email address, e-mail 1 - value, почта, эл. почта, электронная почта, courriel, adresse e-mail, e-mailadres, elektron pochta"),
    Target("street", _("Street"), "text", "address, street address, address 1, адрес, улица, adresse, rue, adres, straat, manzil, ko'cha"),
    Target("city", _("City"), "text", "town, город, ville, stad, plaats, woonplaats, shahar"),
    Target("region", _("Region"), "text", "state, province, область, регион, région, provincie, viloyat"),
    Target("zip", _("Postcode"), "text", "zip, zip code, postal code, postcode, индекс, почтовый индекс, code postal, postkode, indeks"),
    Target("country", _("Country"), "text", "страна, pays, land, mamlakat, davlat"),
    Target("site", _("Site"), "text", "website, web, url, homepage, сайт, site web, veb-sayt, sayt"),
    Target("birthday", _("Birthday"), "date", "date of birth, birth date, день рождения, дата рождения, anniversaire, date de naissance, verjaardag, geboortedatum, tug'ilgan kun"),
    Target("responsible", _("Responsible"), "text", "owner, contact owner, manager, sales rep, ответственный, менеджер, responsable, verantwoordelijke, eigenaar, mas'ul"),
    Target("tags", _("Tags"), "tags", "tag, labels, categories, теги, метки, étiquettes, mots-clés, teglar"),
    Target("external_id", _("Number elsewhere"), "text", "id, contact id, код, идентификатор, identifiant, nummer"),
)  # fmt: skip
_PLAIN = ("first_name", "last_name", "position", "site", "birthday", "external_id")


def values_of(batch: Batch, row: Parsed, people: dict[str, int]) -> dict[str, Any]:
    """What the service takes, the company apart."""
    given = row.values
    values: dict[str, Any] = {name: given[name] for name in _PLAIN if name in given}
    if "name" in given and not (values.get("first_name") or values.get("last_name")):
        values["first_name"], _blank, values["last_name"] = given["name"].strip().partition(" ")
    if "phone" in given:
        values["phones"] = [{"number": number, "kind": "work"} for number in given["phone"]]
    if "email" in given:
        values["emails"] = [{"address": address, "kind": "work"} for address in given["email"]]
    address = {part: given[part] for part in ("street", "city", "region", "zip", "country") if given.get(part)}
    if address:
        values["addresses"] = [{"kind": "work", **address}]
    if given.get("responsible"):
        values["responsible_id"] = people.get(given["responsible"].casefold())
    if given.get("tags"):
        values["tag_ids"] = tags.ids_of("contact", given["tags"], by=batch.actor)
    if given.get("custom"):
        values["custom"] = custom_choices(batch.actor, "contact", given["custom"], add=batch.choices["add_missing"], note=batch.note_added)
    return values


def write(batch: Batch, rows: list[Parsed]) -> None:
    """Known by phone or e-mail: skipped, updated or made again, as the person chose."""
    people = people_of(batch, [row.values.get("responsible", "") for row in rows])
    prepared = [(row, values_of(batch, row, people)) for row in rows]
    firms = _companies(batch, rows)
    keys = [_keys(values) for _row, values in prepared]
    create = batch.choices["duplicates"] == "create"
    known = {} if create else _known([key for some in keys for key in some])
    fresh: list[tuple[Parsed, dict[str, Any]]] = []
    taken: set[str] = set()
    for (row, values), mine in zip(prepared, keys, strict=True):
        present = next((known[key] for key in mine if key in known), None)
        if present is not None:
            _meet(batch, present, values, firms.get(reaching.name_key(row.values.get("company", ""))))
        elif not create and taken & set(mine):
            batch.skipped += 1
        else:
            taken.update(mine)
            fresh.append((row, values))
    made = services.create_contacts(batch.actor, [values for _row, values in fresh])
    links = []
    for contact, (row, _values) in zip(made, fresh, strict=True):
        company = firms.get(reaching.name_key(row.values.get("company", "")))
        if company is not None:
            links.append(Employment(contact=contact, company_id=company, role=contact.position, main=True))
    Employment.objects.bulk_create(links)
    batch.created += len(made)
    batch.count("contacts", len(made))


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


def _known(keys: list[str]) -> dict[str, Contact]:
    found: dict[str, Contact] = {}
    for contact in Contact.objects.filter(pk__in=reaching.with_keys(Contact, keys), binned_at=None).order_by("-id") if keys else ():
        found.update(dict.fromkeys(contact.keys, contact))
    return found


def _meet(batch: Batch, present: Contact, values: dict[str, Any], company: int | None) -> None:
    if batch.choices["duplicates"] != "update":
        batch.skipped += 1
        return
    changed = writing.change_locked(batch.actor, CONTACT, present, merged(present, values))
    if company is not None and not Employment.objects.filter(contact=present, company_id=company).exists():
        main = not Employment.objects.filter(contact=present, main=True).exists()
        Employment.objects.create(contact=present, company_id=company, main=main)
        changed = True
    if changed:
        batch.updated += 1
    else:
        batch.skipped += 1


register(ImportKind("contacts", CONTACT, TARGETS, write, needs=("name", "first_name", "last_name", "email", "phone"), own_entity="contacts"))
