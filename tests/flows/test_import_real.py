"""The real spreadsheet of the issue: 8,800 deals, and 500 contacts twice."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from crm_core.groundwork.imports import commands, looking, seeing, services
from crm_core.groundwork.imports.models import ImportRun, Stage
from crm_core.insights.funnel import queries
from crm_core.people.companies import services as companies
from crm_core.people.companies.models import Company
from crm_core.people.contacts.models import Contact
from crm_core.sales.deals.models import Deal
from crm_core.sales.pipelines.models import Stage as PipelineStage
from crm_core.sales.products.models import Product
from crm_platform.accounts.models import Access, User
from crm_platform.jobs import serving
from crm_platform.kernel.permissions import robot
from tests.conftest import Door

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("CRM_TEST_DATA") or ROOT.parent / "shared" / "data")
needs_data = pytest.mark.skipif(not DATA.exists(), reason=f"!! THE REAL DATA IS NOT THERE: put it into {DATA} or name its folder with CRM_TEST_DATA !!")
ROBOT = robot("test")


def bring_in(door: Door, name: str, *, kind: str = "") -> ImportRun:
    with door.unit():
        run = services.upload(ROBOT, name=Path(name).name, chunks=[(DATA / name).read_bytes()], kind=kind)
        services.choose(ROBOT, run.pk, kind=run.kind, chosen=run.mapping, choices=run.choices)
        services.start(ROBOT, run.pk)
    return commands._until_done(door.place, run.pk, (Stage.RUNNING,))


def counts(door: Door) -> dict[str, int]:
    with door.unit():
        people = User.objects.filter(access=Access.NONE, deactivated_at=None).count()
        kept = {model.__name__: model.objects.filter(binned_at=None).count() for model in (Deal, Company, Product, Contact)}
        return {**kept, "people": people, "stages": PipelineStage.objects.count()}


def undo(door: Door, run: ImportRun) -> ImportRun:
    with door.unit():
        services.undo(ROBOT, run.pk)
    undone = commands._until_done(door.place, run.pk, (Stage.UNDOING,))
    assert undone.stage == Stage.UNDONE
    return undone


@needs_data
def test_eight_thousand_deals_come_in_and_go_back(make_door) -> None:
    door = make_door(plan="business")
    empty = counts(door)
    accounts = bring_in(door, "b2b-sales/accounts.csv")
    articles = bring_in(door, "b2b-sales/products.csv")
    assert (accounts.kind, articles.kind) == ("companies", "products")
    before = counts(door)
    assert before["Product"] == 7
    run = bring_in(door, "b2b-sales/sales_pipeline.csv")
    assert run.kind == "deals"
    assert run.totals["errors"] == 0
    assert run.totals["entities"]["deals"] == 8800
    assert run.totals["entities"]["people"] == 30
    assert [(row["from"], row["to"]) for row in run.totals["folded"]] == [("GTXPro", "GTX Pro")]
    after = counts(door)
    assert after["Product"] == 7
    with door.unit():
        assert Deal.objects.filter(company=None).count() == 1425
        assert str(Deal.objects.get(external_id="1C1I7A6R").started_on) == "2016-10-20"
        found = queries.funnel(ROBOT)
        stages = {row.name: row.count for row in found.stages}
        best = found.sellers[0]
    assert found.deals == 8800
    assert (found.won.count, found.won.sum, found.lost.count) == (4238, 10_005_534_00, 2473)
    assert stages["Engaging"] == 1589
    assert stages["Prospecting"] == 500
    assert found.win_rate == 63.2
    assert (best.name, best.sum) == ("Darcel Schlecht", 1_153_214_00)
    again = bring_in(door, "b2b-sales/sales_pipeline.csv")
    assert (again.totals["created"], again.totals["updated"], again.totals["skipped"]) == (0, 0, 8800)
    for one in (again, run):
        assert undo(door, one).totals["undo"]["kept"] == []
    assert counts(door) == before
    for one in (articles, accounts):
        assert undo(door, one).totals["undo"]["kept"] == []
    assert counts(door) == empty


@needs_data
def test_five_hundred_contacts_twice_make_no_doubles(make_door) -> None:
    door = make_door(plan="business")
    first = bring_in(door, "us-500.csv")
    assert first.kind == "contacts"
    assert first.totals["created"] == 500
    with door.unit():
        assert Contact.objects.count() == 500
        assert all(len(contact.phones) == 2 for contact in Contact.objects.all())
        companies = Company.objects.count()
    second = bring_in(door, "us-500.csv")
    assert second.totals["created"] == 0
    with door.unit():
        assert (Contact.objects.count(), Company.objects.count()) == (500, companies)


@needs_data
def test_the_real_deals_are_counted_and_their_spellings_asked_before_the_run(make_door) -> None:
    door = make_door(plan="business")
    bring_in(door, "b2b-sales/products.csv")
    with door.unit():
        companies.create_companies(ROBOT, [{"name": name} for name in ("Cancity", "Isdom")])
        run = services.upload(ROBOT, name="sales_pipeline.csv", chunks=[(DATA / "b2b-sales/sales_pipeline.csv").read_bytes()])
        saw = {one.column["name"]: one for one in seeing.columns(run, ROBOT)}
    assert saw["opportunity_id"].lines == ["8,800 different values, good as a key"]
    assert saw["sales_agent"].lines == ["30 names: 0 here, 30 come as people without access"]
    assert saw["product"].lines == ["7 products, all in the price list"]
    assert saw["account"].lines == ["85 companies, 83 of them new", "Empty in 1,425 rows"]
    assert saw["deal_stage"].lines == ["4 values: 2 known here, 2 are added"]
    assert saw["close_value"].lines == ["Empty in 2,089 rows"]
    [asked] = saw["product"].questions
    assert (asked.pair.spelling, asked.pair.main, asked.pair.rows, asked.pair.here) == ("GTXPro", "GTX Pro", 1480, True)
    assert saw["engage_date"].column["date"]["only"] == {"mdy": 5066, "both": 3234}
    serving.serve_side(door.unit, seconds=120)
    with door.unit():
        found = looking.result(ImportRun.objects.get(pk=run.pk))
        assert found is not None
        assert (found["rows"], found["here"], found["unreadable"]) == (8800, 0, 0)
        services.choose(ROBOT, run.pk, kind="deals", chosen=run.mapping, choices={**run.choices, "spellings": {"product": {"GTXPro": "another"}}})
        services.start(ROBOT, run.pk)
    run = commands._until_done(door.place, run.pk, (Stage.RUNNING,))
    assert run.totals["folded"] == []
    with door.unit():
        assert Product.objects.get(name="GTXPro").lines.count() == 1480
