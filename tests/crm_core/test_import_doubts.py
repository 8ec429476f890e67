"""What the wizard asks and says before the run: spellings that look like one, real counts of columns, what is here already."""

from __future__ import annotations

import pytest

from crm_core.groundwork.imports import commands, counting, kinds, looking, running, seeing, services
from crm_core.groundwork.imports.models import ImportRun, Stage
from crm_core.people.companies import services as companies
from crm_core.people.contacts import services as contacts
from crm_core.sales.deals import services as deal_services
from crm_core.sales.deals.models import Deal
from crm_core.sales.products import services as products
from crm_core.sales.products.models import Product
from crm_platform.jobs import serving
from crm_platform.kernel.errors import Invalid, NotFound
from tests.crm_core.test_imports import ROBOT, bring_in
from tests.factories.cast import cast

DEALS = "Deal,Id,Product,Account\nOne,1,GTX Pro,Cancity\nTwo,2,GTXPro,Newco\nThree,3,GTXPro,\nFour,4,gtx-pro,Newco\nFive,5,Fresh,\n"
ANOTHER = {"spellings": {"product": {"GTXPro": "another"}}}


def upload(content: str = DEALS, *, actor=ROBOT, kind: str = "deals") -> ImportRun:
    return services.upload(actor, name="list.csv", chunks=[content.encode()], kind=kind)


def looked(door, run: ImportRun) -> ImportRun:
    serving.serve_side(door.unit, seconds=60)
    with door.unit():
        return ImportRun.objects.get(pk=run.pk)


def sold() -> dict[str, str]:
    return {deal.name: ", ".join(line.product.name for line in deal.lines.select_related("product")) for deal in Deal.objects.filter(binned_at=None)}


def test_two_spellings_are_one_product_unless_someone_says_otherwise(doors) -> None:
    with doors.unit():
        products.create_product(ROBOT, name="GTX Pro")
    run = bring_in(doors, DEALS, kind="deals")
    with doors.unit():
        assert sold() == {"One": "GTX Pro", "Two": "GTX Pro", "Three": "GTX Pro", "Four": "GTX Pro", "Five": "Fresh"}
    assert {(row["from"], row["rows"]) for row in run.totals["folded"]} == {("GTXPro", 2), ("gtx-pro", 1)}


@pytest.mark.parametrize("here", [True, False])
def test_another_product_is_a_second_one_in_every_batch_and_in_the_next_import(doors, monkeypatch, here) -> None:
    monkeypatch.setattr(running, "BATCH", 2)
    with doors.unit():
        if here:
            products.create_product(ROBOT, name="GTX Pro")
    run = bring_in(doors, DEALS, kind="deals", **ANOTHER)
    assert [(row["from"], row["to"]) for row in run.totals["folded"]] == [("gtx-pro", "GTX Pro")]
    again = bring_in(doors, DEALS, kind="deals", **ANOTHER)
    plain = bring_in(doors, DEALS, kind="deals")
    assert [(one.totals["created"], one.totals["updated"], one.totals["skipped"]) for one in (again, plain)] == [(0, 0, 5)] * 2
    bring_in(doors, "Deal,Id,Product\nSix,6,GTXPro\n", kind="deals")
    with doors.unit():
        assert sold() == {"One": "GTX Pro", "Two": "GTXPro", "Three": "GTXPro", "Four": "GTX Pro", "Five": "Fresh", "Six": "GTXPro"}
        assert sorted(Product.objects.values_list("name", flat=True)) == ["Fresh", "GTX Pro", "GTXPro"]


def test_an_update_that_keeps_them_apart_adds_the_other_product_to_a_deal(doors) -> None:
    bring_in(doors, DEALS, kind="deals")
    bring_in(doors, DEALS, kind="deals", **ANOTHER)
    with doors.unit():
        assert sold()["Two"] == "GTX Pro, GTXPro"
        assert sold()["Four"] == "GTX Pro"


@pytest.mark.parametrize(
    ("spellings", "said"),
    [
        ({"product": {"GTXPro": "perhaps"}}, "not “perhaps”"), ({"product": {"Nowhere": "another"}}, "The file has no “Nowhere”"), ({"company": {"Newco": "another"}}, "cannot be told apart"),
        ({"nothing": {"GTXPro": "same"}}, "cannot be told apart"),
    ],
)  # fmt: skip
def test_a_choice_that_is_none_is_refused_and_changes_nothing(doors, spellings, said) -> None:
    with doors.unit():
        run = upload()
        with pytest.raises(Invalid) as refused:
            services.choose(ROBOT, run.pk, kind="deals", chosen=run.mapping, choices={**run.choices, "spellings": spellings})
        assert said in str(refused.value.fields["spellings"][0])
        kept = ImportRun.objects.get(pk=run.pk)
        assert (kept.stage, kept.choices) == (Stage.UPLOADED, run.choices)


def test_a_choice_goes_with_its_column(doors) -> None:
    with doors.unit():
        run = upload()
        chosen = {column: target for column, target in run.mapping.items() if target != "product"}
        assert services.choose(ROBOT, run.pk, kind="deals", chosen=chosen, choices={**run.choices, **ANOTHER}).choices["spellings"] == {}
        assert services.choose(ROBOT, run.pk, kind="deals", chosen=run.mapping, choices={**run.choices, **ANOTHER}).choices["spellings"] == ANOTHER["spellings"]


def test_the_page_asks_keeps_the_answer_and_marks_the_preview(doors) -> None:
    browser = doors.client()
    with doors.unit():
        products.create_product(ROBOT, name="GTX Pro")
        run = upload()
    page = browser.get(f"/imports/{run.pk}").content.decode()
    for said in ("Two of these look like one", "“GTX Pro” is in the price list, “GTXPro” is not, and stands in 2 rows.", "2 rows get the price-list product", "was GTXPro", "2 products, 1 of them new", "2 companies, 2 of them new. Empty in 2 rows", "5 different values, good as a key"):
        assert said in page, said
    given = {"kind": "deals", "duplicates": "update", "verb": "look", "like:product:GTXPro": "another", "like:product:gtx-pro": "same"}
    given |= {f"target-{at}": run.mapping[column["name"]] for at, column in enumerate(run.reading["columns"])}
    assert browser.post(f"/imports/{run.pk}/columns", given).status_code == 303
    page = browser.get(f"/imports/{run.pk}").content.decode()
    assert 'name="like:product:GTXPro" value="another" checked' in page
    assert "was GTXPro" not in page
    with doors.unit():
        assert ImportRun.objects.get(pk=run.pk).choices["spellings"] == {"product": {"GTXPro": "another", "gtx-pro": "same"}}
    refused = browser.post(f"/imports/{run.pk}/columns", {**given, "like:product:GTXPro": "perhaps"})
    assert (refused.status_code, "not “perhaps”" in refused.content.decode()) == (422, True)
    # A column that goes elsewhere takes its question along.
    product = next(at for at, column in enumerate(run.reading["columns"]) if column["name"] == "Product")
    assert browser.post(f"/imports/{run.pk}/columns", {**given, f"target-{product}": "source"}).status_code == 303
    with doors.unit():
        assert ImportRun.objects.get(pk=run.pk).choices["spellings"] == {}


def test_an_import_stored_before_is_shown_and_runs(doors) -> None:
    with doors.unit():
        run = upload()
        for column in run.reading["columns"]:
            for name in ("values", "empty", "figures"):
                column.pop(name, None)
            if column["date"]:
                column["date"].pop("only", None)
        del run.reading["counted"], run.choices
        run.refresh_from_db(fields=["choices"])
        run.choices.pop("spellings", None)
        run.save()
    assert doors.client().get(f"/imports/{run.pk}").status_code == 200
    with doors.unit():
        services.start(ROBOT, run.pk)
    run = commands._until_done(doors.place, run.pk, (Stage.RUNNING,))
    assert run.totals["created"] == 5


def test_the_page_costs_as_many_statements_for_many_spellings(doors, count_statements) -> None:
    browser = doors.client()
    with doors.unit():
        few = upload("Deal,Product,Account,Sales agent,Stage\nOne,GTX Pro,A,Max,Won\n")
        many = upload("Deal,Product,Account,Sales agent,Stage\n" + "".join(f"D{n},{'GTX Pro' if n % 2 else 'gtx' + '-' * n + 'pro'},A{n},P{n},S{n}\n" for n in range(60)))
    costs = []
    for run in (few, few, many):
        with count_statements() as counted:
            assert browser.get(f"/imports/{run.pk}").status_code == 200
        costs.append(counted())
    assert costs[1] == costs[2]


def test_columns_are_counted_to_the_end_and_never_without_bound(doors, monkeypatch) -> None:
    rows = "".join(f"N{n},{'x' if n % 4 else ''},C{n % 7}\n" for n in range(5_000))
    monkeypatch.setattr("crm_core.groundwork.imports.mapping.PROFILED", 100)
    with doors.unit():
        columns = upload(f"Deal,Source,Account\n{rows}").reading["columns"]
        assert [(column["distinct"], column["empty"]) for column in columns] == [(5_000, 0), (1, 1_250), (7, 0)]
        assert columns[2]["values"][:2] == [("C0", 715), ("C1", 715)]
        monkeypatch.setattr(counting, "CELLS", 6_000)
        monkeypatch.setattr(counting, "MOST_NAMES", 500)
        monkeypatch.setattr(counting, "MOST_DISTINCT", 1_000)
        monkeypatch.setattr(counting, "AT_ONCE", 100)
        run = upload(f"Deal,Source,Account\n{rows}")
        name, source, _account = run.reading["columns"]
        assert (run.rows_total, run.reading["counted"], source["empty"], "values" in name) == (5_000, 2_000, 500, False)
        assert name["distinct"] == 1_001
        assert seeing.columns(run, ROBOT)[0].lines == ["More than 1,000 different values", "Counted in the first 2,000 rows"]


FILES = {
    "companies": "Name,Id\nHere,\nhère,\nOther name,7\nNew,\n",
    "contacts": "First name,Last name,Email,Company\nAnna,Visser,anna@a.example,Cancity\nAnna,Visser,,Cancity\nNina,New,nina@a.example,\nAnna,Visser,,Newco\n",
    "products": "Name\nGTXPro\nNew\n",
    "deals": "Deal,Id\nOne,1\nNew,2\n",
}


def some_here() -> None:
    companies.create_company(ROBOT, name="Here")
    companies.create_company(ROBOT, name="Numbered", external_id="7")
    firm = companies.create_company(ROBOT, name="Cancity")
    contacts.create_contact(ROBOT, first_name="Anna", last_name="Visser", emails=[{"address": "anna@a.example"}], companies=[{"company_id": firm.pk}])
    products.create_product(ROBOT, name="GTX Pro")
    deal_services.create_deal(ROBOT, name="One", external_id="1")


@pytest.mark.parametrize(("kind", "here"), [("companies", 2), ("contacts", 1), ("products", 1), ("deals", 1)])
def test_the_look_before_finds_what_the_run_meets(doors, kind, here) -> None:
    with doors.unit():
        some_here()
        run = upload(FILES[kind], kind=kind)
        before = kinds.find(kind).kind.model.objects.count()
    run = looked(doors, run)
    assert looking.result(run)["here"] == here
    page = doors.client().get(f"/imports/{run.pk}").content.decode()
    with doors.unit():
        assert kinds.find(kind).alike(here) in page
        assert kinds.find(kind).kind.model.objects.count() == before
        services.choose(ROBOT, run.pk, kind=kind, chosen=run.mapping, choices=run.choices)
        services.start(ROBOT, run.pk)
    run = commands._until_done(doors.place, run.pk, (Stage.RUNNING,))
    with doors.unit():
        assert kinds.find(kind).kind.model.objects.count() - before == run.totals["created"]
    assert run.totals["look"]["here"] == here


def test_a_look_is_out_of_date_when_columns_go_elsewhere(doors) -> None:
    with doors.unit():
        some_here()
        run = upload("Deal,Id,Begun\nOne,1,2024-01-02\nTwo,2,nonsense\nThree,3,2024-01-02\n")
        services.choose(ROBOT, run.pk, kind="deals", chosen={**run.mapping, "Begun": "started_on"}, choices=run.choices)
    run = looked(doors, run)
    found = looking.result(run)
    assert (found["here"], found["unreadable"], found["reasons"][0][0]) == (1, 1, 3)
    browser = doors.client()
    page = browser.get(f"/imports/{run.pk}").content.decode()
    for said in ("1 deal looks the same", "1 row cannot be read.", "Import 2 rows"):
        assert said in page, said
    with doors.unit():
        chosen = {column: target for column, target in run.mapping.items() if column != "Id"}
        run = services.choose(ROBOT, run.pk, kind="deals", chosen=chosen, choices=run.choices)
        assert looking.result(run) is None
    assert 'hx-trigger="every 1s"' in browser.get(f"/imports/{run.pk}/look").content.decode()
    run = looked(doors, run)
    assert looking.result(run)["here"] == 0
    assert "hx-trigger" not in browser.get(f"/imports/{run.pk}/look").content.decode()


def test_a_look_goes_no_further_than_it_may_and_stops_for_the_run(doors, monkeypatch) -> None:
    monkeypatch.setattr(looking, "MOST", 3)
    monkeypatch.setattr(running, "BATCH", 2)
    with doors.unit():
        run = upload()
        started = upload()
        services.start(ROBOT, started.pk)
    run = looked(doors, run)
    assert looking.result(run)["rows"] == 3
    assert "Looked at the first 3 rows." in doors.client().get(f"/imports/{run.pk}").content.decode()
    with doors.unit():
        assert "look" not in ImportRun.objects.get(pk=started.pk).totals


def test_whose_import_it_is_sees_the_look(doors) -> None:
    with doors.unit():
        people = cast()
        run = upload(actor=people["seller"])
        for who, may in {"owner": True, "administrator": True, "seller": True, "manager": False, "mate": False, "other": False, "viewer": False}.items():
            if may:
                services.get(people[who], run.pk)
            else:
                with pytest.raises(NotFound):
                    services.get(people[who], run.pk)
                with pytest.raises(NotFound):
                    services.choose(people[who], run.pk, kind="deals", chosen=run.mapping, choices={**run.choices, **ANOTHER})
    assert doors.client(email=None).get(f"/imports/{run.pk}/look").status_code == 302


def test_people_who_may_not_be_added_are_said_to_be_errors(doors) -> None:
    with doors.unit():
        people = cast()
        run = upload("Deal,Responsible,Stage\nOne,Sam,Won\nTwo,Nobody Known,Tasting\n")
        lines = {who: [line for one in seeing.columns(run, people[who]) for line in one.lines] for who in ("owner", "seller")}
    assert "2 names: 1 here, 1 come as people without access" in lines["owner"]
    assert "2 names: 1 here; rows with the other 1 are errors" in lines["seller"]
    assert "2 values: 1 known here, 1 are added" in lines["owner"]
    assert "2 values: 1 known here; rows with the other 1 are errors" in lines["seller"]
