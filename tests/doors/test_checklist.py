"""The checklist of the reference's section 8: one test a line, named as the line is."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest

from crm_core.doors.amocrm.resources import catalogs
from crm_platform.config.chunked import ChunkedDoor
from tests.doors.conftest import Program
from tests.doors.test_records import made

HAL, PROBLEM = "application/hal+json", "application/problem+json"


def test_line_1_chunked_bodies_are_read_whole_up_to_a_bound(api: Program) -> None:
    """A body without a length reaches the API; one that is too large is a problem too. Over a socket: tests/clients (amocrm-js) and tests/browser/test_run.py."""
    told: list[Any] = []

    def inner(environ: dict[str, Any], start: Any) -> list[bytes]:
        told.append(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        environ["wsgi.input"].close()
        start("200 OK", [])
        return []

    started: list[tuple[str, dict[str, str]]] = []
    for size in (10, 5000):
        environ = {"PATH_INFO": "/api/v4/leads", "HTTP_TRANSFER_ENCODING": "Chunked", "wsgi.input": io.BytesIO(b"x" * size)}
        list(ChunkedDoor(inner, bound=1000)(environ, lambda status, headers: started.append((status, dict(headers)))))
    assert told == [b"x" * 10]
    assert [started[0][0], started[1][0], started[1][1]["Content-Type"]] == ["200 OK", "413 Content Too Large", PROBLEM]


def test_line_1_json_bodies_on_delete(api: Program) -> None:
    """Webhooks, decline, sources, templates, files: what goes is named in the body."""
    api.post("webhooks", {"destination": "https://hooks.example.com/in", "settings": ["add_lead"]})
    assert api.delete("webhooks", {"destination": "https://hooks.example.com/in"}).status_code == 204
    uid = api.post("leads/unsorted/forms", [{"source_uid": "a", "source_name": "A", "metadata": {"form_id": "1"}, "_embedded": {"leads": [{"name": "A"}]}}]).json()["_embedded"]["unsorted"][0]["uid"]
    declined = api.delete(f"leads/unsorted/{uid}/decline", {"user_id": None})
    assert (declined.status_code, declined.json()["uid"]) == (200, uid)
    for path, body in (("sources", {"name": "A", "external_id": "a"}), ("chats/templates", {"name": "A", "content": "b"})):
        pk = next(iter(api.post(path, [body]).json()["_embedded"].values()))[0]["id"]
        assert [api.delete(path, [{"id": pk}]).status_code, api.get(f"{path}/{pk}").status_code] == [204, 404]
    assert api.delete("/v1.0/files", [{"uuid": "d0000000-0000-4000-8000-000000000001"}]).status_code == 400


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("filter[id][0]={a}&filter[id][1]={b}", 2), ("filter[id][]={a}&filter[id][]={b}", 2), ("filter[id]={a},{b}", 2), ("filter[id]={a}%2C{b}", 2), ("filter%5Bid%5D%5B0%5D={a}", 1), ("filter%5Bid%5D%5B%5D={a}", 1),
        ("filter[id]={a}", 1), ("filter[updated_at][from]=1&filter[id]={a}", 1), ("", 2), ("?", 2), ("with=", 2),
    ],
)  # fmt: skip
def test_line_2_brackets_in_every_spelling(api: Program, query: str, count: int) -> None:
    a, b = made(api, "leads", {"name": "A"}, {"name": "B"})
    answer = api.get("leads?" + query.format(a=a, b=b))
    assert (answer.status_code, len(answer.json()["_embedded"]["leads"])) == (200, count)


def test_line_3_addresses_are_absolute_as_the_client_called_us(api: Program) -> None:
    made(api, "leads", {"name": "A"}, {"name": "B"}, {"name": "C"})
    host = api.get("account").json()["_links"]["self"]["href"].split("/")[2]
    name = host.partition(":")[0]
    answer = api.client.get("/api/v4/leads?limit=1&page=2&filter[name][0]=B&filter[name][1]=A&filter[name][2]=C&order[id]=asc", headers={"Authorization": f"bearer {api.token}", "Host": f"{name}:8443"}, secure=True)
    links = answer.json()["_links"]
    assert links.keys() == {"self", "next", "first", "prev"}
    for link in links.values():
        assert link["href"].startswith(f"https://{name}:8443/api/v4/leads?"), link
        assert "filter%5Bname%5D%5B0%5D=B" in link["href"]
    assert [re.search(r"[?&]page=(\d+)", links[which]["href"]).group(1) for which in ("first", "prev", "self", "next")] == ["1", "1", "2", "3"]
    assert answer.json()["_embedded"]["leads"][0]["_links"]["self"]["href"].startswith(f"https://{name}:8443/api/v4/leads/")


def test_line_4_exact_content_types_and_a_request_id(api: Program) -> None:
    (pk,) = made(api, "leads", {"name": "A"})
    for path, media in (("account", HAL), (f"leads/{pk}", HAL), ("leads", HAL), ("nowhere", PROBLEM), ("tasks/999", PROBLEM)):
        answer = api.get(path)
        assert answer.headers["Content-Type"] == media, path
        assert re.fullmatch(r"[0-9A-Za-z-]{8,40}", answer.headers["X-Request-Id"]), path
    for empty in (api.get("contacts"), api.get("leads/999")):
        assert (empty.status_code, empty.content, "Content-Type" in empty.headers) == (204, b"", False)


def test_line_5_request_ids_come_back_as_text_else_the_index(api: Program) -> None:
    rows = api.post("leads", [{"request_id": 5}, {}, {"request_id": "abc"}, {"request_id": None}]).json()["_embedded"]["leads"]
    assert [row["request_id"] for row in rows] == ["5", "1", "abc", "3"]
    refused = api.post("leads", [{"request_id": 12}, {"request_id": 13, "status_id": 1}]).json()
    assert [row["request_id"] for row in refused["validation-errors"]] == ["13"]


def test_line_6_minimal_answers_and_the_table_of_codes(api: Program) -> None:
    """What is made is told by its number alone; codes as in the table of section 2.5."""
    pk = api.post("leads", [{}]).json()["_embedded"]["leads"][0]
    assert pk.keys() == {"id", "request_id", "_links"}
    task = api.post("tasks", [{"text": "A", "complete_till": 1_900_000_000, "entity_id": pk["id"], "entity_type": "leads"}]).json()["_embedded"]["tasks"][0]
    assert task.keys() == {"id", "request_id", "_links"}
    note = api.post(f"leads/{pk['id']}/notes", [{"note_type": "common", "params": {"text": "A"}}]).json()["_embedded"]["notes"][0]
    assert note.keys() == {"id", "entity_id", "request_id", "_links"}
    field = api.post("leads/custom_fields", [{"name": "A", "type": "text"}])
    one = field.json()["_embedded"]["custom_fields"][0]["id"]
    codes = {
        "POST fields": field.status_code, "PATCH fields": api.patch(f"leads/custom_fields/{one}", {"name": "B"}).status_code, "POST groups": api.post("leads/custom_fields/groups", [{"name": "A"}]).status_code,
        "POST roles": (roles := api.post("roles", [{"name": "A"}])).status_code, "PATCH roles": api.patch(f"roles/{roles.json()['_embedded']['roles'][0]['id']}", {"name": "B"}).status_code,
        "POST webhooks": api.post("webhooks", {"destination": "https://a.example/", "settings": ["add_lead"]}).status_code, "POST buttons": api.post("website_buttons", {}).status_code,
        "GET lead": api.get("leads/999").status_code, "GET task": api.get("tasks/999").status_code, "GET nothing": api.get("customers").status_code, "GET field": api.get("leads/custom_fields/999").status_code,
        "DELETE leads": api.delete("leads").status_code, "POST broken": api.send("POST", "leads", b"[").status_code, "DELETE webhook": api.delete("webhooks", {"destination": "https://b.example/"}).status_code,
        "PATCH lead": api.patch(f"leads/{pk['id']}", {"name": "B"}).status_code, "unlink": api.post(f"leads/{pk['id']}/unlink", [{"to_entity_id": 1, "to_entity_type": "contacts"}]).status_code,
    }  # fmt: skip
    assert codes == {
        "POST fields": 201, "PATCH fields": 201, "POST groups": 201, "POST roles": 201, "PATCH roles": 202, "POST webhooks": 201, "POST buttons": 202, "GET lead": 204, "GET task": 404, "GET nothing": 204,
        "GET field": 404, "DELETE leads": 405, "POST broken": 400, "DELETE webhook": 404, "PATCH lead": 200, "unlink": 204,
    }  # fmt: skip


def test_line_7_nulls_and_echoes_and_empty_objects(api: Program) -> None:
    """Whole objects come back as they were told, read-only fields and all; `[{}]` makes one."""
    (pk,) = made(api, "leads", {})
    told = api.get(f"leads/{pk}?with=contacts,loss_reason,tags,catalog_elements").json()
    assert api.patch(f"leads/{pk}", told).status_code == 200
    (contact,) = made(api, "contacts", {"name": "A", "custom_fields_values": [{"field_code": "PHONE", "field_id": None, "values": [{"value": "+31205550142", "enum_id": None, "enum_code": "WORK"}]}]})
    whole = api.get(f"contacts/{contact}?with=leads").json()
    assert api.patch("contacts", [{**whole, "created_by": None, "updated_by": 0, "created_at": 5}]).status_code == 200
    assert api.get(f"contacts/{contact}").json()["custom_fields_values"] == whole["custom_fields_values"]
    assert api.post(f"leads/{pk}/link", [{"to_entity_id": contact, "to_entity_type": "contacts", "entity_type": None, "entity_id": None, "metadata": None}]).status_code == 200


def test_line_8_numbers_are_numbers(api: Program) -> None:
    """Ids are ints, but for unsorted, events, groups and files; catalogs count from 1000; 142 and 143 are in every pipeline."""
    (pk,) = made(api, "leads", {"name": "A"})
    first, second = (api.post("leads/pipelines", [{"name": name, "_embedded": {"statuses": [{"name": "First"}]}}]).json()["_embedded"]["pipelines"][0] for name in "AB")
    for pipeline in (first, second):
        assert {142, 143} <= {status["id"] for status in pipeline["_embedded"]["statuses"]}
    catalog = api.post("catalogs", [{"name": "A"}]).json()["_embedded"]["catalogs"][0]["id"]
    assert (type(pk), catalog > catalogs.PRODUCTS >= 1000) == (int, True)
    event = api.get("events").json()["_embedded"]["events"][0]
    group = api.get("leads/custom_fields/groups").json()["_embedded"]["custom_field_groups"][0]
    assert [type(event["id"]), type(group["id"]), type(event["entity_id"])] == [str, str, int]


def test_line_9_tokens_are_jwts_that_clients_read(api: Program) -> None:
    """Three parts; `exp`, `api_domain` and the rest of the claims. Refreshing, `hint` and `referer` are tested under tests/integrations."""
    head, body, sign = api.token.split(".")
    assert all((head, body, sign))
    assert Program(api.client, "x.y.z").get("account").json()["hint"]


def test_line_10_what_strict_clients_insist_on(api: Program) -> None:
    (pk,) = made(api, "leads", {"name": "A", "tags_to_add": [{"name": "t"}]})
    lead = api.get(f"leads?with=contacts,loss_reason,tags&filter[id]={pk}").json()["_embedded"]["leads"][0]
    assert (lead["_embedded"]["contacts"], lead["_embedded"]["loss_reason"]) == ([], [])
    assert lead["_embedded"]["tags"][0].keys() >= {"id", "name"}
    field = api.post("leads/custom_fields", [{"name": "Wood", "code": "WOOD", "type": "text"}]).json()["_embedded"]["custom_fields"][0]
    assert field.keys() >= {"id", "name", "sort", "entity_type", "account_id", "type"}
    assert api.patch(f"leads/{pk}", {"custom_fields_values": [{"field_code": "WOOD", "values": [{"value": "Oak"}]}]}).status_code == 200
    assert api.get(f"leads/{pk}").json()["custom_fields_values"][0].keys() == {"field_id", "field_name", "field_code", "field_type", "values"}
    pipeline = api.get("leads/pipelines").json()["_embedded"]["pipelines"][0]
    assert pipeline.keys() >= {"id", "sort", "account_id", "is_main", "is_unsorted_on", "is_archive"}
    assert pipeline["_embedded"]["statuses"][0].keys() >= {"id", "name", "sort", "account_id", "is_editable", "pipeline_id", "color", "type"}
    assert api.get("events").json()["_embedded"]["events"][0].keys() >= {"id", "type", "entity_id", "entity_type", "created_by", "created_at", "account_id", "value_before", "value_after"}
