"""The shapes of the specification are those of the code. Every request under tests/doors is held against them (see `shapes`); here, what is left."""

from __future__ import annotations

import re

import pytest
from jsonschema import Draft202012Validator

from crm_core.doors.amocrm.resources.events import SIDES
from crm_core.doors.amocrm.spec import drawing
from crm_core.doors.amocrm.spec.asked import QUESTIONS
from crm_core.doors.amocrm.wire.endpoint import OPERATIONS, Operation
from tests.doors import shapes
from tests.doors.conftest import Program
from tests.doors.test_records import made

# Those that read a body where it lies: not a copy of it, nor the half of it where the other half is refused; what changes several says what changes one.
_COPYING = frozenset({"leads/complex", "website_buttons/<int:pk>", "calls"})
_WRITING = [one for one in OPERATIONS if "application/json" in drawing.body_of(one) and one.route not in _COPYING and (one.method == "POST" or re.fullmatch(r"(leads|contacts)/<int:pk>", one.route))]
_LISTS = [one for one in OPERATIONS if one.method == "GET" and drawing.verb_of(one)[0] in QUESTIONS]
# Looked for only where another field says so, which the example's words do not.
_SOMETIMES = {"closed_at", "loss_reason_id", "is_main", "quantity", "catalog_id", "price_id", "created_at", "created_by", "value", "group_id"} | {
    "enum", "enum_id", "enum_code", "values", "id", "code", "sort", "metadata", "entity_id", "note_type", "params", "is_completed", "result", "text", "task_type", "contact_id", "leads", "contacts", "companies",
}  # fmt: skip


def _named(operation: Operation) -> str:
    return f"{operation.method} {operation.route}"


def test_every_shape_is_one_of_json_schema() -> None:
    told = drawing.document("http://testserver")
    for name, schema in told["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert schema, name
    for operation in OPERATIONS:
        assert drawing.answer_of(operation).schema is not None or drawing.answer_of(operation).status in (202, 204), _named(operation)


@pytest.mark.parametrize("part", range(4))
def test_what_a_body_may_say_is_looked_for(api: Program, part: int) -> None:
    (lead,) = made(api, "leads", {"name": "A"})
    (contact,) = made(api, "contacts", {"name": "A"})
    left: dict[str, list[str]] = {}
    for operation in _WRITING[part::4]:
        if operation.route.startswith("users"):
            continue
        pk = str(contact if operation.route.startswith("contacts") else lead)
        path = operation.root + re.sub(r"<\w+:\w+>", pk, operation.route)
        shapes.LOOKED.clear()
        assert api.send(operation.method, path, shapes.whole(operation)).status_code < 500, _named(operation)
        looked = next(iter(shapes.LOOKED.values()))
        if looked:  # what was refused before its body was read says nothing
            ends = {name for name in shapes.declared(operation) - looked if not name.endswith("*") and name.rpartition(".")[2] not in _SOMETIMES}
            left |= {_named(operation): sorted(ends)} if ends else {}
    assert left == {}


@pytest.mark.parametrize("part", range(2))
def test_what_a_list_may_be_asked_is_understood(api: Program, part: int) -> None:
    (lead,) = made(api, "leads", {"name": "A"})
    for operation in _LISTS[part::2]:
        verb, given = drawing.verb_of(operation)
        asks = QUESTIONS[verb](**given)
        path = operation.root + re.sub(r"<\w+:\w+>", str(lead), operation.route)
        query = "&".join([*(f"filter[{name}][value]=1" if name in SIDES else f"filter[{name}][]=1&filter[{name}][from]=1" for name in asks.filters if name != "custom_fields_values"), *(f"order[{name}]=desc" for name in asks.orders), f"with={','.join(asks.wants)}"])
        assert api.get(f"{path}?{query}", X_Strict="1").status_code in (200, 204, 404), _named(operation)


@pytest.mark.parametrize("path", ["leads", "contacts", "companies", "customers", "tasks", "leads/notes", "events", "leads/unsorted", "sources", "customers/transactions"])
def test_a_filter_that_is_none_is_refused_where_one_asks_strictly(api: Program, path: str) -> None:
    assert [api.get(f"{path}?filter[spoon]=1").status_code in (200, 204), api.get(f"{path}?filter[spoon]=1", X_Strict="1").status_code] == [True, 400]
