"""The journal through the open API, in its words."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from crm_core.doors.amocrm.resources import events
from crm_core.sales.deals import services as deals
from crm_core.sales.deals.models import Deal
from crm_platform.kernel import money, preferences
from crm_platform.kernel.permissions import robot
from tests.doors.conftest import Program, program_of
from tests.doors.test_records import listed, made
from tests.factories.cast import person

ROBOT = robot("test")


def told(api: Program, query: str = "") -> list[dict[str, Any]]:
    answer = api.get(f"events?{query}")
    return answer.json()["_embedded"]["events"] if answer.status_code == 200 else []


def test_what_happens_to_a_lead_is_told_in_the_apis_words(api: Program) -> None:
    (contact,) = made(api, "contacts", {"name": "Anna"})
    (pk,) = made(api, "leads", {"name": "A", "price": 5})
    first = api.get(f"leads/{pk}").json()
    api.patch(f"leads/{pk}", {"name": "B", "price": 7, "tags_to_add": [{"name": "VIP"}]})
    api.patch(f"leads/{pk}", {"status_id": 142})
    api.post(f"leads/{pk}/link", [{"to_entity_id": contact, "to_entity_type": "contacts"}])
    api.post(f"leads/{pk}/notes", [{"note_type": "call_in", "params": {"phone": "+31205550188", "duration": 3}}])
    api.delete(f"leads/{pk}")
    rows = told(api, f"filter[entity][]=lead&filter[entity_id][]={pk}")
    assert sorted(row["type"] for row in rows) == sorted([
        "lead_deleted", "incoming_call", "entity_linked", "lead_status_changed", "sale_field_changed", "name_field_changed", "entity_tag_added", "lead_added",
    ])  # fmt: skip
    by_type = {row["type"]: row for row in rows}
    moved = by_type["lead_status_changed"]
    assert moved["value_before"] == [{"lead_status": {"id": first["status_id"], "pipeline_id": first["pipeline_id"]}}]
    assert moved["value_after"][0]["lead_status"]["id"] == 142
    assert by_type["sale_field_changed"]["value_after"] == [{"sale_field_value": {"sale": 7}}]
    assert by_type["entity_tag_added"]["value_after"] == [{"tag": {"name": "VIP"}}]
    assert by_type["entity_linked"]["value_after"] == [{"link": {"entity": {"type": "contact", "id": contact}}}]
    assert all(len(row["id"]) == 26 and row["id"] == row["id"].lower() for row in rows)
    assert all(row.keys() >= {"id", "type", "entity_id", "entity_type", "created_by", "created_at", "value_after", "value_before", "account_id"} for row in rows)
    assert api.get(f"events/{moved['id']}").json() == moved
    assert [api.get(f"events/{code}").status_code for code in ("0", "zzzz", "0" * 26)] == [404] * 3


def test_events_are_narrowed_and_paged(api: Program) -> None:
    field = api.post("leads/custom_fields", [{"name": "F", "type": "select", "enums": [{"value": "x"}]}]).json()["_embedded"]["custom_fields"][0]
    ids = made(api, "leads", {"name": "A"}, {"name": "B"}, {"name": "C"})
    api.patch(f"leads/{ids[0]}", {"status_id": 142, "custom_fields_values": [{"field_id": field["id"], "values": [{"value": "x"}]}]})
    home = api.get(f"leads/{ids[1]}").json()
    assert [row["entity_id"] for row in told(api, "filter[type]=lead_added,contact_added")] == ids[::-1]
    first = api.get("events?limit=2&filter[type][]=lead_added").json()
    assert (len(first["_embedded"]["events"]), "next" in first["_links"]) == (2, True)
    assert len(told(api, "limit=2&page=2&filter[type][]=lead_added")) == 1
    assert len(told(api, "limit=250")) <= 100
    assert len(told(api, f"filter[value_after][leads_statuses][0][pipeline_id]={home['pipeline_id']}&filter[value_after][leads_statuses][0][status_id]=142")) == 1
    assert told(api, f"filter[value_before][leads_statuses][0][pipeline_id]={home['pipeline_id']}&filter[value_before][leads_statuses][0][status_id]=142") == []
    assert [row["type"] for row in told(api, f"filter[type]=custom_field_{field['id']}_value_changed")] == ["custom_field_value_changed"]
    assert told(api, "filter[type]=custom_field_999_value_changed") == []
    assert told(api, "filter[created_at]=4000000000") == []
    assert told(api, "filter[created_by]=999") == []
    assert {row["key"] for row in api.get("events/types?language_code=None").json()["_embedded"]["events_types"]} >= {"lead_added", "task_completed"}
    for odd in ("filter[entity]=1&filter[entity_id]=x", "filter[id]=!!", "filter[value_after]=1", "filter[value_after][leads_statuses]=1", "page=40&limit=-1", "filter[created_at][from]=x"):
        assert api.get(f"events?{odd}").status_code in (200, 204), odd


def test_events_are_narrowed_by_the_values_of_either_side(api: Program) -> None:
    text = api.post("leads/custom_fields", [{"name": "F", "type": "text"}]).json()["_embedded"]["custom_fields"][0]["id"]
    one, two = made(api, "leads", {"name": "A, B", "price": 5}, {"name": "A", "price": 155})
    api.patch("leads", [{"id": one, "name": "C, D", "price": 155}, {"id": two, "name": "C", "price": 1555}])
    for pk, value in ((one, "oak, pine"), (two, "oak")):
        api.patch(f"leads/{pk}", {"custom_fields_values": [{"field_id": text, "values": [{"value": value}]}]})
    for asks, found in (
        ("value_after][value]=155&filter[type]=sale_field_changed&filter[entity]=lead", [one]), ("value_before][value]=155&filter[type]=sale_field_changed", [two]),
        ("value_after][value]=C, D&filter[type]=name_field_changed", [one]), ("value_before][value]=A&filter[type]=name_field_changed", [two]),
        (f"value_after][value]=oak&filter[type]=custom_field_{text}_value_changed", [two]), (f"value_after][value]=oak, pine&filter[type]=custom_field_{text}_value_changed", [one]),
        ("value_after][value][]=155&filter[value_after][value][]=1555&filter[type]=sale_field_changed", [two, one]), ("value_after][value]=15&filter[type]=sale_field_changed", []),
        ("value_before][value]=5&filter[value_after][value]=155", [one]), ("value_before][value]=5&filter[value_after][value]=1555", []),
    ):  # fmt: skip
        assert [row["entity_id"] for row in told(api, f"filter[{asks}")] == found, asks
    answer = api.get("events?filter[type]=sale_field_changed&filter[value_after][spoon]=1")
    assert (len(answer.json()["_embedded"]["events"]), answer.headers["X-Ignored"]) == (2, "filter[value_after][spoon]")
    assert api.get("events?filter[value_after][spoon]=1", X_Strict="1").status_code == 400
    assert api.get("events?filter[value_after][value]=155", X_Strict="1").status_code == 200


@pytest.mark.parametrize(("currency", "minor", "later"), [("JPY", (5000, 7001), (5000, 7001)), ("EUR", (500_000, 700_199), (5000, 7001)), ("KWD", (5_000_000, 7_001_999), (5000, 7001))])
def test_sums_are_told_in_whole_units_of_their_currency(api: Program, doors, currency: str, minor: tuple[int, int], later: tuple[int, int]) -> None:
    with doors.unit():
        here = preferences.here().currency
        assert here != "JPY"
        pk = deals.create_deal(ROBOT, name="A", currency=currency, sum_minor=minor[0]).pk
        deals.change_deal(ROBOT, pk, sum_minor=minor[1])
    (event,) = told(api, "filter[type]=sale_field_changed")
    assert (event["value_before"], event["value_after"]) == ([{"sale_field_value": {"sale": later[0]}}], [{"sale_field_value": {"sale": later[1]}}])
    assert api.get(f"events/{event['id']}").json() == event
    assert [row["entity_id"] for row in told(api, f"filter[value_after][value]={later[1]}")] == [pk]
    assert api.get(f"leads/{pk}").json()["price"] == later[1]
    # What a program says is in whole units too, and by them it is found.
    assert api.patch(f"leads/{pk}", {"price": 9000}).status_code == 200
    with doors.unit():
        assert Deal.objects.get(pk=pk).sum_minor == money.minor(Decimal(9000), currency=currency)
    (other,) = made(api, "leads", {"name": "B", "price": 8000})
    for asks, found in (("=9000", [pk]), ("[from]=8001", [pk]), ("[to]=8999", [other]), ("[from]=8000&filter[price][to]=9000", [pk, other]), ("[]=8000&filter[price][]=9000", [pk, other]), ("=90", [])):
        assert sorted(listed(api, f"leads?filter[price]{asks}")) == sorted(found), asks


def followed(api: Program, path: str) -> list[int]:
    """The records of all events, page after page, as a program reads them that follows `next` until there is none, or 204."""
    ids: list[int] = []
    while path:
        answer = api.get(path)
        if answer.status_code == 204:
            break
        body = answer.json()
        ids += [row["entity_id"] for row in body["_embedded"]["events"]]
        path = body["_links"].get("next", {}).get("href", "").partition("/api/v4/")[2]
    return ids


def test_the_next_page_goes_on_behind_the_last_however_many_events_there_are(api: Program, monkeypatch) -> None:
    monkeypatch.setattr(events, "_STEP", 2)
    monkeypatch.setattr(events, "_FARTHEST", 4)
    ids = made(api, "leads", *({"name": str(number), "price": 5} for number in range(7)))
    assert followed(api, "events?limit=2&filter[type]=lead_added") == ids[::-1]
    # One row may tell several: the page ends among them.
    api.patch(f"leads/{ids[0]}", {"name": "B", "price": 7, "tags_to_add": [{"name": "VIP"}]})
    assert followed(api, "events?limit=2") == [ids[0]] * 3 + ids[::-1]
    first = api.get("events?limit=2&filter[type]=lead_added").json()
    made(api, "leads", {"name": "meanwhile"})
    following = api.get(first["_links"]["next"]["href"].partition("/api/v4/")[2]).json()
    assert [row["entity_id"] for row in following["_embedded"]["events"]] == ids[::-1][2:4]


def test_what_is_asked_for_is_found_beyond_what_one_question_reads(api: Program, monkeypatch) -> None:
    (old,) = made(api, "leads", {"name": "A", "price": 5})
    api.patch(f"leads/{old}", {"price": 155})
    for number in range(9):
        api.patch(f"leads/{old}", {"price": number})
    monkeypatch.setattr(events, "_STEP", 2)
    monkeypatch.setattr(events, "_FARTHEST", 4)
    assert followed(api, "events?filter[type]=sale_field_changed&filter[value_after][value]=155") == [old]
    for page in ("page=2", "page=2&cursor=!!", "page=2&cursor[]=1"):  # by number a page counts what stands before it, and ends
        assert api.get(f"events?{page}&filter[value_after][value]=155").status_code == 204


def test_the_currencies_of_sums_are_asked_once(api: Program, doors, count_statements) -> None:
    def asked(more: int) -> int:
        with doors.unit():
            for _number in range(more):
                deals.change_deal(ROBOT, deals.create_deal(ROBOT, name="D", sum_minor=1).pk, sum_minor=100)
        told(api)  # what is kept is read
        with count_statements() as count:
            assert told(api, "filter[type]=sale_field_changed")
        return count()

    assert asked(1) == asked(5)


def test_a_seller_is_told_of_what_is_seen(api: Program, doors) -> None:
    with doors.unit():
        sam = person("seller", name="Sam").email
    made(api, "leads", {"name": "the owner's"})
    program = program_of(doors, sam)
    (own,) = made(program, "leads", {"name": "mine"})
    assert [row["entity_id"] for row in told(program, "filter[type]=lead_added")] == [own]
    assert len(told(api, "filter[type]=lead_added")) == 2


def test_what_happens_to_customers_is_told_too(api: Program, doors) -> None:
    (customer,) = made(api, "customers", {"name": "Bakery", "next_date": 1_900_000_000})
    owner = api.get(f"customers/{customer}").json()["responsible_user_id"]
    first, second = (api.post("customers/statuses", [{"name": name}]).json()["_embedded"]["statuses"][0]["id"] for name in "AB")
    with doors.unit():
        user = person("seller", name="Sam").pk
    for change in ({"status_id": first}, {"status_id": second, "name": "Bakery"}, {"name": "Bakeries"}, {"responsible_user_id": user, "name": "Bakeries"}):
        assert api.patch(f"customers/{customer}", change).status_code == 200
    bought = api.post(f"customers/{customer}/transactions", [{"price": 5}]).json()["_embedded"]["transactions"][0]["id"]
    assert api.delete(f"customers/{customer}").status_code == 204
    rows = api.get("events?filter[entity][]=customer&with=customer_name").json()["_embedded"]["events"]
    told = [(row["type"], row["value_before"], row["value_after"]) for row in reversed(rows)]
    assert told == [
        ("customer_added", [], []), ("customer_status_changed", [], [{"customer_status": {"id": first}}]), ("customer_status_changed", [{"customer_status": {"id": first}}], [{"customer_status": {"id": second}}]),
        ("name_field_changed", [{"name_field_value": {"name": "Bakery"}}], [{"name_field_value": {"name": "Bakeries"}}]), ("entity_responsible_changed", [{"responsible_user": {"id": owner}}], [{"responsible_user": {"id": user}}]),
        ("transaction_added", [], [{"transaction": {"id": bought}}]), ("customer_deleted", [], []),
    ]  # fmt: skip
    assert {(row["entity_type"], row["entity_id"], row["_embedded"]["entity"]["name"]) for row in rows} == {("customer", customer, "Bakeries")}
    moved = api.get(f"events?filter[type]=customer_status_changed&filter[value_before][customers_statuses][0][status_id]={first}").json()["_embedded"]["events"]
    assert [row["value_after"] for row in moved] == [[{"customer_status": {"id": second}}]]
    assert api.get(f"events/{rows[0]['id']}?with=customer_name").json()["_embedded"]["entity"]["name"] == "Bakeries"


def test_names_of_records_are_told_when_asked_for(api: Program) -> None:
    (lead,), (contact,) = made(api, "leads", {"name": "Kitchen"}), made(api, "contacts", {"name": "Anna"})
    named = {(row["entity_type"], row["entity_id"]): row["_embedded"]["entity"].get("name") for row in api.get("events?with=lead_name,contact_name&filter[type][]=lead_added&filter[type][]=contact_added").json()["_embedded"]["events"]}
    assert (named["lead", lead], named["contact", contact]) == ("Kitchen", "Anna")
    assert "name" not in api.get("events?with=company_name").json()["_embedded"]["events"][0]["_embedded"]["entity"]
