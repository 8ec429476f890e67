"""Custom fields through the open API: every type, both ways."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from crm_core.doors.amocrm.fields.known import KIND_OF
from tenants.inside.models import Preferences
from tests.doors.conftest import Program, program_of
from tests.doors.test_records import listed, made
from tests.factories.cast import person

FIELD = {"id", "name", "code", "sort", "type", "entity_type", "account_id", "group_id", "is_api_only", "is_predefined", "is_deletable", "is_required", "enums", "required_statuses"}
ENUMS = [{"value": "Red", "sort": 1, "code": "R"}, {"value": "Blue", "sort": 2}]


def field(api: Program, path: str = "leads", **said: Any) -> dict[str, Any]:
    answer = api.post(f"{path}/custom_fields", [{"name": "F", "request_id": "f", **said}])
    assert answer.status_code == 201, answer.content
    (told,) = answer.json()["_embedded"]["custom_fields"]
    assert told.keys() >= FIELD
    assert told["request_id"] == "f"
    return told


@pytest.mark.parametrize(
    ("type_", "sent", "told"),
    [
        ("text", [{"value": "x"}], [{"value": "x"}]),
        ("textarea", ["x\ny"], [{"value": "x\ny"}]),
        ("streetaddress", [{"value": "Dam 1"}], [{"value": "Dam 1"}]),
        ("tracking_data", [{"value": "utm"}], [{"value": "utm"}]),
        ("numeric", [{"value": 1.5}], [{"value": "1.5"}]),
        ("numeric", [{"value": "12"}], [{"value": "12"}]),
        ("monetary", [{"value": "9.90"}], [{"value": "9.9"}]),
        ("checkbox", [{"value": 1}], [{"value": True}]),
        ("url", [{"value": "https://x.example/a"}], [{"value": "https://x.example/a"}]),
        ("date", [{"value": 1_700_000_000}], None),
        ("birthday", [{"value": "1990-05-06T00:00:00+00:00"}], None),
        ("date_time", [{"value": 1_700_000_000}], [{"value": 1_700_000_000}]),
        ("legal_entity", [{"value": {"name": "ООО", "vat_id": "1"}}], [{"value": {"name": "ООО", "vat_id": "1"}}]),
        ("smart_address", [{"value": "Dam", "enum_id": 1, "enum_code": "address_line_1"}], [{"value": "Dam", "enum_id": 1, "enum_code": "address_line_1"}]),
        ("chained_list", [{"catalog_id": 1001, "catalog_element_id": 2}], [{"catalog_id": 1001, "catalog_element_id": 2}]),
        ("file", [{"value": {"file_uuid": "u", "file_name": "n"}}], [{"value": {"file_uuid": "u", "file_name": "n"}}]),
    ],
)  # fmt: skip
def test_values_of_a_type_come_back(api: Program, type_: str, sent: Any, told: Any) -> None:
    made_ = field(api, type=type_, code="CODE", sort=7)
    assert (made_["type"], made_["code"], made_["sort"]) == (type_, "CODE", 7)
    (lead,) = made(api, "leads", {"custom_fields_values": [{"field_code": "CODE", "values": sent}]})
    (value,) = api.get(f"leads/{lead}").json()["custom_fields_values"]
    assert (value["field_id"], value["field_name"], value["field_code"], value["field_type"]) == (made_["id"], "F", "CODE", type_)
    assert value["values"] == told or (told is None and isinstance(value["values"][0]["value"], int))
    api.patch(f"leads/{lead}", {"custom_fields_values": [{"field_id": made_["id"], "values": None}]})
    assert api.get(f"leads/{lead}").json()["custom_fields_values"] is None


@pytest.mark.parametrize("type_", ["select", "radiobutton", "multiselect"])
def test_choices_by_id_code_or_value(api: Program, type_: str) -> None:
    made_ = field(api, type=type_, enums=ENUMS)
    assert [(one["value"], one["code"]) for one in made_["enums"]] == [("Red", "R"), ("Blue", None)]
    red, blue = (one["id"] for one in made_["enums"])
    for sent in ({"enum_id": red}, {"enum_code": "R"}, {"value": "Red"}, {"value": "Red", "enum_id": None, "enum_code": None}):
        (lead,) = made(api, "leads", {"custom_fields_values": [{"field_id": str(made_["id"]), "values": [sent]}]})
        assert api.get(f"leads/{lead}").json()["custom_fields_values"][0]["values"] == [{"value": "Red", "enum_id": red, "enum_code": "R"}], sent
    assert len(listed(api, f"leads?filter[custom_fields_values][{made_['id']}][]={red}")) == 4
    assert listed(api, f"leads?filter[custom_fields_values][{made_['id']}]={blue}") == []
    assert api.post("leads", [{"custom_fields_values": [{"field_id": made_["id"], "values": [{"value": "Green"}]}]}]).status_code == 400
    again = api.patch(f"leads/custom_fields/{made_['id']}", {"name": "G", "enums": [{"id": red, "value": "Crimson", "sort": 5}, {"value": "Green", "sort": 1}]})
    assert again.status_code == 201
    assert [one["value"] for one in again.json()["enums"]] == ["Green", "Crimson"]
    assert api.get(f"leads/{lead}").json()["custom_fields_values"][0]["values"][0]["value"] == "Crimson"


def test_ranges_of_numbers_and_dates(api: Program) -> None:
    number, day = field(api, type="numeric"), field(api, name="D", type="date")
    ids = made(api, "leads", *({"custom_fields_values": [{"field_id": number["id"], "values": [{"value": n}]}, {"field_id": day["id"], "values": [{"value": 1_700_000_000 + n * 86_400}]}]} for n in (1, 2, 3)))
    assert listed(api, f"leads?filter[custom_fields_values][{number['id']}][from]=2&filter[custom_fields_values][{number['id']}][to]=3") == ids[1:]
    assert listed(api, f"leads?filter[custom_fields_values][{day['id']}][to]={1_700_000_000 + 86_400}") == ids[:1]
    assert listed(api, f"leads?filter[custom_fields_values][{number['id']}][]=3") == ids[2:]


def test_fields_are_listed_changed_and_put_out_of_use(api: Program, doors) -> None:
    contacts = api.get("contacts/custom_fields").json()
    assert {one["code"] for one in contacts["_embedded"]["custom_fields"]} == {"POSITION", "PHONE", "EMAIL", "IM"}
    assert (contacts["_total_items"], contacts["_page_count"]) == (4, 1)
    made_ = field(api, "contacts", type="textarea", is_api_only=True, required_statuses=[{"status_id": 142, "pipeline_id": 1}])
    assert api.get(f"contacts/custom_fields/{made_['id']}").json()["required_statuses"] == [{"status_id": 142, "pipeline_id": 1}]
    assert [one["id"] for one in api.get("contacts/custom_fields?filter[type][0]=textarea").json()["_embedded"]["custom_fields"]] == [made_["id"]]
    assert api.patch("contacts/custom_fields", [{"id": made_["id"], "name": "Renamed"}]).json()["_embedded"]["custom_fields"][0]["name"] == "Renamed"
    assert api.delete(f"contacts/custom_fields/{made_['id']}").status_code == 204
    assert api.get(f"contacts/custom_fields/{made_['id']}").status_code == 404
    assert api.delete("contacts/custom_fields/990002").status_code == 400
    for wrong in ({"name": ""}, {"name": "x", "type": "nonsense"}, {"name": "x", "code": "PHONE"}):
        assert api.post("contacts/custom_fields", [wrong]).status_code == 400, wrong
    with doors.unit():
        mia = person("manager", name="Mia").email
    assert program_of(doors, mia).post("leads/custom_fields", [{"name": "x"}]).status_code == 403
    assert set(KIND_OF) >= {"text", "numeric", "checkbox", "select", "multiselect", "date", "url", "textarea", "radiobutton", "smart_address", "birthday", "legal_entity", "date_time", "monetary"}


def test_groups_of_fields(api: Program) -> None:
    made_ = field(api, type="text")
    (group,) = api.post("leads/custom_fields/groups", [{"name": "Delivery", "sort": 3, "fields": [made_["id"]], "request_id": 1}]).json()["_embedded"]["custom_field_groups"]
    assert (isinstance(group["id"], str), group["fields"], group["request_id"]) == (True, [made_["id"]], "1")
    assert api.get(f"leads/custom_fields/{made_['id']}").json()["group_id"] == group["id"]
    names = [row["id"] for row in api.get("leads/custom_fields/groups").json()["_embedded"]["custom_field_groups"]]
    assert names == ["default", "statistic", group["id"]]
    assert api.patch(f"leads/custom_fields/groups/{group['id']}", {"name": "Post"}).json()["name"] == "Post"
    assert api.get(f"leads/custom_fields/groups/{group['id']}").json()["name"] == "Post"
    assert api.delete(f"leads/custom_fields/groups/{group['id']}").status_code == 204
    assert api.get(f"leads/custom_fields/groups/{group['id']}").status_code == 404
    assert api.get(f"leads/custom_fields/{made_['id']}").json()["group_id"] is None
    assert api.get("leads/custom_fields/groups/default").json()["is_predefined"] is True


def test_a_text_that_is_too_long_is_told_and_not_cut(api: Program) -> None:
    pk = api.post("leads/custom_fields", [{"name": "Story", "type": "textarea"}]).json()["_embedded"]["custom_fields"][0]["id"]

    def put(text: str) -> Any:
        return api.post("leads", [{"custom_fields_values": [{"field_id": pk, "values": [{"value": text}]}]}])

    refused = put("a" * 5001)
    assert (refused.status_code, refused.json()["validation-errors"][0]["errors"][0]["path"]) == (400, "custom_fields_values.0.values")
    assert api.get("leads").status_code == 204
    assert put("a" * 5000 + " ").status_code == 200


def test_fields_are_listed_in_the_order_that_is_asked_for(api: Program) -> None:
    late, early, same = (field(api, "contacts", name=name, sort=sort)["id"] for name, sort in (("Late", 900), ("Early", 3), ("Same", 900)))

    def ids(query: str = "") -> list[int]:
        return [one["id"] for one in api.get(f"contacts/custom_fields?{query}").json()["_embedded"]["custom_fields"]]

    usual = ids()
    predefined = usual[:-3]
    assert usual[-3:] == [late, early, same]
    assert ids("order[sort]=asc") == [early, *sorted(predefined), late, same]
    assert ids("order[sort]=desc") == ids("order[sort]=asc")[::-1]
    assert (ids("order[id]=asc"), ids("order[id]=desc")) == (sorted(usual), sorted(usual, reverse=True))
    assert ids("order[id]=desc&limit=2&page=2") == sorted(usual, reverse=True)[2:4]
    assert ids(f"filter[id][]={late}&filter[id][]={same}&order[id]=desc") == [same, late]
    answer = api.get("contacts/custom_fields?order[name]=asc")
    assert ([one["id"] for one in answer.json()["_embedded"]["custom_fields"]], answer.headers["X-Ignored"]) == (usual, "order[name]")
    assert [api.get(f"contacts/custom_fields?{odd}", X_Strict="1").status_code for odd in ("order[name]=asc", "filter[spoon]=1", "order[sort]=desc")] == [400, 400, 200]


@pytest.mark.parametrize(("path", "noun"), [("leads", "leads"), ("contacts", "contacts"), ("companies", "companies"), ("customers", "customers"), ("catalogs/{}/elements", "elements")])
def test_a_moment_is_found_by_ranges_and_by_itself(api: Program, path: str, noun: str) -> None:
    if "{}" in path:
        path = path.format(api.post("catalogs", [{"name": "A"}]).json()["_embedded"]["catalogs"][0]["id"])
    visit = field(api, path.replace("/elements", ""), type="date_time")["id"]

    def one(name: str, moment: Any) -> int:
        body = {"name": name, "next_date": 1_900_000_000, "custom_fields_values": [{"field_id": visit, "values": [{"value": moment}]}] if moment else None}
        return int(api.post(path, [body]).json()["_embedded"][noun][0]["id"])

    early, late, _none = one("A", 1_700_000_000), one("B", "2023-11-14T23:13:21+01:00"), one("C", None)
    asked = f"{path}?order[id]=asc&filter[custom_fields_values][{visit}]"
    for question, ids in (
        ("[from]=1700000000", [early, late]), ("[to]=1700000000", [early]), ("[from]=1700000001", [late]), ("[from]=1700000002", []), ("[from]=2023-11-14T22:13:20Z", [early, late]), ("[]=1700000000", [early]),
        ("[]=1", []), (f"[from]=1699999999&filter[custom_fields_values][{visit}][to]=1700000001", [early, late]),
    ):  # fmt: skip
        answer = api.get(f"{asked}{question}", X_Strict="1")
        assert ([row["id"] for row in answer.json()["_embedded"][noun]] if answer.status_code == 200 else []) == ids, question
    told = api.get(f"{path}/{late}").json()["custom_fields_values"]
    assert told[0]["values"] == [{"value": 1_700_000_001}]
    wrong = api.post(path, [{"name": "D", "next_date": 1_900_000_000, "custom_fields_values": [{"field_id": visit, "values": [{"value": "soon"}]}]}])
    assert (wrong.status_code, "Unix timestamp" in wrong.content.decode()) == (400, True)


@pytest.mark.parametrize("zone", ["Asia/Tashkent", "America/New_York", "UTC"])
def test_days_are_the_firms_wherever_it_is(api: Program, doors, zone: str) -> None:
    with doors.unit():
        Preferences.objects.update(time_zone=zone)
    day, visit = (field(api, name=type_, type=type_)["id"] for type_ in ("date", "date_time"))

    def values(day_: Any, moment: Any) -> list[dict[str, Any]]:
        return [{"field_id": day, "values": [{"value": day_}]}, {"field_id": visit, "values": [{"value": moment}]}]

    lead, _other = made(api, "leads", {"custom_fields_values": values("1990-05-06", "2026-11-28 10:00")}, {"custom_fields_values": values("1990-05-07", "2026-11-28 10:01")})
    told = {one["field_id"]: one["values"][0]["value"] for one in api.get(f"leads/{lead}").json()["custom_fields_values"]}
    assert [f"{datetime.fromtimestamp(told[pk], ZoneInfo(zone)):%Y-%m-%d %H:%M}" for pk in (day, visit)] == ["1990-05-06 00:00", "2026-11-28 10:00"]
    for question in (f"[{day}][]={told[day]}", f"[{day}][to]={told[day]}", f"[{day}][]=1990-05-06", f"[{visit}][to]={told[visit]}", f"[{visit}][]=2026-11-28 10:00"):
        assert listed(api, f"leads?filter[custom_fields_values]{question}") == [lead], question
    api.patch(f"leads/{lead}", {"custom_fields_values": values(told[day], told[visit])})
    assert {one["field_id"]: one["values"][0]["value"] for one in api.get(f"leads/{lead}").json()["custom_fields_values"]} == told
