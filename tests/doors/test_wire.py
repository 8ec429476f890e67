"""How the open API speaks, whatever the resource."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest
from django.utils.translation import gettext_lazy

from crm_core.doors.amocrm.wire import answers, brackets
from crm_core.doors.amocrm.wire.asking import whole
from crm_core.doors.amocrm.wire.fields import Item, items_of, settle
from crm_core.doors.amocrm.wire.problems import BadRequest, ItemsRefused
from tests.doors.conftest import Program

PROBLEM, HAL = "application/problem+json", "application/hal+json"


@pytest.mark.parametrize(
    ("query", "tree"),
    [
        ("filter[id][0]=1&filter[id][1]=2", {"filter": {"id": {"0": "1", "1": "2"}}}),
        ("filter%5Bid%5D%5B%5D=1&filter[id][]=2", {"filter": {"id": {"0": "1", "1": "2"}}}),
        ("filter[id]=1,2&with=a,b&=x&?", {"filter": {"id": "1,2"}, "with": "a,b", "": "x", "?": ""}),
        ("a=1&a[b]=2", {"a": {"b": "2"}}),
        ("a[b]=1&a=2", {"a": "2"}),
        ("a[[b]]=1&[x]=2&a]=3", {"a": {"b": "1"}, "": {"x": "2"}, "a]": "3"}),
        ("%ff=%fe&n%00=a%00b", {"\ufffd": "\ufffd", "n\x00": "ab"}),
        ("", {}),
    ],
)  # fmt: skip
def test_brackets_are_read(query: str, tree: dict) -> None:
    assert brackets.read(query) == tree


def test_brackets_are_bounded_and_come_back() -> None:
    deep = brackets.read("a" + "[b]" * 5000 + "=1")
    depth = 0
    while isinstance(deep, dict):
        deep, depth = next(iter(deep.values())), depth + 1
    assert depth == brackets.DEEPEST
    with pytest.raises(BadRequest):
        brackets.read("&".join("filter[id][]=1" for _ in range(brackets.MOST_PAIRS + 1)))
    tree = {"filter": {"id": {"0": "1"}, "name": "a b&c"}, "page": "2"}
    assert brackets.read(brackets.write(tree)) == tree
    assert brackets.values({"0": "1", "1": {"x": "2,3"}, "2": ""}) == ["1", "2,3"]
    assert brackets.values(" 1, ,2 ") == ["1", "2"]


def test_numbers_that_are_none() -> None:
    assert [whole(one, default=7) for one in ("3", " 4 ", "-1", "1.5", "٣", "9" * 30, "", None, {"a": "1"}, "99999999999999999999")] == [3, 4, -1, 7, 7, 7, 7, 7, 7, 7]


def test_an_item_tells_all_that_is_wrong_at_once() -> None:
    items = items_of([{"request_id": 5, "name": ["x"], "price": "12", "flag": "maybe", "at": "yesterday", "tags": "x", "_embedded": {"contacts": [1, {"id": "x"}]}}, {"name": 7}])
    first, second = items
    assert (first.text("name"), first.whole("price"), first.flag("flag"), first.moment("at"), first.listed("tags")) == ("", 12, None, None, [])
    (contact,) = first.beneath("_embedded").each("contacts")
    assert contact.whole("id") is None
    assert second.text("name") == "7"
    with pytest.raises(ItemsRefused) as refused:
        settle(items)
    assert {key: [fault.path for fault in faults] for key, faults in refused.value.faults.items()} == {
        "5": ["name", "flag", "at", "tags", "_embedded.contacts.0", "_embedded.contacts.1.id"],
    }
    assert Item({"name": "a\x00\ud800b"}).text("name") == "a?b"
    assert Item({"n": 10**30}).whole("n") is None


def test_the_account_is_told_to_whoever_bears_a_token(api: Program) -> None:
    answer = api.get("account?with=users_groups,task_types,datetime_settings,amojo_id,drive_url,,nonsense")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, HAL)
    told = answer.json()
    assert told.keys() >= {
        "id", "name", "subdomain", "created_at", "created_by", "updated_at", "updated_by", "current_user_id", "country", "currency", "customers_mode", "is_unsorted_on",
        "mobile_feature_version", "is_loss_reason_enabled", "is_helpbot_enabled", "is_technical_account", "contact_name_display_order", "amojo_id", "drive_url",
    }  # fmt: skip
    assert told["_links"]["self"]["href"].endswith("/api/v4/account")
    assert {one["code"] for one in told["_embedded"]["task_types"]} >= {"FOLLOW_UP", "MEETING"}
    assert api.get("account/").json()["id"] == told["id"]
    assert api.get("account?").json()["id"] == told["id"]


def test_refusals_are_problems(api: Program, doors) -> None:
    for method, path, token, status in (
        ("GET", "account", "x", 401), ("POST", "account", api.token, 405), ("DELETE", "account", api.token, 405), ("GET", "nowhere", api.token, 404), ("GET", "account", "", 401),
    ):  # fmt: skip
        answer = Program(api.client, token).send(method, path)
        assert (answer.status_code, answer.headers["Content-Type"]) == (status, PROBLEM), (method, path)
        told = answer.json()
        assert told["status"] == status
        assert told["type"] == f"https://httpstatus.es/{status}"
        assert told["title"]
        assert told["detail"]
    assert doors.client().get("/api/v4/account").status_code == 401  # a browser's session is none of a program's


def test_another_workspaces_token_opens_nothing(api: Program, make_door) -> None:
    elsewhere = make_door(firm="Eve & Co", email="eve@elsewhere.example")
    assert Program(elsewhere.client(email=None), api.token).get("account").status_code == 401


@pytest.mark.parametrize("beside", [{}, {"Idempotency-Key": "k-1"}])
def test_a_form_with_files_is_no_body(api: Program, beside: dict[str, str]) -> None:
    answer = api.client.post("/api/v4/leads", {"name": "x"}, headers={"Authorization": f"Bearer {api.token}", **beside})
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, PROBLEM)


def _deep(levels: int) -> Any:
    body: Any = "ground"
    for _ in range(levels):
        body = [body]
    return body


@pytest.mark.parametrize(
    "body",
    [
        {"b": 1, "a": [None, True, 1.5, -0.1, 2**63, -(2**63)], 7: "seven", "Ёж \u2028 😀 \"": "\x00\n\x7f"},
        {"beyond": 2**64, "and": -(2**70)},  # a program's own body may hold what the quick writer does not
        _deep(400),
        [],
    ],
)  # fmt: skip
def test_bodies_are_written_as_pythons_own_writer_writes_them(body: Any) -> None:
    assert answers.written(body).decode() == json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    assert answers.written({"parts": [orjson.Fragment(answers.written(body))] * 2}).decode() == json.dumps({"parts": [body] * 2}, ensure_ascii=False, separators=(",", ":"))


@pytest.mark.parametrize("body", [Decimal(1), datetime(2026, 1, 1, tzinfo=UTC), gettext_lazy("Call"), {"x": {1, 2}}])
def test_what_json_has_no_word_for_is_a_mistake_of_ours(body: Any) -> None:
    with pytest.raises(TypeError):
        answers.written(body)
