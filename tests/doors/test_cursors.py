"""The next page of a list goes on behind the last row of the one before, whatever a program does with what it has read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Door
from tests.doors.conftest import Program
from tests.doors.test_drive import uploaded
from tests.doors.test_records import made
from tests.doors.test_unsorted import form
from tests.factories.cast import person

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
        path = body["_links"].get("next", {}).get("href", "").partition("localhost")[2].partition("/")[2].removeprefix("api/v4/")
        path = f"/{path}" if path.startswith("v1.0/") else path
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


@pytest.mark.parametrize("order", ["", "&order[id]=desc", "&order[created_at]=asc"])
@pytest.mark.parametrize("own", [False, True], ids=["products", "catalog of its own"])
def test_elements_that_are_deleted_while_they_are_read(api: Program, order: str, own: bool) -> None:
    catalog = made(api, "catalogs", {"name": "A"})[0] if own else 1000
    wanted = [row["id"] for row in api.post(f"catalogs/{catalog}/elements", [{"name": str(number)} for number in range(5)]).json()["_embedded"]["elements"]]
    rows = each(api, f"catalogs/{catalog}/elements?limit=2{order}", "elements", lambda row: api.delete(f"catalogs/{catalog}/elements/{row['id']}"))
    assert [row["id"] for row in rows] == sorted(wanted, reverse="desc" in order)


def test_catalogs_that_are_deleted_while_they_are_read(api: Program) -> None:
    wanted = made(api, "catalogs", *({"name": str(number)} for number in range(5)))
    rows = each(api, "catalogs?limit=2", "catalogs", lambda row: row["id"] == 1000 or api.delete(f"catalogs/{row['id']}"))
    assert [row["id"] for row in rows] == [1000, *sorted(wanted)]


def test_files_that_are_put_away_while_they_are_read(api: Program) -> None:
    (lead,) = made(api, "leads", {"name": "A"})
    wanted = [uploaded(api, b"x", f"{number}.txt")["uuid"] for number in range(5)]
    assert api.send("PUT", f"leads/{lead}/files", [{"file_uuid": uuid} for uuid in wanted]).status_code == 202
    on_lead = each(api, f"leads/{lead}/files?limit=2", "files", lambda row: api.delete(f"leads/{lead}/files", [{"file_uuid": row["file_uuid"]}]))
    assert [row["file_uuid"] for row in on_lead] == wanted
    rows = each(api, "/v1.0/files?limit=2", "files", lambda row: api.delete("/v1.0/files", [{"uuid": row["uuid"]}]))
    assert [row["uuid"] for row in rows] == wanted[::-1]


@pytest.mark.parametrize(("path", "key", "made_of"), [("talks", "talk_id", {}), ("leads/tags", "id", {"name": "tag {}"})], ids=["talks", "tags"])
def test_of_what_is_made_while_they_are_read_nothing_is_told_twice(api: Program, path: str, key: str, made_of: Row) -> None:
    name, later = path.rpartition("/")[2], iter(range(100, 200))

    def one_more() -> int:
        body = {word: text.format(next(later)) for word, text in made_of.items()}
        return int(api.post(path, [body]).json()["_embedded"][name][0][key])

    wanted = [one_more() for _ in range(5)]
    rows = each(api, f"{path}?limit=2", name, lambda _row: one_more())
    assert [row[key] for row in rows] == wanted[::-1]


def test_people_and_roles_are_told_once(api: Program, doors: Door) -> None:
    with doors.unit():
        for number in range(4):
            person("seller", name=f"Rep{number}")
    for path in ("users", "roles"):
        ids = [row["id"] for row in each(api, f"{path}?limit=2", path, lambda row: None)]
        assert (ids, len(ids) > 2) == (sorted(set(ids)), True), path


@pytest.mark.parametrize("path", ["tasks", "leads/notes", "leads/unsorted", "events", "leads", "customers", "users", "catalogs"])
def test_what_is_no_cursor_is_none(api: Program, path: str) -> None:
    (lead,) = made(api, "leads", {"name": "A"})
    api.post("leads/notes", [{"entity_id": lead, "note_type": "common", "params": {"text": "B"}}])
    api.post("leads/unsorted/forms", [form()])
    made(api, "tasks", {"text": "Call", "complete_till": 1_900_000_000})
    made(api, "customers", {"name": "A", "next_date": 1_900_000_000})
    for cursor in ("cursor=", "cursor=x", "cursor=x.y", "cursor=9e9.0", "cursor[]=1", "cursor=.", "cursor=99999999999999999999.x"):
        assert api.get(f"{path}?{cursor}").status_code == 200, cursor
