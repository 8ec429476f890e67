"""The next page of a list goes on behind the last row of the one before, whatever a program does with what it has read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.doors.conftest import Program
from tests.doors.test_records import made
from tests.doors.test_unsorted import form

Row = dict[str, Any]


def each(api: Program, path: str, key: str, done: Callable[[Row], object]) -> list[Row]:
    """All rows as a program reads them that follows `next`, and deals with each page before it asks for the one after."""
    rows: list[Row] = []
    while path:
        answer = api.get(path, X_Strict="1")
        if answer.status_code == 204:
            break
        body = answer.json()
        for row in body["_embedded"][key]:
            done(row)
        rows += body["_embedded"][key]
        path = body["_links"].get("next", {}).get("href", "").partition("/api/v4/")[2]
    return rows


@pytest.mark.parametrize("order", ["", "&order[complete_till]=desc", "&order[complete_till]=asc", "&order[created_at]=desc", "&order[id]=desc"])
def test_tasks_that_are_done_while_they_are_read(api: Program, order: str) -> None:
    wanted = {str(number): 1_900_000_000 + number // 2 for number in range(7)}  # two at a time are due at one moment
    made(api, "tasks", *({"text": text, "complete_till": due} for text, due in wanted.items()))
    rows = each(api, f"tasks?limit=2&filter[is_completed]=0{order}", "tasks", lambda row: api.patch(f"tasks/{row['id']}", {"is_completed": True, "result": {"text": "x"}}))
    assert sorted(row["text"] for row in rows) == sorted(wanted)
    dues = [row["complete_till"] for row in rows]
    assert "complete_till" not in order or dues == sorted(dues, reverse="desc" in order)


@pytest.mark.parametrize("order", ["", "&order[updated_at]=desc", "&order[id]=asc"])
def test_notes_that_are_taken_away_while_they_are_read(api: Program, order: str) -> None:
    (lead,) = made(api, "leads", {"name": "A"})
    api.post("leads/notes", [{"entity_id": lead, "note_type": "common", "params": {"text": str(number)}} for number in range(7)])
    rows = each(api, f"leads/notes?limit=2{order}", "notes", lambda row: api.delete(f"leads/notes/{row['id']}"))
    assert sorted(row["params"]["text"] for row in rows) == [str(number) for number in range(7)]
    assert api.get("leads/notes").status_code == 204


@pytest.mark.parametrize("order", ["", "&order[created_at]=asc"])
def test_incoming_leads_that_are_decided_while_they_are_read(api: Program, order: str) -> None:
    uids = [row["uid"] for row in api.post("leads/unsorted/forms", [form(created_at=1_700_000_000 + number // 2) for number in range(7)]).json()["_embedded"]["unsorted"]]
    rows = each(api, f"leads/unsorted?limit=2{order}", "unsorted", lambda row: api.delete(f"leads/unsorted/{row['uid']}/decline"))
    assert sorted(row["uid"] for row in rows) == sorted(uids)


@pytest.mark.parametrize("order", ["", "&order[created_at]=desc"])
def test_purchases_that_are_taken_back_while_they_are_read(api: Program, order: str) -> None:
    (customer,) = made(api, "customers", {"name": "A", "next_date": 1_900_000_000})
    api.post(f"customers/{customer}/transactions", [{"price": number + 1} for number in range(7)])
    rows = each(api, f"customers/transactions?limit=2{order}", "transactions", lambda row: api.delete(f"customers/transactions/{row['id']}"))
    assert sorted(row["price"] for row in rows) == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("path", ["tasks", "leads/notes", "leads/unsorted", "events", "leads", "customers"])
def test_what_is_no_cursor_is_none(api: Program, path: str) -> None:
    (lead,) = made(api, "leads", {"name": "A"})
    api.post("leads/notes", [{"entity_id": lead, "note_type": "common", "params": {"text": "B"}}])
    api.post("leads/unsorted/forms", [form()])
    made(api, "tasks", {"text": "Call", "complete_till": 1_900_000_000})
    made(api, "customers", {"name": "A", "next_date": 1_900_000_000})
    for cursor in ("cursor=", "cursor=x", "cursor=x.y", "cursor=9e9.0", "cursor[]=1", "cursor=.", "cursor=99999999999999999999.x"):
        assert api.get(f"{path}?{cursor}").status_code == 200, cursor
