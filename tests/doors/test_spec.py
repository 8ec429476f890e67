"""The specification of the open API: it tells all that there is, its examples work, and nothing that it allows breaks anything."""

from __future__ import annotations

import gzip
import itertools
import json
import re
from collections import Counter
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_core.doors.amocrm.spec import drawing, entrance
from crm_core.doors.amocrm.spec.examples import BODIES
from crm_core.doors.amocrm.wire.endpoint import OPERATIONS
from tests.doors.conftest import Program
from tests.doors.test_records import made


def test_it_tells_every_operation_once(doors) -> None:
    answer = doors.client(email=None).get("/api/v4/openapi.json")
    assert (answer.status_code, answer.headers["Content-Type"], answer.headers["Access-Control-Allow-Origin"]) == (200, "application/json", "*")
    told = answer.json()
    assert told["openapi"] == "3.1.0"
    assert told["servers"][0]["url"].startswith("http")
    known = {(method.upper(), path): operation for path, verbs in told["paths"].items() for method, operation in verbs.items()}
    assert known.keys() == {(one.method, drawing.path_of(one)) for one in OPERATIONS} | {("POST", path) for path in entrance.PATHS}
    assert {path for (_method, path), operation in known.items() if operation.get("security") == []} == {*entrance.PATHS}
    names = [operation["operationId"] for operation in known.values()]
    assert len(names) == len(set(names))
    for (method, path), operation in known.items():
        assert len(operation["summary"]) > 5, (method, path)
        assert re.findall(r"{(\w+)}", path) == [one["name"] for one in operation["parameters"] if one.get("in") == "path"], path
        assert {"400", "401", "403", "404", "429"} <= operation["responses"].keys()
    for reference in re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(told)):
        found: Any = told
        for part in reference.split("/"):
            found = found[part]


def test_it_comes_packed_to_whoever_takes_it_so(doors) -> None:
    plain = doors.client(email=None).get("/api/v4/openapi.json")
    packed = doors.client(email=None).get("/api/v4/openapi.json", headers={"Accept-Encoding": "gzip"})
    assert (packed.headers["Content-Encoding"], "Accept-Encoding" in packed.headers["Vary"], "Content-Encoding" in plain.headers) == ("gzip", True, False)
    assert json.loads(gzip.decompress(packed.content)) == plain.json()
    assert len(packed.content) < 60_000 < len(plain.content)


def test_the_page_of_it_is_for_everyone(doors) -> None:
    for client in (doors.client(email=None), doors.client()):
        page = client.get("/api/docs")
        assert page.status_code == 200
        shown = page.content.decode()
        assert "/leads/{pk}" in shown
        assert shown.index("/api/v4/leads<") < shown.index("/api/v4/leads/upsert<") < shown.index("/api/v4/leads/{pk}/files<")
        asked = shown[shown.index("/api/v4/leads<") :].partition("</details>")[0]
        assert all(f"<code>{name}</code>" in asked for name in ("limit", "with", "filter[price][from]", "cursor")), asked[:3000]
        assert "142 is won, 143 lost." in asked


@pytest.mark.parametrize(("method", "route"), BODIES)
def test_an_example_works_as_it_stands(api: Program, method: str, route: str) -> None:
    plural = route.split("/")[0]
    (pk,) = made(api, "tasks" if plural == "tasks" else plural, {"text": "A", "complete_till": 1_900_000_000}) if plural == "tasks" else made(api, plural if plural in ("leads", "contacts", "companies") else "leads", {"name": "A"})
    body = json.loads(re.sub(r'"(id|entity_id)": 1\b', rf'"\1": {pk}', json.dumps(BODIES[method, route])))
    answer = api.send(method, re.sub(r"<int:\w+>", str(pk), route), body)
    assert answer.status_code in (200, 201), answer.content


_WORDS = sorted(set(re.findall(r'"(\w+)":', json.dumps([*BODIES.values()]))) | {"metadata", "to_entity_id", "to_entity_type", "tags_to_add", "is_completed", "enums", "values", "params", "uid"})
_LEAVES = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=12) | st.sampled_from(["leads", "contacts", "\x00", "\ud800", "142", "2024-01-01T00:00:00Z"])
_JSON = st.recursive(_LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_WORDS), inner, max_size=4), max_leaves=10)
_OBJECTS = st.dictionaries(st.sampled_from(_WORDS), _JSON, max_size=5)
_BODIES = st.lists(_OBJECTS, max_size=2) | _OBJECTS | _JSON
_NAMES = st.sampled_from(["page", "limit", "with", "query", "filter[id]", "filter[id][]", "filter[price][from]", "filter[created_at]", "filter[updated_at][to]", "filter[statuses][0][status_id]", "filter[custom_fields_values][1][]", "order[id]", "order[price]", "cursor", "filter[uid]", "filter[type]", "filter[value_after][x]"])
_QUERIES = st.dictionaries(_NAMES, st.text(max_size=8) | st.integers(-(2**70), 2**70).map(str), max_size=3)
_WILD = st.sampled_from(["1", "2", "0", "142", str(2**63 - 1), str(2**64), "9" * 30])


@pytest.mark.parametrize("part", range(3))
def test_nothing_that_is_sent_breaks_it(api: Program, part: int) -> None:
    made(api, "leads", {"name": "A"}, {"name": "B"})
    made(api, "contacts", {"name": "A"})
    each = [one for one in OPERATIONS if not (one.route.startswith("users") and one.method != "GET")][part::3]
    operations, statuses = itertools.cycle(each), Counter[int]()
    loose = Client(**api.client.defaults)

    @settings(max_examples=2 * len(each), deadline=None, derandomize=True, database=None, suppress_health_check=[*HealthCheck])
    @given(body=_BODIES, query=_QUERIES, variables=st.lists(_WILD, min_size=3, max_size=3))
    def tried(body: Any, query: dict[str, str], variables: list[str]) -> None:
        operation, left = next(operations), iter(variables)
        path = re.sub(r"<\w+:\w+>", lambda _found: next(left), operation.route)
        raw = json.dumps(body).encode() if operation.method != "GET" else b""
        answer = loose.generic(operation.method, f"{operation.root}{path}", raw, content_type="application/json", query_params=query, HTTP_AUTHORIZATION=f"Bearer {api.token}")
        statuses[answer.status_code] += 1
        assert answer.status_code < 500, (operation.method, path, query, body)
        assert answer.status_code < 400 or answer.headers["Content-Type"] == "application/problem+json", (operation.method, path)

    tried()
    assert statuses[429] < statuses.total() / 2, statuses  # it was let in
    assert statuses[200] or statuses[404]
