"""Deals from a table: several entities from one row, as the usual CRMs write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from crm_core.engagement.notes import services as notes
from crm_core.groundwork.exports.columns import names_in
from crm_core.groundwork.imports import own as own_rows
from crm_core.groundwork.imports.kinds import Batch, ImportKind, Parsed, Target, register
from crm_core.groundwork.imports.languages import firms_language
from crm_core.groundwork.imports.parsing import BadCell, custom_choices, tag_ids
from crm_core.groundwork.imports.responsible import PEOPLE, people_of
from crm_core.groundwork.records import writing
from crm_core.groundwork.records.ordering import fold
from crm_core.people import reaching
from crm_core.people.companies import services as companies
from crm_core.people.companies.importing import NAMES as COMPANIES
from crm_core.people.contacts.importing import met_or_made
from crm_core.people.contacts.models import Contact
from crm_core.sales.pipelines import queries as pipelines
from crm_core.sales.pipelines import services as pipeline_services
from crm_core.sales.pipelines.models import LostReason, Stage, StageKind
from crm_core.sales.products import services as products
from crm_core.sales.products.importing import NAMES as PRODUCTS
from crm_core.sales.products.kind import folded_name
from crm_core.sales.products.models import Product
from crm_platform.kernel import clock

from . import ranks, services
from .import_words import LOST, OPEN, OTHER, STAGES, WON, alike
from .kind import DEAL
from .models import Deal, DealContact, DealLine
from .product_lines import Said, fresh_line, paired, present_lines, said_lines, with_lines

TARGETS = (
    Target("name", _("Name"), "text", "deal, deal name, opportunity, opportunity name, lead, title, сделка, название, название сделки, affaire, nom, nom de l'affaire, opportunité, deal naam, naam, titel, bitim, bitim nomi"),
    Target("note", _("Note"), "note", "notes, comment, comments, remark, remarks, memo, description, omschrijving, описание, комментарии, комментарий, примечание, примечания, заметки, заметка, remarque, remarques, commentaire, commentaires, opmerking, opmerkingen, notitie, notities, aantekening, aantekeningen, izoh, izohlar, eslatma, eslatmalar"),
    Target("external_id", _("Number elsewhere"), "text", "id, opportunity id, deal id, lead id, номер, номер сделки, identifiant, numéro, nummer, raqam, record id"),
    Target("responsible", _("Responsible"), "text", "sales agent, owner, deal owner, manager, sales rep, assigned to, ответственный, менеджер, responsable, commercial, verantwoordelijke, eigenaar, mas'ul"),
    Target("product", _("Product"), "text", "products, item, товар, продукт, produit, artikel, mahsulot"),
    Target("quantities", _("Quantity of the product"), "figures", "product quantity, line item quantity, количество товара, кол-во товара, quantité du produit, quantité de produit, aantal producten, mahsulot soni"),
    Target("prices", _("Price of the product"), "sums", "product price, line item price, product unit price, цена товара, prix du produit, prijs van het product, mahsulot narxi"),
    Target("discounts", _("Discount on the product, %"), "figures", "product discount percent, line item discount percent, скидка на товар %, remise sur le produit %, korting op het product %, mahsulotga chegirma %"),
    Target("company", _("Company"), "text", "account, account name, company name, customer, client, organization, компания, клиент, контрагент, название компании, entreprise, société, client nom, bedrijf, klant, kompaniya, mijoz, associated company, associated companies, organization name, organization - name, primary associated company, organisation"),
    Target("contact", _("Contact"), "text", "contact name, contact person, контакт, основной контакт, contact principal, contactpersoon, kontakt, associated contact, associated contacts, person, person - name, primary contact"),
    Target("contact_phone", _("Phone of the contact"), "phone", "phone, telephone, телефон, téléphone, telefoon, telefon, person - phone, person - phone - work"),
    Target("contact_email", _("E-mail of the contact"), "email", "email, e-mail, почта, courriel, e-mailadres, person - email, person - email - work"),
    Target("stage", _("Stage"), "text", "deal stage, status, stage name, pipeline stage, этап, этап сделки, статус, étape, statut, fase, dealfase, bosqich, holat"),
    Target("state", _("State"), "text", "status, deal status, won or lost, outcome, result, состояние, состояние сделки, état, statut de l'affaire, dealstatus, resultaat, natija"),
    Target("pipeline", _("Pipeline"), "text", "воронка, pipeline naam, entonnoir, voronka"),
    Target("sum_minor", _("Sum"), "money", "close value, amount, value, deal value, budget, price, сумма, бюджет, стоимость, montant, valeur, bedrag, waarde, summa, byudjet"),
    Target("currency", _("Currency"), "currency", "currency code, deal currency, amount currency, currency of value, валюта, валюта сделки, devise, monnaie, valuta, munt, valyuta"),
    Target("started_on", _("Begun on"), "date", "engage date, created, created at, create date, start date, дата создания, создана, date de création, aangemaakt, aanmaakdatum, yaratilgan, deal created, add time, opened"),
    Target("closed_on", _("Closed on"), "date", "close date, closed at, closing date, дата закрытия, закрыта, date de clôture, sluitdatum, afgesloten, yopilgan, deal closed on, won time, closed on, closed"),
    Target("expected_close", _("Expected to close"), "date", "expected close date, ожидаемая дата закрытия, clôture prévue, verwachte sluitdatum, expected close, expected closing date, expected closing, forecast close date, verwachte sluiting"),
    Target("lost_reason", _("Reason for losing"), "text", "lost reason, loss reason, причина отказа, raison de perte, verliesreden, rad etish sababi, closed lost reason, reason lost, reason for loss"),
    Target("lost_comment", _("Comment on losing"), "text", "lost comment, loss comment, комментарий к отказу, opmerking verlies"),
    Target("source", _("Source"), "text", "lead source, источник, origine, bron, manba"),
    Target("tags", _("Tags"), "tags", "tag, labels, теги, étiquettes, teglar"),
)  # fmt: skip


def known_of(rows: list[Parsed]) -> list[Deal | None]:
    """The deal each row means: by our number or the number elsewhere."""
    own, numbered = own_rows.records_of(DEAL, rows), own_rows.with_number(DEAL, rows)
    return [own.get(row.values.get("record_id", 0)) or numbered.get(row.values.get("external_id", "")) for row in rows]


def write(batch: Batch, rows: list[Parsed]) -> None:
    """Known or new; companies, contacts, products, people and stages are found or made."""
    create = batch.choices["duplicates"] == "create"
    known = [None] * len(rows) if create else known_of(rows)
    found = _Neighbours(batch, list(zip(rows, known, strict=True)))
    fresh: list[tuple[Parsed, dict[str, Any]]] = []
    taken: set[str] = set()
    for row, deal in zip(rows, known, strict=True):
        number = row.values.get("external_id", "")
        if deal is not None:
            _meet(batch, deal, row, found)
        elif number and number in taken and not create:
            batch.skipped += 1
        else:
            taken.add(number)
            fresh.append((row, _values(batch, row, found)))
    made = services.create_deals(batch.actor, [values for _row, values in fresh])
    _link(made, [row for row, _values in fresh], found)
    notes.add_many(batch.actor, DEAL, [(deal, row.values["note"]) for deal, (row, _values) in zip(made, fresh, strict=True) if row.values.get("note")])
    batch.created += len(made)
    batch.count("deals", len(made))


def _meet(batch: Batch, deal: Deal, row: Parsed, found: _Neighbours) -> None:
    if batch.takes(DEAL, deal, row):
        values = _update(deal, _values(batch, row, found), row)
        lines = with_lines(deal, found.said(row, deal), found.lines.get(deal.pk, ()), found.products, apart=found.apart)
        if row.values.get("closed_on"):
            deal.closed_read = None  # the table says when it was closed, though it be the day it had
        changed = writing.change_locked(batch.actor, DEAL, deal, values if lines is None else {**values, "lines": lines})
        if lines is not None:
            found.lines |= present_lines([deal])
        changed |= notes.add_once(batch.actor, DEAL, deal, row.values.get("note", ""))
        batch.met(changed=changed)


def _update(deal: Deal, values: dict[str, Any], row: Parsed) -> dict[str, Any]:
    """A second import of the same deals changes what the table says, never what only the first making decides."""
    given, left = row.values, {"rank", "created_at", "stage_since"}
    if given.get("sum_minor") is None and not given.get("currency"):
        left.add("currency")
    if given.get("closed_on") is None or (deal.closed_at and timezone.localdate(deal.closed_at) == given["closed_on"]):
        left.add("closed_at")
    if deal.company_id != values["company_id"] and deal.company is not None and reaching.name_key(given.get("company", "")) == reaching.name_key(deal.company.name):
        left.add("company_id")  # the one it has, though another bears the same name
    if not given.get("name"):
        left.add("name")
    if not given.get("stage") and not given.get("state"):
        left |= {"stage_id", "pipeline_id"}
        values["closed_at"] = _moment(given.get("closed_on")) if deal.closed_at else None
    return {name: value for name, value in values.items() if name not in left and value not in (None, "")}


class _Neighbours:
    """Everything the rows of a batch name, by folded name, in a handful of statements."""

    def __init__(self, batch: Batch, pairs: list[tuple[Parsed, Deal | None]]) -> None:
        rows, fresh = [row for row, _deal in pairs], [row for row, deal in pairs if deal is None]
        self.batch, self.apart = batch, batch.apart("product")
        self.people = people_of(batch, [row.values.get("responsible", "") for row in rows])
        self.companies = self._companies([row.values.get("company", "") for row in rows])
        taken = [(row, deal) for row, deal in pairs if deal is not None and row.values.get("product") and self._may_take(deal)]
        self.lines = present_lines(deal for _row, deal in taken)
        unknown = [said.name for row, deal in taken for said, line in paired(self.said(row, deal), self.lines[deal.pk], apart=self.apart) if line is None]
        self.products = self._products([*(name for row in fresh for name in names_in(row.values.get("product", ""))), *unknown])
        self._met: dict[tuple[Any, ...], int] = {}
        self.contacts = {row.number: self._contacts(row) for row in fresh}
        self.reasons = {fold(reason.name): reason.pk for reason in LostReason.objects.all()}

    def _companies(self, names: list[str]) -> dict[str, int]:
        known = {key: company.pk for key, company in companies.by_names(names).items()}
        missing: dict[str, str] = {}
        for name in names:
            if name and reaching.name_key(name) not in known:
                missing.setdefault(reaching.name_key(name), name)
        made = companies.create_companies(self.batch.actor, [{"name": name} for name in missing.values()])
        self.batch.count("companies", len(made))
        return known | {reaching.name_key(company.name): company.pk for company in made}

    def _may_take(self, deal: Deal) -> bool:
        """A row that changes nothing makes no product either."""
        return self.batch.choices["duplicates"] == "update" and writing.may(self.batch.actor, DEAL.entity.EDIT, deal)

    def said(self, row: Parsed, deal: Deal) -> list[Said]:
        """The product lines that a row gives a deal."""
        return said_lines(row, chosen=self.batch.choices["currency"], currency=deal.currency)

    def _products(self, names: list[str]) -> dict[str, Product]:
        """Products by the names of the file; a spelling that the person keeps apart is a product of its own."""
        known = products.by_spellings(names, apart=self.apart)
        missing: dict[str, str] = {}
        keys = {name: name if name in self.apart else f"={folded_name(name)}" for name in names if name not in known}
        for name, key in keys.items():
            missing.setdefault(key, name)
        made = products.create_products(self.batch.actor, [{"name": name, "currency": self.batch.choices["currency"]} for name in missing.values()])
        self.batch.count("products", len(made))
        new = dict(zip(missing, made, strict=True))
        known |= {name: new[key] for name, key in keys.items()}
        for name in names:
            product = known[name]
            if product.name != name:
                pair = (name, product.name)
                self.batch.folded[pair] = self.batch.folded.get(pair, 0) + 1
        return known

    def _contacts(self, row: Parsed) -> list[int]:
        """The contacts of a row, the first with the phones and e-mails that stand beside it; one is known by those alone too."""
        phones, emails = tuple(row.values.get("contact_phone", ())), tuple(row.values.get("contact_email", ()))
        names = listed(row, "contact") or ([""] if phones or emails else [])
        found = [self._contact(name, *((phones, emails) if at == 0 else ((), ()))) for at, name in enumerate(names)]
        return [pk for pk in dict.fromkeys(found) if pk]

    def _contact(self, name: str, phones: tuple[str, ...], emails: tuple[str, ...]) -> int:
        asked = name, phones, emails
        if asked not in self._met:
            before = Contact.objects.count()
            contact = met_or_made(self.batch.actor, name, phones, emails)
            self.batch.count("contacts", Contact.objects.count() - before)
            self._met[asked] = contact.pk if contact is not None else 0
        return self._met[asked]

    def reason(self, name: str) -> int:
        """A reason by name, made where it is new; a loss without one says that the import gave none."""
        wanted = name.strip() or _in_firms_words(_("Not given in the import"))
        if fold(wanted) not in self.reasons:
            if not self.batch.may_add:
                return self._reason_there(name)
            if name.strip() and not self.batch.choices["add_missing"]:
                raise BadCell(_now("No such reason for losing: “%(name)s”.") % {"name": name[:60]})
            self.reasons[fold(wanted)] = pipeline_services.add_reason(self.batch.actor, name=wanted).pk
            self.batch.note_added(_now("Reasons for losing"), wanted)
        return self.reasons[fold(wanted)]

    def _reason_there(self, name: str) -> int:
        """For whom the reasons are not theirs to add: "Other" or the first where the file gives none."""
        offered = [] if name.strip() else [reason for reason in pipelines.everything().reasons.values() if reason.archived_at is None]
        if not offered:
            raise BadCell(_now("There is no reason for losing “%(name)s”; an administrator can add it.") % {"name": name[:60]})
        return next((reason for reason in offered if fold(reason.name) in OTHER), offered[0]).pk

    def stage(self, name: str, pipeline_name: str) -> Stage:
        """A stage by name; won and lost by the words others use; a new one where the person chose so."""
        pipeline_id, board = self._pipeline(pipeline_name), pipelines.everything()
        stages = board.of(pipeline_id)
        if not name.strip():
            return stages[0]
        folded = fold(name)
        for stage in stages:
            if fold(stage.name) == folded:
                return stage
        if folded in WON or folded in LOST:
            return board.closing(pipeline_id, StageKind.WON if folded in WON else StageKind.LOST)
        if not self.batch.may_add:
            raise BadCell(_now("There is no stage “%(name)s”; an administrator can add it.") % {"name": name[:60]})
        if not self.batch.choices["add_missing"]:
            nearest = ", ".join(stage.name for stage in stages)
            raise BadCell(_now("No such stage: “%(name)s”. There are: %(stages)s.") % {"name": name[:60], "stages": nearest})
        stage = pipeline_services.add_stage(self.batch.actor, pipeline_id, name=name, hue=len(stages) % 8 + 1)
        self.batch.note_added(_now("Stages"), name)
        return stage

    def _pipeline(self, name: str) -> int:
        """A pipeline by name, those in use first; a new one where the person chose so, else the first."""
        board = pipelines.everything()
        alike = [one for one in board.pipelines if fold(one.name) == fold(name)]
        pipeline = next((one for one in alike if one.archived_at is None), alike[0] if alike else None)
        if pipeline is None and name.strip() and not self.batch.may_add:
            raise BadCell(_now("There is no pipeline “%(name)s”; an administrator can add it.") % {"name": name[:60]})
        if pipeline is None and name.strip() and self.batch.choices["add_missing"]:
            with firms_language():  # its first stages are the firm's
                pipeline = pipeline_services.add_pipeline(self.batch.actor, name=name)
            self.batch.note_added(_now("Pipelines"), pipeline.name)
        return (pipeline or pipelines.first()).pk

    def standing(self, given: dict[str, Any]) -> Stage:
        """The stage of a row: where a column of its own says won or lost, that decides, whatever stage it was in."""
        state = fold(given.get("state", ""))
        if state and not given.get("stage"):
            return self.stage("" if state in OPEN else given["state"], given.get("pipeline", ""))
        if state and state not in OPEN | WON | LOST:
            raise BadCell(_now("“%(state)s” is no state of a deal: open, won or lost.") % {"state": given["state"][:60]})
        return self.stage(given.get("stage", "") if state in OPEN or not state else given["state"], given.get("pipeline", ""))


def listed(row: Parsed, name: str) -> list[str]:
    """The names of a cell that holds several, each once."""
    return list(dict.fromkeys(names_in(row.values.get(name, ""))))


def _values(batch: Batch, row: Parsed, found: _Neighbours) -> dict[str, Any]:
    given = row.values
    stage = found.standing(given)
    begun, closed = _moment(given.get("started_on")), _moment(given.get("closed_on"))
    values: dict[str, Any] = {
        "name": given.get("name") or _name(row, found), "stage_id": stage.pk, "pipeline_id": stage.pipeline_id, "currency": given.get("currency") or batch.choices["currency"],
        "external_id": given.get("external_id", ""), "sum_minor": given.get("sum_minor"), "source": given.get("source", ""),
        "started_on": given.get("started_on"), "expected_close": given.get("expected_close"),
        "company_id": found.companies.get(reaching.name_key(given.get("company", ""))),
        "rank": ranks.fresh(clock.now(), position=row.number), "stage_since": clock.now(),
    }  # fmt: skip
    if begun is not None:
        values["created_at"] = begun
    if stage.kind != StageKind.OPEN:
        values["closed_at"] = closed or begun or clock.now()
    if stage.kind == StageKind.LOST:
        values["lost_comment"] = given.get("lost_comment", "")
        values["lost_reason_id"] = found.reason(given.get("lost_reason", ""))
    if given.get("responsible"):
        values["responsible_id"] = found.people[given["responsible"].casefold()]
    if given.get("tags"):
        values["tag_ids"] = tag_ids(batch, "deal", given["tags"])
    if given.get("custom"):
        values["custom"] = custom_choices(batch.actor, "deal", given["custom"], add=batch.choices["add_missing"], note=batch.note_added)
    return values


def _moment(day: date | None) -> datetime | None:
    """Noon of a day: the same day in every time zone people work in."""
    return None if day is None else datetime.combine(day, time(12), tzinfo=UTC)


def _name(row: Parsed, found: _Neighbours) -> str:
    """A deal without a name is called "product, company"."""
    products = [found.products[name].name for name in listed(row, "product") if name in found.products]
    given = row.values
    named = ", ".join(filter(None, (*products, given.get("company", ""))))
    return named or given.get("contact", "") or given.get("external_id", "") or _in_firms_words(_("Deal"))


def _in_firms_words(sentence: Any) -> str:
    """What stays here as data, in the firm's language, whoever imports."""
    with firms_language():
        return str(sentence)


def _link(made: list[Deal], rows: list[Parsed], found: _Neighbours) -> None:
    """Products and contacts of new deals; a single product without a price of its own was sold for the whole sum."""
    lines, people = [], []
    for deal, row in zip(made, rows, strict=True):
        said = found.said(row, deal)
        for order, one in enumerate(said):
            product = found.products[one.name]
            alone = deal.sum_minor or 0 if len(said) == 1 else 0
            lines.append(DealLine(deal=deal, product=product, order=order, **fresh_line(one, product, currency=deal.currency, alone=alone)))
        people += [DealContact(deal=deal, contact_id=pk, main=at == 0) for at, pk in enumerate(found.contacts[row.number])]
    DealLine.objects.bulk_create(lines)
    DealContact.objects.bulk_create(people)


register(ImportKind(
    "deals", DEAL, TARGETS, write, needs=("name", "product", "company", "external_id", "contact"), own_entity="deals", known=known_of, alike=alike,
    names={"product": PRODUCTS, "company": COMPANIES, "responsible": PEOPLE, "stage": STAGES}, prefix=r"(deal|lead|opportunity)\s+-\s+",
))  # fmt: skip
