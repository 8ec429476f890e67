"""What is bad, too much, or of somebody else: refused as a problem, quickly, and nothing is written."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import Any

import pytest

from crm_core.sales.deals.models import Deal
from crm_platform.accounts import tokens
from crm_platform.accounts.models import ApiToken, User
from crm_platform.accounts.tokens import For
from crm_platform.kernel import clock
from tenants.inside.services import change_preferences
from tests.crm_core.incoming.kit import ROBOT
from tests.doors.conftest import Program, program_of
from tests.doors.test_records import listed, made

PROBLEM = "application/problem+json"
# 31 December 9999, 23:59:59 UTC.
LAST = 253_402_300_799
# A list of each kind of engine.
LISTS = ("leads", "contacts", "companies", "customers", "tasks", "leads/notes", "events", "leads/unsorted", "catalogs", "catalogs/1000/elements", "customers/transactions", "sources", "leads/tags", "users", "leads/custom_fields", "talks", "/v1.0/files")
# Where each engine writes.
WRITES = ("leads", "contacts", "companies", "customers", "tasks", "leads/notes", "leads/complex", "leads/unsorted/forms", "catalogs", "sources", "leads/custom_fields", "leads/pipelines", "leads/tags", "calls", "talks", "roles", "short_links")


def _in_time(began: float) -> bool:
    return time.monotonic() - began < 30  # minutes would be a bomb; a busy machine is none


@pytest.mark.parametrize("path", LISTS)
def test_bracket_bombs(api: Program, path: str) -> None:
    began = time.monotonic()
    deep = "filter" + "[a]" * 20_000 + "=1"
    wide = "&".join(f"filter[id][{at}]=1" for at in range(19_999))
    for bomb in (deep, wide, "filter[" * 10_000 + "=1", "]" * 10_000 + "=1", "filter[id][][][][]=1&filter[id][0][1]=2&filter[id]=3", "order[[[]]]=asc", "filter[%00]=%00"):
        assert api.get(f"{path}?{bomb}").status_code in (200, 204, 400), bomb[:60]
    answer = api.get(f"{path}?" + "&".join(["filter[id][]=1"] * 20_001))
    assert (answer.status_code, answer.headers["Content-Type"], _in_time(began)) == (400, PROBLEM, True)


@pytest.mark.parametrize("path", LISTS)
def test_a_hundred_thousand_ids_in_a_filter(api: Program, path: str) -> None:
    began = time.monotonic()
    for name in ("id", "entity_id", "uid", "responsible_user_id", "name", "uuid"):
        assert api.get(f"{path}?filter[{name}]={','.join(map(str, range(1, 100_001)))}").status_code in (200, 204), name
    assert time.monotonic() - began < 60


@pytest.mark.parametrize("path", [*LISTS, "leads/unsorted/summary"])
def test_the_last_second_of_all_is_a_moment_that_nobody_trips_over(api: Program, path: str) -> None:
    for name in ("created_at", "updated_at", "closed_at", "complete_till", "next_date"):
        for end in ("[from]", "[to]", ""):
            assert api.get(f"{path}?filter[{name}]{end}={LAST}").status_code in (200, 204), (name, end)
    assert api.get(path, If_Modified_Since="Fri, 31 Dec 9999 23:59:59 GMT").status_code in (200, 204)


def test_a_moment_that_a_time_zone_puts_beyond_all_years_is_none(api: Program, doors: Any) -> None:
    with doors.unit():
        change_preferences(ROBOT, time_zone="Asia/Tokyo")
    (lead,) = made(api, "leads", {"name": "A"})
    field = api.post("leads/custom_fields", [{"name": "Delivery", "type": "date"}]).json()["_embedded"]["custom_fields"][0]["id"]
    for moment, status in ((LAST, 400), (LAST - 86_400, 200)):
        bodies: list[tuple[str, dict[str, Any]]] = [("leads", {"created_at": moment}), ("leads", {"status_id": 142, "closed_at": moment}), ("tasks", {"text": "Call", "complete_till": moment, "entity_id": lead, "entity_type": "leads"})]
        for path, body in bodies:
            assert api.post(path, [body]).status_code == status, (path, body)
        assert api.patch(f"leads/{lead}", {"custom_fields_values": [{"field_id": field, "values": [{"value": moment}]}]}).status_code == status
        for path in ("/deals", f"/deals/{lead}", "/day"):
            assert doors.client().get(path).status_code == 200, path


@pytest.mark.parametrize("path", WRITES)
def test_ten_megabytes_are_refused_and_nothing_is_written(api: Program, doors: Any, path: str) -> None:
    began = time.monotonic()
    for body in (json.dumps([{"name": "x" * 10_000_000}]).encode(), b"[" + b"{}," * 3_400_000 + b"{}]"):
        answer = api.send("POST", path, body)
        assert (answer.status_code, answer.headers["Content-Type"], answer.json()["status"]) == (413, PROBLEM, 413)
    assert _in_time(began)
    with doors.unit():
        assert not Deal.objects.exists()


@pytest.mark.parametrize("path", WRITES)
def test_what_is_no_text_or_no_json(api: Program, path: str) -> None:
    for body in (b"\xff\xfe\xfa", b'[{"name": "\xc3\x28"}]', b"[{", b"{'a': 1}", b"[1, 2]", b'"text"', b"[" * 50_000 + b"]" * 50_000, b'[{"name": Infinity}]', b"[null]", b'[{"a":' * 3000 + b"1" + b"}]" * 3000):
        answer = api.send("POST", path, body)
        assert (answer.status_code, answer.headers["Content-Type"]) == (400, PROBLEM), body[:30]
    assert api.get(f"{path}?filter[name]=%ff%fe&query=%c3%28").status_code in (200, 204, 405)


def test_halves_of_letters_and_zero_bytes_are_kept_as_what_can_be_kept(api: Program) -> None:
    (pk,) = made(api, "leads", {"name": "a\x00b\ud800c", "tags_to_add": [{"name": "t\x00\ud800"}], "external_id": "e\x00\udfff"})
    told = api.get(f"leads/{pk}").json()
    assert (told["name"], told["external_id"], told["_embedded"]["tags"][0]["name"]) == ("ab?c", "e?", "t?")
    assert api.post("leads", [{"name": {"x": 1}}]).status_code == 400
    assert api.get("leads?query=%00&filter[name]=a%00").status_code in (200, 204, 400)


@pytest.mark.parametrize("path", [*WRITES, "leads/links", "leads/1/link", "widgets/w", "webhooks", "customers/segments", "bots", "chats/templates", "leads/custom_fields/groups"])
def test_halves_of_letters_and_depth_break_nothing_anywhere(api: Program, path: str) -> None:
    bad: Any = {"a\x00\ud800": "\udfff\x00", "n": [{"\ud800": 1}]}
    deep: Any = "x"
    for _ in range(60):
        deep = [deep]
    names = ("name", "metadata", "params", "settings", "triggers", "enums", "services", "_embedded", "required_statuses", "request_id", "to_entity_type", "chained_lists", "values", "data", "buttons", "rights", "destination")
    for value in (bad, deep, [bad], "\ud800\x00", {"leads": [bad], "contacts": [bad], "statuses": [bad], "tags": [{"name": "\ud800"}]}):
        for body in ({"name": "A", "type": "file", "source_uid": "a", "source_name": "b", "metadata": {}, "request_id": "\ud800"} | {name: value} for name in names):
            answer = api.post(path, [body])
            assert answer.status_code < 500, body
    bottomless = b"[" * 900 + b"]" * 900
    assert api.send("POST", path, b'[{"name": "A", "metadata": ' + bottomless + b', "params": ' + bottomless + b"}]").status_code in (400, 405)


def test_numbers_as_text_and_text_as_numbers(api: Program) -> None:
    pipeline = api.get("leads/pipelines").json()["_embedded"]["pipelines"][0]
    stage = pipeline["_embedded"]["statuses"][1]["id"]
    (pk,) = made(api, "leads", {"name": 12345, "price": "700", "status_id": str(stage), "pipeline_id": str(pipeline["id"]), "responsible_user_id": "0", "created_at": "1700000000", "request_id": 7})
    told = api.get(f"leads/{pk}").json()
    assert (told["name"], told["price"], told["status_id"], told["created_at"], told["responsible_user_id"]) == ("12345", 700, stage, 1_700_000_000, None)
    (task,) = made(api, "tasks", {"text": 5, "complete_till": "1900000000", "task_type_id": "2", "entity_id": str(pk), "entity_type": "leads", "is_completed": "0"})
    assert api.get(f"tasks/{task}").json()["task_type_id"] == 2
    for wrong in ({"price": "dear"}, {"status_id": "first"}, {"pipeline_id": "true"}, {"created_at": "soon"}, {"responsible_user_id": "me"}, {"price": "1e400"}, {"price": True}, {"status_id": 1.5}, {"status_id": "9" * 40}):
        assert api.post("leads", [wrong]).status_code == 400, wrong


def test_unknown_fields_and_explicit_nulls_change_nothing(api: Program) -> None:
    (pk,) = made(api, "leads", {"name": "A", "price": 5, "nonsense": {"deep": [1]}, "visitor_uid": None, "score": 3})
    before = api.get(f"leads/{pk}").json()
    nulls = dict.fromkeys(("responsible_user_id", "status_id", "pipeline_id", "created_at", "created_by", "updated_by", "loss_reason_id", "closed_at", "request_id", "tags_to_add", "tags_to_delete", "custom_fields_values", "_embedded", "zzz"))
    assert api.patch(f"leads/{pk}", nulls).status_code == 200
    after = api.get(f"leads/{pk}").json()
    assert {name: after[name] for name in after if name != "updated_at"} == {name: before[name] for name in before if name != "updated_at"}
    for path in ("leads", "contacts", "companies"):
        assert api.post(path, [dict.fromkeys(("name", "custom_fields_values", "_embedded", "created_at", "first_name", "price", "tags_to_add"))]).status_code == 200


@pytest.mark.parametrize("path", WRITES)
def test_nulls_everywhere_break_nothing(api: Program, path: str) -> None:
    names = ("name", "text", "entity_id", "entity_type", "params", "metadata", "source_uid", "source_name", "external_id", "type", "enums", "rights", "url", "phone", "direction", "duration", "contact_id", "_embedded", "services")
    assert api.post(path, [dict.fromkeys(names)]).status_code in (200, 201, 400)


def test_tokens_that_open_nothing(api: Program, doors: Any, make_door: Any) -> None:
    (pk,) = made(api, "leads", {"name": "A"})
    with doors.unit():
        owner = User.objects.get(role__code="owner")
        ended = tokens.keep_token(owner, name="ended", purpose=For(life=timedelta(days=1)), jti="ended", made=clock.real_now() - timedelta(days=2))
        revoked = tokens.make_api_token(owner, name="revoked")
        ApiToken.objects.filter(name="revoked").update(revoked_at=clock.real_now())
    foreign = program_of(make_door(firm="Eve & Co", email="eve@elsewhere.example")).token
    head, middle, _tail = api.token.split(".")
    for bad in (ended, revoked, foreign, "", "x", "a.b.c", f"{head}.{middle}.", f"{head}.{middle}.AAAA", api.token[:-2], "eyJhbGciOiJub25lIn0.e30.", "é" * 10):
        stranger = Program(api.client, bad)
        for answer in (stranger.get(f"leads/{pk}"), stranger.post("leads", [{}]), stranger.patch(f"leads/{pk}", {"name": "mine"}), stranger.delete(f"leads/{pk}")):
            assert (answer.status_code, answer.headers["Content-Type"], answer.headers.get("WWW-Authenticate")) == (401, PROBLEM, "Bearer"), bad
    assert (listed(api, "leads"), api.get(f"leads/{pk}").json()["name"]) == ([pk], "A")
