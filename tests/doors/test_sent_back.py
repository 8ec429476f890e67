"""What a program reads and sends back with the whole record changes nothing, and what it asks by is what it was told."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core.people.companies.models import Company
from crm_core.sales.deals.models import Deal
from crm_platform.events.models import Event
from tests.doors.conftest import Program
from tests.doors.test_records import listed, made


def test_a_lead_without_a_sum_is_told_as_0_and_read_and_sent_back_has_none_still(api: Program, doors) -> None:
    bare, dear = made(api, "leads", {"name": "A"}, {"name": "B", "price": 70})
    assert [api.get(f"leads/{pk}").json()["price"] for pk in (bare, dear)] == [0, 70]
    assert api.patch("leads", [{"id": bare, "price": 0}, {"id": dear, "price": 0}]).status_code == 200
    with doors.unit():
        assert [Deal.objects.get(pk=pk).sum_minor for pk in (bare, dear)] == [None, 0]
    assert api.patch("leads", [{"id": bare, "price": 5}, {"id": dear, "price": None}]).status_code == 200
    with doors.unit():
        assert [Deal.objects.get(pk=pk).sum_minor for pk in (bare, dear)] == [500, None]


def test_what_stands_beside_leads_has_its_address_and_tags_in_their_order(api: Program) -> None:
    contact = made(api, "contacts", {"name": "Anna"})[0]
    company = made(api, "companies", {"name": "Firma \"%d\""})[0]
    leads = made(api, "leads", *[{"name": f"{number}", "tags_to_add": tags} for number, tags in enumerate([[{"name": "a"}, {"name": "b"}], [{"name": "b"}], [], [{"name": "a"}, {"name": "b"}]])])
    for pk in leads[:2]:
        linked = [{"to_entity_id": contact, "to_entity_type": "contacts", "metadata": {"is_main": True}}, {"to_entity_id": company, "to_entity_type": "companies"}]
        assert api.post(f"leads/{pk}/link", linked).status_code == 200
    rows = api.get("leads?with=contacts&order[id]=asc").json()["_embedded"]["leads"]
    assert [[tag["name"] for tag in row["_embedded"]["tags"]] for row in rows] == [["a", "b"], ["b"], [], ["a", "b"]]
    for row in rows:
        beside = [(name, one["id"], one["_links"]["self"]["href"].partition("/api/v4/")[2]) for name in ("contacts", "companies") for one in row["_embedded"][name]]
        assert beside == ([("contacts", contact, f"contacts/{contact}"), ("companies", company, f"companies/{company}")] if row["id"] in leads[:2] else [])
    assert rows[0]["_embedded"]["contacts"][0]["is_main"] is True


def test_cents_stay_where_the_price_comes_back_as_it_was_told(api: Program, doors: Any) -> None:
    (lead,) = made(api, "leads", {"name": "A", "price": "12.99"})
    told = api.get(f"leads/{lead}").json()
    assert told["price"] == 12
    assert api.patch(f"leads/{lead}", {**told, "name": "B"}).status_code == 200
    with doors.unit():
        assert (Deal.objects.get(pk=lead).name, Deal.objects.get(pk=lead).sum_minor) == ("B", 12_99)
        assert "sum_minor" not in Event.objects.filter(name="deal.changed").latest("pk").after
    assert api.patch(f"leads/{lead}", {"price": "12.00"}).status_code == 200  # so it is said exactly
    with doors.unit():
        assert Deal.objects.get(pk=lead).sum_minor == 12_00


def test_leads_are_found_by_the_price_that_is_told(api: Program) -> None:
    bare, cents, eleven, twelve = made(api, "leads", {"name": "A"}, {"name": "B", "price": "0.40"}, {"name": "C", "price": "11.50"}, {"name": "D", "price": 12})
    for asked, found in (
        ("filter[price]=0", {bare, cents}), ("filter[price]=11", {eleven}), ("filter[price][]=12&filter[price][]=0", {bare, cents, twelve}),
        ("filter[price][from]=0&filter[price][to]=11", {bare, cents, eleven}), ("filter[price][from]=1", {eleven, twelve}), ("filter[price][to]=0", {bare, cents}),
        ("filter[price][from]=11&filter[price][to]=11", {eleven}), ("filter[price]=nonsense", set()),
    ):  # fmt: skip
        assert set(listed(api, f"leads?{asked}")) == found, asked


@pytest.mark.parametrize("value", [{"enum_id": 999_999}, {"enum_code": "NONE_SUCH"}, {"value": "Birch"}])
@pytest.mark.parametrize("kind", ["select", "multiselect"])
def test_a_choice_that_is_none_is_refused_and_what_was_chosen_stays(api: Program, kind: str, value: dict[str, Any]) -> None:
    field = api.post("leads/custom_fields", [{"name": "Wood", "type": kind, "enums": [{"value": "Oak", "sort": 1}, {"value": "Ash", "sort": 2}]}]).json()["_embedded"]["custom_fields"][0]
    (lead,) = made(api, "leads", {"name": "A", "custom_fields_values": [{"field_id": field["id"], "values": [{"value": "Oak"}]}]})
    answer = api.patch(f"leads/{lead}", {"name": "B", "custom_fields_values": [{"field_id": field["id"], "values": [value]}]})
    assert (answer.status_code, "not a valid choice" in answer.content.decode()) == (400, True)
    told = api.get(f"leads/{lead}").json()
    assert (told["name"], told["custom_fields_values"][0]["values"][0]["value"]) == ("A", "Oak")
    assert api.patch(f"leads/{lead}", {"custom_fields_values": [{"field_id": field["id"], "values": [{"value": None}]}]}).status_code == 200
    assert api.get(f"leads/{lead}").json()["custom_fields_values"] is None


def test_the_parts_of_an_address_stay_where_its_line_comes_back(api: Program, doors: Any) -> None:
    parts = [{"kind": "work", "street": "Dam 1", "zip": "1012", "city": "Amsterdam"}, {"kind": "other", "street": "Quai 2", "city": "Lyon"}]
    (company,) = made(api, "companies", {"name": "A"})
    with doors.unit():
        Company.objects.filter(pk=company).update(addresses=parts)
    told = api.get(f"companies/{company}").json()
    assert api.patch(f"companies/{company}", {**told, "name": "B"}).status_code == 200
    with doors.unit():
        assert (Company.objects.get(pk=company).name, Company.objects.get(pk=company).addresses) == ("B", parts)
    assert api.patch(f"companies/{company}", {"custom_fields_values": [{"field_code": "ADDRESS", "values": [{"value": "Rue 3"}]}]}).status_code == 200
    with doors.unit():
        assert [row["street"] for row in Company.objects.get(pk=company).addresses] == ["Rue 3"]


def test_companies_are_found_by_their_site_and_contacts_by_their_position(api: Program) -> None:
    site, position = {"field_code": "WEB", "values": [{"value": "https://a.example"}]}, {"field_code": "POSITION", "values": [{"value": "Head, wood"}]}
    company, _other = made(api, "companies", {"name": "A", "custom_fields_values": [site]}, {"name": "B"})
    contact, _another = made(api, "contacts", {"name": "A", "custom_fields_values": [position]}, {"name": "B"})
    assert listed(api, "companies?filter[custom_fields_values][990013][]=https://a.example") == [company]
    assert listed(api, "contacts?filter[custom_fields_values][990001]=Head, wood") == [contact]


@pytest.mark.parametrize("known", [False, True])
def test_a_field_that_nothing_is_found_by_is_said_and_not_passed_over(api: Program, known: bool) -> None:
    made(api, "leads", {"name": "A"})
    field = api.post("leads/custom_fields", [{"name": "Paper", "type": "file"}]).json()["_embedded"]["custom_fields"][0]["id"] if known else 424_242
    path = f"leads?filter[custom_fields_values][{field}][]=1"
    assert (api.get(path).status_code, api.get(path).headers["X-Ignored"]) == (200, f"filter[custom_fields_values][{field}]")
    assert api.get(path, **{"X-Strict": "1"}).status_code == 400


def test_a_reason_beside_a_lost_lead_is_told_as_in_the_list_of_reasons(api: Program) -> None:
    reason = api.post("leads/loss_reasons", [{"name": "Too dear"}]).json()["_embedded"]["loss_reasons"][0]["id"]
    (lead,) = made(api, "leads", {"name": "A", "status_id": 143, "loss_reason_id": reason})
    assert api.get(f"leads/{lead}?with=loss_reason").json()["_embedded"]["loss_reason"] == [one for one in api.get("leads/loss_reasons").json()["_embedded"]["loss_reasons"] if one["id"] == reason]


def test_what_is_told_anyway_may_be_asked_for(api: Program) -> None:
    (lead,) = made(api, "leads", {"name": "A"})
    answer = api.get(f"leads/{lead}?with=tags,is_price_modified_by_robot", **{"X-Strict": "1"})
    assert answer.status_code == 200
    assert api.get("leads?with=tags,is_price_modified_by_robot", **{"X-Strict": "1"}).status_code == 200
