"""Schemathesis over the whole specification: every operation, with what it says may be sent and with what it says may not. Nothing breaks, and every answer is as told.

`SPEC_EXAMPLES=100 bin/test tests/doors/test_whole_specification.py` tries longer than the suite does.
"""

from __future__ import annotations

import itertools
import os
import re
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import schemathesis
from django.test import Client
from hypothesis import HealthCheck, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from crm_core.doors.amocrm.spec import drawing
from crm_platform.integrations import doors as entering
from crm_platform.kernel import budgets
from tests.doors import shapes
from tests.doors.conftest import Program
from tests.doors.test_records import made

EXAMPLES, PARTS = int(os.environ.get("SPEC_EXAMPLES", "3")), 4
_SPEC = schemathesis.openapi.from_dict(drawing.document("http://testserver"))
_OPERATIONS = [found.ok() for found in _SPEC.get_all_operations()]
# Which of the world's ids a number of a body or an address stands for.
_MEANT = {
    "status_id": "status", "pipeline_id": "pipeline", "contact_id": "contacts", "company_id": "companies", "field_id": "field", "responsible_user_id": "user", "user_id": "user", "created_by": "user",
    "catalog_id": "catalog", "customer_id": "customers", "bot_id": "bot", "bot": "bot", "loss_reason_id": "reason", "to_entity_id": "contacts", "entity_id": "leads", "record_id": "leads", "id": "leads",
    "review_id": "leads", "role_id": "role",
}  # fmt: skip
_PLACES = (
    (r"/custom_fields/", "field"), (r"/notes/", "note"), (r"/statuses/", "status"), (r"/pipelines/", "pipeline"), (r"/loss_reasons/", "reason"), (r"/elements/", "element"), (r"/transactions/", "transaction"),
    (r"/segments/", "segment"), (r"^/api/v4/(leads|contacts|companies|customers|tasks)", r"\1"), (r"^/api/v4/(bots|sources|talks|website_buttons|roles|users|catalogs)", r"\1"), (r"templates", "template"),
)  # fmt: skip


def first(answer: Any) -> dict[str, Any]:
    """The first thing that was made."""
    assert answer.status_code in (200, 201), answer.content[:300]
    found: dict[str, Any] = next(iter(answer.json()["_embedded"].values()))[0]
    return found


def _world(api: Program) -> dict[str, int]:
    """One of each thing, and its number."""
    pipeline = api.get("leads/pipelines").json()["_embedded"]["pipelines"][0]
    found = {plural: made(api, plural, {"name": "A"})[0] for plural in ("leads", "contacts", "companies", "customers")}
    found |= {"pipeline": pipeline["id"], "status": pipeline["_embedded"]["statuses"][1]["id"], "user": api.get("users").json()["_embedded"]["users"][0]["id"]}
    found["users"] = found["user"]
    found["tasks"] = made(api, "tasks", {"text": "A", "complete_till": 1_900_000_000})[0]
    found["note"] = first(api.post("leads/notes", [{"entity_id": found["leads"], "note_type": "common", "params": {"text": "A"}}]))["id"]
    found["field"] = first(api.post("leads/custom_fields", [{"name": "Wood", "type": "select", "enums": [{"value": "Oak"}]}]))["id"]
    found["reason"] = first(api.post("leads/loss_reasons", [{"name": "Dear"}]))["id"]
    found["catalogs"] = found["catalog"] = first(api.post("catalogs", [{"name": "A"}]))["id"]
    found["element"] = first(api.post(f"catalogs/{found['catalog']}/elements", [{"name": "A"}]))["id"]
    found["segment"] = api.post("customers/segments", {"name": "A"}).json()["id"]
    found["transaction"] = first(api.post(f"customers/{found['customers']}/transactions", [{"price": 1}]))["id"]
    found["bots"] = found["bot"] = first(api.post("bots", [{"name": "A"}]))["id"]
    found["sources"] = first(api.post("sources", [{"name": "A", "external_id": "a"}]))["id"]
    found["talks"] = first(api.post("talks", [{"contact_id": found["contacts"]}]))["talk_id"]
    found["template"] = first(api.post("chats/templates", [{"name": "A", "content": "b"}]))["id"]
    found["website_buttons"] = api.post("website_buttons", {"trusted_websites": []}).json()["source_id"]
    found["roles"] = found["role"] = first(api.post("roles", [{"name": "A"}]))["id"]
    return found


def _with_numbers_of(world: dict[str, int], given: Any) -> Any:
    """The same with numbers that mean something."""
    if isinstance(given, list):
        return [_with_numbers_of(world, one) for one in given]
    if isinstance(given, dict):
        return {name: world[_MEANT[name]] if name in _MEANT and isinstance(one, int) else _with_numbers_of(world, one) for name, one in given.items()}
    return given


def _place(world: dict[str, int], path: str, name: str) -> int | None:
    if name in ("pk", "record_id"):
        head = path.partition("{" + name + "}")[0] if name == "record_id" else path
        for pattern, meant in _PLACES:
            found = re.search(pattern, head)
            if found and not (name == "record_id" and pattern == r"/notes/"):
                return world.get(found.expand(meant) if "\\" in meant else meant)
    return world.get(_MEANT.get(name, ""))


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["as-told", "otherwise"])
@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_that_is_sent_breaks_it_and_every_answer_is_as_told(api: Program, monkeypatch: pytest.MonkeyPatch, part: int, mode: GenerationMode) -> None:
    monkeypatch.setattr(entering, "MOST_TRIES", 10**6)  # whoever guesses at the first token is stopped after sixty tries a minute
    world, statuses, asked = _world(api), Counter[int](), Counter[str]()
    loose = Client(**api.client.defaults, raise_request_exception=False)
    for operation in _OPERATIONS[part::PARTS]:
        asked[operation.label] += _try(operation, mode, world, lambda case: _send(loose, api, case, statuses))
    assert len(asked) == len(_OPERATIONS[part::PARTS])
    assert statuses[429] == 0
    assert statuses[401] < statuses.total() / 10, statuses
    print(f"{mode.value} {part}: {statuses.total()} calls of {len(asked)} operations, {dict(statuses)}")  # noqa: T201


def _try(operation: Any, mode: GenerationMode, world: dict[str, int], send: Callable[[Any], None]) -> int:
    """How often an operation was asked."""
    turns = itertools.count()

    @seed(20261127)
    @settings(max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES < 10, database=None, suppress_health_check=[*HealthCheck])
    @given(case=operation.as_strategy(generation_mode=mode))
    def tried(case: Any) -> None:
        if next(turns) % 3:  # two of three speak of things that are there
            case.path_parameters = {name: _place(world, case.path, name) or one for name, one in (case.path_parameters or {}).items()}
            case.body = _with_numbers_of(world, case.body)
        send(case)

    with suppress(Unsatisfiable):  # there is no wrong way to ask what takes nothing
        tried()
    return next(turns)


def _send(loose: Client, api: Program, case: Any, statuses: Counter[int]) -> None:
    kept = case.as_transport_kwargs(base_url="http://testserver")
    request = requests.Request(**{name: value for name, value in kept.items() if name in ("method", "url", "headers", "params", "json", "data", "cookies", "files")}).prepare()
    parts = urlsplit(request.url)
    body = request.body.encode() if isinstance(request.body, str) else request.body or b""
    budgets.forget()
    headers = {name: value for name, value in request.headers.items() if name == "X-Strict" or (name == "Idempotency-Key" and len(value) > 8)}
    token = {"HTTP_AUTHORIZATION": f"Bearer {api.token}"}
    answer = loose.generic(request.method, parts.path, body, content_type=request.headers.get("Content-Type", "application/json"), QUERY_STRING=parts.query, headers=headers, **token)
    statuses[answer.status_code] += 1
    assert answer.status_code < 500, (request.method, request.url, body[:500], answer.content[:500])
    shapes.check(request.method, parts.path, answer)
