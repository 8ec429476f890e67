"""What an export of ours says, an import reads back as the same records."""

from __future__ import annotations

import csv
import io

import pytest

from crm_core.groundwork.imports import commands, services
from crm_core.groundwork.imports.models import ImportRow, ImportRun, Stage
from crm_core.people.companies import services as companies
from crm_core.people.companies.models import Company
from crm_core.people.contacts import services as contacts
from crm_core.people.contacts.models import Contact
from crm_core.sales.deals import services as deals
from crm_core.sales.deals.models import Deal
from crm_core.sales.pipelines import queries as pipelines
from crm_core.sales.products import services as products
from crm_core.sales.products.models import Product
from crm_platform.accounts.models import User
from crm_platform.kernel.permissions import robot
from crm_platform.kernel.sheets import neutral

ROBOT = robot("test")


def bring_in(door, content: bytes, name: str, *, kind: str = "") -> ImportRun:
    with door.unit():
        run = services.upload(ROBOT, name=name, chunks=[content], kind=kind)
        services.choose(ROBOT, run.pk, kind=run.kind, chosen=run.mapping, choices=run.choices)
        services.start(ROBOT, run.pk)
    return commands._until_done(door.place, run.pk, (Stage.RUNNING,))


def fill(door) -> None:
    with door.unit():
        firm = companies.create_company(ROBOT, name="Bergh & Zonen", industry="Retail", employees=12, annual_revenue="1200000.50", founded=1990, external_id="C-1",
                                        addresses=[{"kind": "work", "street": "Kade 1", "city": "Delft", "zip": "2611"}, {"kind": "work", "city": "Breda"}], messengers=[{"service": "other", "name": "bergh, desk"}])  # fmt: skip
        companies.create_company(ROBOT, name="Bergh Noord", parent_id=firm.pk)
        daan = contacts.create_contact(
            ROBOT, first_name="Daan Willem", last_name="de Visser", position="=Buyer", phones=[{"number": "+31205550188"}, {"number": "+31612345678"}], birthday="1980-02-03",
            emails=[{"address": "d@bergh.example"}, {"address": "daan@home.example"}], messengers=[{"service": "telegram", "name": "daanw"}, {"service": "skype", "name": "live:daan"}], site="bergh.example",
            addresses=[{"kind": "work", "street": "Kade 1", "city": "Delft"}, {"kind": "work", "street": "Dok 2; rear, left", "zip": "4811", "city": "Breda", "country": "Netherlands"}, {"kind": "work", "city": "Gouda"}], external_id="P-1", companies=[{"company_id": firm.pk}],
        )  # fmt: skip
        contacts.create_contact(ROBOT, first_name="Eva")
        for name in ("Shelf", "Door; oak"):
            products.create_product(ROBOT, name=name, sku=f"{name}-1", price_minor=1050, currency="USD", unit="piece", description="Oak")
        board = pipelines.everything()
        lost = board.closing(pipelines.first().pk, "lost")
        deals.create_deal(ROBOT, name="Shelves", sum_minor=1234_50, currency="USD", company_id=firm.pk, expected_close="2030-05-06", source="Fair",
                          contacts=[{"contact_id": daan.pk}, {"contact": "Eva"}], lines=[{"product": "Shelf", "quantity_milli": 2500, "price_minor": 9_95, "discount": 10}, {"product": "Shelf", "quantity_milli": 1234}, {"product": "Door; oak", "price_minor": 1_000_00}])  # fmt: skip
        deals.create_deal(ROBOT, name="Doors", sum_minor=5000, currency="JPY", stage_id=lost.pk, lost_reason_id=next(iter(board.reasons)), lost_comment="Too slow", external_id="D-2")


def further(door) -> list[object]:
    """What stands in cells that hold several: of people and firms, and of the lines of a deal."""
    with door.unit():
        reached = [(one.messengers, one.addresses) for one in (Contact.objects.get(last_name="de Visser"), Company.objects.get(name="Bergh & Zonen"))]
        return [*reached, list(Deal.objects.get(name="Shelves").lines.values_list("name", "quantity_milli", "price_minor", "discount"))]


def counts(door) -> list[int]:
    with door.unit():
        return [model.objects.filter(binned_at=None).count() for model in (Contact, Company, Deal, Product)] + [User.objects.count()]


@pytest.mark.parametrize("form", ["csv", "xlsx"])
@pytest.mark.parametrize("language", ["en", "ru", "fr", "nl", "uz"])
def test_an_export_read_back_makes_and_changes_nothing(doors, form, language) -> None:
    fill(doors)
    before, said = counts(doors), further(doors)
    with doors.unit():
        User.objects.update(language=language)
    client = doors.client()
    for entity, kind in (("company", "companies"), ("contact", "contacts"), ("product", "products"), ("deal", "deals")):
        content = client.get(f"/export/{entity}?format={form}").content
        run = bring_in(doors, content, f"{entity}.{form}")
        with doors.unit():
            assert (run.kind, list(ImportRow.objects.filter(run=run).values_list("reason", flat=True))) == (kind, [])
        assert (run.totals["created"], run.totals["updated"], run.totals["skipped"]) == (0, 0, run.rows_total), entity
        assert (counts(doors), further(doors)) == (before, said)


def test_an_export_fills_up_what_was_taken_off_since(doors) -> None:
    fill(doors)
    said, files = further(doors), {}
    for entity in ("company", "contact", "deal"):
        files[entity] = doors.client().get(f"/export/{entity}?format=csv").content
    with doors.unit():
        for one in (*Contact.objects.exclude(addresses=[]), *Company.objects.exclude(addresses=[])):
            one.addresses, one.messengers = one.addresses[:1], one.messengers[1:]
            one.save()
        deal = Deal.objects.get(name="Shelves")
        deal.lines.filter(order=2).delete()
        deal.lines.filter(order=0).update(quantity_milli=1000, price_minor=5, discount=0)
    assert further(doors) != said
    for entity, content in files.items():
        run = bring_in(doors, content, f"{entity}.csv")
        assert (run.totals["created"], run.totals["updated"]) == (0, 1), entity
    now = further(doors)
    assert sorted(now[0][0], key=str) == sorted(said[0][0], key=str)
    assert (now[0][1], now[1], now[2]) == (said[0][1], said[1], said[2])


def test_an_export_says_everything_of_a_record(doors) -> None:
    fill(doors)
    client = doors.client()

    def rows(entity: str) -> dict[str, dict[str, str]]:
        text = client.get(f"/export/{entity}?format=csv").content.decode("utf-8-sig")
        return {row["Name" if "Name" in row else "Whole name"]: row for row in csv.DictReader(io.StringIO(text))}

    daan = rows("contact")["Daan Willem de Visser"]
    assert daan["Phone"] == "+31 20 555 0188, +31 6 12345678"
    assert (daan["Position"], daan["Birthday"], daan["Street"], daan["City"]) == ("'=Buyer", "1980-02-03", "Kade 1", "Delft")
    assert (daan["Messengers"], daan["Site"], daan["Number elsewhere"]) == ("telegram: daanw; skype: live:daan", "bergh.example", "P-1")
    assert daan["Further addresses"] == "Street: Dok 2; rear, left; Postcode: 4811; City: Breda; Country: Netherlands\nCity: Gouda"
    firm, branch = rows("company")["Bergh & Zonen"], rows("company")["Bergh Noord"]
    assert (firm["City"], firm["Postcode"], firm["Further addresses"], firm["Employees"], branch["Part of"]) == ("Delft", "2611", "City: Breda", "12", "Bergh & Zonen")
    open_deal, lost = rows("deal")["Shelves"], rows("deal")["Doors"]
    assert (open_deal["Sum"], open_deal["Currency"], open_deal["Expected to close"], open_deal["Source"]) == ("1234.50", "USD", "2030-05-06", "Fair")
    assert (open_deal["Contact"], open_deal["Product"], open_deal["Pipeline"]) == ("Daan Willem de Visser; Eva", 'Shelf; Shelf; "Door; oak"', "Sales")
    assert (open_deal["Quantity of the product"], open_deal["Price of the product"], open_deal["Discount on the product, %"]) == ("2.5; 1.234; 1", "9.95; 10.50; 1000", "10; 0; 0")
    assert (lost["Sum"], lost["Currency"], lost["Reason for losing"], lost["Comment on losing"], lost["Number elsewhere"]) == ("5000", "JPY", "Too expensive", "Too slow", "D-2")


def test_exports_fill_another_workspace_and_take_none_of_its_records_for_theirs(make_door) -> None:
    here, there = make_door(), make_door(firm="Eve & Co", email="eve@elsewhere.example")
    fill(here)
    with there.unit():
        contacts.create_contact(ROBOT, first_name="Zoe")
    for entity in ("company", "contact", "product", "deal"):
        run = bring_in(there, here.client().get(f"/export/{entity}?format=csv").content, f"{entity}.csv")
        assert (run.totals["created"], run.totals["errors"]) == (run.rows_total, 0)
    with there.unit():
        assert Contact.objects.filter(first_name="Zoe").exists()
        deal = Deal.objects.get(name="Shelves")
        assert (deal.sum_minor, deal.currency, deal.people.count()) == (1234_50, "USD", 2)
        daan = Contact.objects.get(last_name="de Visser")
        assert (len(daan.emails), daan.position) == (2, "=Buyer")
    assert further(there) == further(here)


def test_an_export_costs_the_same_for_one_and_for_many(inside, count_statements) -> None:
    from crm_core.groundwork.exports import services as exports
    from crm_core.groundwork.records import desk

    def cost() -> int:
        with count_statements() as count:
            list(exports.table(ROBOT, desk.find("deal"), {}))
        return count()

    deals.create_deal(ROBOT, name="One", contacts=[{"contact": "Ann"}], lines=[{"product": "Shelf"}])
    cost()
    first = cost()
    for name in ("Two", "Three", "Four"):
        deals.create_deal(ROBOT, name=name, contacts=[{"contact": name}], lines=[{"product": name}])
    assert cost() == first


@pytest.mark.parametrize("text", ["+31 20 555 0188, +31 6 12345678", "+31 20 555 0188; 020 5550188", "-5.50", "+1 (212) 555-0100"])
def test_cells_of_phones_only_are_no_formulas(text) -> None:
    assert neutral(text) == text


@pytest.mark.parametrize("text", ["+31 20 555 0188, =1+1", "+1+cmd", "-1+2", "+31, @sum(1)", "-x, +31 20"])
def test_what_stands_beside_a_phone_may_be_one(text) -> None:
    assert neutral(text) == f"'{text}"
