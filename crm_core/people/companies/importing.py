"""Companies from a table."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from crm_core.engagement.notes import services as notes
from crm_core.groundwork.imports import own as own_rows
from crm_core.groundwork.imports.kinds import Batch, ImportKind, Parsed, Target, register
from crm_core.groundwork.imports.names import Found, Names
from crm_core.groundwork.imports.parsing import custom_choices, tag_ids
from crm_core.groundwork.imports.responsible import PEOPLE, people_of
from crm_core.groundwork.records import writing
from crm_core.people import reaching
from crm_core.people.importing import TARGETS as REACHED
from crm_core.people.importing import merged, ways_of
from crm_platform.ui.markup import figure

from . import services
from .kind import COMPANY
from .models import Company

TARGETS = (
    Target("name", _("Name"), "text", "account, company, company name, account name, organization, organisation, firm, компания, название, название компании, организация, контрагент, entreprise, société, nom, nom de l'entreprise, bedrijf, bedrijfsnaam, organisatie, naam, kompaniya, firma, tashkilot, nomi, organization name, organization - name, company - name"),
    Target("phone", _("Phone"), "phone", "phone number, telephone, tel, work phone, телефон, рабочий телефон, téléphone, telefoon, telefoonnummer, telefon, telefon raqami"),
    Target("email", _("E-mail"), "email", "email, mail, e-mail address, почта, эл. почта, электронная почта, courriel, adresse e-mail, e-mailadres, elektron pochta"),
    Target("site", _("Site"), "text", "website, web, url, homepage, сайт, веб-сайт, site web, site internet, website adres, veb-sayt, sayt"),
    Target("industry", _("Industry"), "text", "sector, branch, отрасль, сфера, secteur, secteur d'activité, branche, sector bedrijf, soha, tarmoq"),
    Target("founded", _("Founded"), "whole", "year established, year founded, established, год основания, année de création, opgericht, tashkil etilgan yil"),
    Target("annual_revenue", _("Annual revenue"), "number", "revenue, turnover, выручка, оборот, chiffre d'affaires, omzet, daromad"),
    Target("employees", _("Employees"), "whole", "number of employees, staff, headcount, сотрудников, число сотрудников, effectif, nombre d'employés, werknemers, aantal werknemers, xodimlar soni"),
    Target("street", _("Street"), "text", "address, street address, office location, location, адрес, улица, adresse, rue, adres, straat, manzil, ko'cha, business street, work street, address 1 - street, street 1"),
    Target("city", _("City"), "text", "town, город, ville, stad, plaats, woonplaats, shahar, business city, work city, address 1 - city"),
    Target("region", _("Region"), "text", "state, province, county, область, регион, région, provincie, viloyat, business state, work state, state/region, address 1 - region"),
    Target("zip", _("Postcode"), "text", "zip, zip code, postal code, postcode, индекс, почтовый индекс, code postal, postkode, indeks, business postal code, work postal code, address 1 - postal code, zip/postal code"),
    Target("country", _("Country"), "text", "страна, pays, land, mamlakat, davlat, business country, business country/region, work country, country/region, address 1 - country"),
    *REACHED,
    Target("parent", _("Part of"), "text", "subsidiary of, parent, parent company, головная компания, filiale de, société mère, moederbedrijf, bosh kompaniya"),
    Target("responsible", _("Responsible"), "text", "owner, account owner, manager, sales rep, ответственный, менеджер, responsable, commercial, verantwoordelijke, eigenaar, mas'ul"),
    Target("tags", _("Tags"), "tags", "tag, labels, теги, метки, étiquettes, mots-clés, labels bedrijf, teglar"),
    Target("note", _("Note"), "note", "notes, comment, comments, remark, remarks, memo, description, комментарии, комментарий, примечание, примечания, заметки, заметка, remarque, remarques, commentaire, commentaires, opmerking, opmerkingen, notitie, notities, aantekening, aantekeningen, izoh, izohlar, eslatma, eslatmalar"),
    Target("external_id", _("Number elsewhere"), "text", "id, account id, company id, код, идентификатор, identifiant, nummer, record id, organization - id"),
)  # fmt: skip
_CENT = Decimal("0.01")
_PLAIN = ("name", "site", "industry", "founded", "annual_revenue", "employees", "external_id")


def values_of(batch: Batch, row: Parsed, people: dict[str, int]) -> dict[str, Any]:
    """What the service takes."""
    given = row.values
    values: dict[str, Any] = {name: given[name] for name in _PLAIN if name in given}
    if "annual_revenue" in values:
        values["annual_revenue"] = values["annual_revenue"].quantize(_CENT)
    values |= ways_of(given)
    if given.get("responsible"):
        values["responsible_id"] = people.get(given["responsible"].casefold())
    if given.get("tags"):
        values["tag_ids"] = tag_ids(batch, "company", given["tags"])
    if given.get("custom"):
        values["custom"] = custom_choices(batch.actor, "company", given["custom"], add=batch.choices["add_missing"], note=batch.note_added)
    return values


def known_of(rows: list[Parsed]) -> list[Company | None]:
    """The company each row means: by our number, the number elsewhere or the name."""
    own, numbered = own_rows.records_of(COMPANY, rows), own_rows.with_number(COMPANY, rows)
    known = services.by_names([row.values.get("name", "") for row in rows])
    return [own.get(row.values.get("record_id", 0)) or numbered.get(row.values.get("external_id", "")) or known.get(reaching.name_key(row.values.get("name", ""))) for row in rows]


def write(batch: Batch, rows: list[Parsed]) -> None:
    """What is known already is skipped, updated or made again, as the person chose; parents are made where they are named."""
    people = people_of(batch, [row.values.get("responsible", "") for row in rows])
    create = batch.choices["duplicates"] == "create"
    known = [None] * len(rows) if create else known_of(rows)
    fresh: dict[str, tuple[Parsed, dict[str, Any]]] = {}
    for row, present in zip(rows, known, strict=True):
        values = values_of(batch, row, people)
        key = f"row {row.number}" if create else reaching.name_key(values.get("name", ""))
        if present is not None:
            _meet(batch, present, values, row)
        elif key in fresh and values.get("name"):
            batch.skipped += 1
        else:
            fresh[key] = (row, values)
    made = services.create_companies(batch.actor, [values for _row, values in fresh.values()])
    notes.add_many(batch.actor, COMPANY, [(company, row.values["note"]) for company, (row, _values) in zip(made, fresh.values(), strict=True) if row.values.get("note")])
    batch.created += len(made)
    batch.count("companies", len(made))
    _set_parents(batch, {row.values["name"]: row.values["parent"] for row in rows if row.values.get("parent") and row.values.get("name")})


def _meet(batch: Batch, present: Company, values: dict[str, Any], row: Parsed) -> None:
    if batch.takes(COMPANY, present, row):
        changed = writing.change_locked(batch.actor, COMPANY, present, merged(present, values))
        changed |= notes.add_once(batch.actor, COMPANY, present, row.values.get("note", ""))
        batch.met(changed=changed)


def _set_parents(batch: Batch, wanted: dict[str, str]) -> None:
    if not wanted:
        return
    known = services.by_names([*wanted.keys(), *wanted.values()])
    missing = list(dict.fromkeys(name for name in wanted.values() if reaching.name_key(name) not in known))
    made = services.create_companies(batch.actor, [{"name": name} for name in missing])
    batch.count("companies", len(made))
    known |= {reaching.name_key(company.name): company for company in made}
    for name, parent in wanted.items():
        child, above = known.get(reaching.name_key(name)), known[reaching.name_key(parent)]
        if child is not None and child.pk != above.pk and child.parent_id != above.pk and writing.may(batch.actor, COMPANY.entity.EDIT, child):
            writing.change_locked(batch.actor, COMPANY, child, {"parent_id": above.pk})


def alike(count: int) -> str:
    """How many companies of a file are here already."""
    return ngettext("%(n)s company looks the same", "%(n)s companies look the same", count) % {"n": figure(count)}


def _told(found: Found) -> str:
    if found.new:
        return ngettext("%(n)s company, %(new)s new", "%(n)s companies, %(new)s of them new", found.names) % {"n": figure(found.names), "new": figure(found.new)}
    return ngettext("%(n)s company, here already", "%(n)s companies, all here already", found.names) % {"n": figure(found.names)}


# A column of another kind that names companies.
NAMES = Names(reaching.name_key, lambda names, mapped: {key: [company.name] for key, company in services.by_names(names).items()}, _told)
register(ImportKind("companies", COMPANY, TARGETS, write, needs=("name",), own_entity="companies", known=known_of, alike=alike, names={"responsible": PEOPLE}, prefix=r"(organi[sz]ation|company)\s+-\s+"))
