"""Tasks and notes through the open API."""

from __future__ import annotations

import pytest

from crm_core.engagement.notes.models import Note
from crm_core.engagement.tasks import handlers
from crm_platform.events.models import Event
from crm_platform.kernel import clock
from tests.doors.conftest import Program, program_of
from tests.doors.test_records import made
from tests.factories.cast import person

TILL = 1_900_000_000


def test_a_task_is_made_finished_and_found(api: Program, doors) -> None:
    (lead,) = made(api, "leads", {})
    answer = api.post("tasks", [{"text": "Call", "complete_till": TILL, "entity_id": lead, "entity_type": "leads", "task_type_id": 1, "request_id": "x"}, {"text": "Alone", "complete_till": str(TILL + 1)}])
    first, second = answer.json()["_embedded"]["tasks"]
    assert ([*first], first["request_id"]) == (["id", "request_id", "_links"], "x")
    told = api.get(f"tasks/{first['id']}").json()
    assert (told["entity_id"], told["entity_type"], told["task_type_id"], told["is_completed"], told["result"], told["complete_till"]) == (lead, "leads", 1, False, [], TILL)
    assert api.get(f"leads/{lead}").json()["closest_task_at"] == TILL
    assert api.patch(f"tasks/{first['id']}", {"is_completed": True, "result": {"text": "reached"}, "created_by": 3}).status_code == 200
    assert api.get(f"tasks/{first['id']}").json()["result"] == {"text": "reached"}

    def found(query: str) -> list[int]:
        answer = api.get(f"tasks?{query}")
        return [row["id"] for row in answer.json()["_embedded"]["tasks"]] if answer.status_code == 200 else []

    assert found("filter[is_completed]=0") == [second["id"]]
    assert found("entity_type=leads") == found(f"filter[entity_id][]={lead}&filter[entity_type]=leads") == [first["id"]]
    assert found("filter[task_type][]=1&filter[task_type_id][]=1") == [first["id"]]
    assert found("order[complete_till]=desc") == [second["id"], first["id"]]
    assert found("filter[id][]=999") == []
    assert api.patch(f"tasks/{second['id']}", {"complete_till": TILL + 7.25}).status_code == 200  # some clients send fractions
    assert api.get(f"tasks/{second['id']}").json()["complete_till"] == TILL + 7
    assert api.patch("tasks", [{"id": second["id"], "text": "Other", "responsible_user_id": None}]).json()["_embedded"]["tasks"][0].keys() >= {"id", "updated_at", "_links"}
    assert api.delete(f"tasks/{second['id']}").status_code == 204
    assert api.get(f"tasks/{second['id']}").status_code == 404
    with doors.unit():
        assert Event.objects.filter(name="task.done", actor_kind="integration").count() == 1


def test_a_task_takes_as_long_as_is_said(api: Program, doors) -> None:
    good = {"text": "Meet", "complete_till": TILL}
    rows = api.post("tasks", [{**good, "duration": 5400}, {**good, "duration": "60"}, {**good, "duration": None}, good]).json()["_embedded"]["tasks"]
    pks = [row["id"] for row in rows]

    def told() -> list[int]:
        return [row["duration"] for row in api.get("tasks?order[id]=asc").json()["_embedded"]["tasks"]]

    assert told() == [5400, 60, 0, 0]
    assert api.patch(f"tasks/{pks[0]}", {"duration": 900, "text": None}).status_code == 200
    assert api.patch("tasks", [{"id": pks[1], "duration": 0}, {"id": pks[2], "duration": None}]).status_code == 200
    assert told() == [900, 0, 0, 0]
    with doors.unit():
        first, second = Event.objects.filter(name="task.changed").order_by("id")
        assert (first.record_id, first.before, first.after, second.record_id) == (pks[0], {"duration": 5400}, {"duration": 900}, pks[1])
        assert "0:15" in str(handlers.changed(first).differences[0])
    for wrong in (-1, 10**8, "long", 1.5, [1]):
        assert api.patch("tasks", [{"id": pks[3], "duration": 5}, {"id": pks[2], "duration": wrong}]).status_code == 400, wrong
        assert api.post("tasks", [{**good, "duration": 5}, {**good, "duration": wrong}]).status_code == 400, wrong
    assert told() == [900, 0, 0, 0]


def test_a_task_is_put_on_another_record_and_both_tell_of_it(api: Program, doors, make_door) -> None:
    one, other = made(api, "leads", {"name": "A"}, {"name": "B"})
    (task,) = (row["id"] for row in api.post("tasks", [{"text": "Call", "complete_till": 1_900_000_000, "entity_type": "leads", "entity_id": one}]).json()["_embedded"]["tasks"])
    stranger = program_of(make_door(firm="Eve & Co", email="eve@elsewhere.example"))
    assert stranger.patch(f"tasks/{task}", {"entity_type": "leads", "entity_id": other}).status_code == 404
    for wrong in ({"entity_type": "leads", "entity_id": 999_999}, {"entity_type": "spoons", "entity_id": other}, {"entity_type": "customers", "entity_id": 1}):
        assert api.patch(f"tasks/{task}", {**wrong, "text": "Write"}).status_code == 400, wrong
    assert (api.get(f"tasks/{task}").json()["entity_id"], api.get(f"tasks/{task}").json()["text"]) == (one, "Call")
    assert api.patch(f"tasks/{task}", {"entity_type": "leads", "entity_id": other}).status_code == 200
    assert api.get(f"tasks/{task}").json()["entity_id"] == other
    assert [api.get(f"leads/{pk}").json()["closest_task_at"] for pk in (one, other)] == [None, 1_900_000_000]
    with doors.unit():
        told = Event.objects.filter(name="task.changed").latest("pk")
        assert (told.before, told.after, {f"deal:{one}", f"deal:{other}"} <= set(told.subjects)) == ({"on": f"deal:{one}"}, {"on": f"deal:{other}"}, True)
        assert f"{other}" in str(handlers.changed(told).differences[0])
    again = api.patch(f"tasks/{task}", {"entity_type": "leads", "entity_id": other})  # read and sent back
    with doors.unit():
        assert (again.status_code, Event.objects.filter(name="task.changed").count()) == (200, 1)


def test_what_came_of_a_task_is_said_anew(api: Program, doors) -> None:
    (task,) = (row["id"] for row in api.post("tasks", [{"text": "Call", "complete_till": 1_900_000_000}]).json()["_embedded"]["tasks"])
    assert api.patch(f"tasks/{task}", {"result": {"text": "Too early"}}).status_code == 200
    assert api.get(f"tasks/{task}").json()["result"] == []
    assert api.patch(f"tasks/{task}", {"is_completed": True, "result": {"text": "Sold"}}).status_code == 200
    assert api.patch(f"tasks/{task}", {"result": {"text": "Sold two"}}).status_code == 200
    assert api.get(f"tasks/{task}").json()["result"] == {"text": "Sold two"}
    with doors.unit():
        told = Event.objects.filter(name="task.changed").get()
        assert (told.before, told.after) == ({"result": "Sold"}, {"result": "Sold two"})
        assert handlers.changed(told).differences[0].after == "Sold two"


def test_a_wrong_task_is_told_and_none_is_made(api: Program) -> None:
    good = {"text": "x", "complete_till": TILL}
    for wrong in ({}, {"text": "x"}, {"text": "x", "complete_till": "soon"}, {**good, "entity_type": "spoons", "entity_id": 1}, {**good, "entity_type": "leads", "entity_id": 999}, {**good, "task_type_id": 99}, {**good, "responsible_user_id": 999}):
        answer = api.post("tasks", [good, wrong])
        assert (answer.status_code, answer.json()["validation-errors"][0]["request_id"]) == (400, "1"), wrong
    assert api.get("tasks").status_code == 204
    assert api.patch("tasks", [{"id": 999, "text": "x"}]).status_code == 400
    assert api.patch("tasks/999", {"text": "x"}).status_code == 404


@pytest.mark.parametrize("plural", ["leads", "contacts", "companies"])
def test_notes_of_every_type(api: Program, plural: str) -> None:
    (pk,) = made(api, plural, {"name": "A"})
    body = [
        {"note_type": "common", "params": {"text": "Hello"}, "entity_id": pk, "request_id": "n"},
        {"note_type": "call_in", "params": {"uniq": "u", "duration": 61, "source": "s", "link": "https://x.example/a.mp3", "phone": "+31205550188", "call_responsible": "Anna"}, "entity_id": pk},
        {"note_type": "sms_out", "params": {"text": "Hi", "phone": "+31205550188"}, "entity_id": pk, "created_at": 1_700_000_000},
        {"note_type": "geolocation", "params": {"text": "here", "address": "Dam 1", "longitude": "4.9", "latitude": "52.4"}, "entity_id": pk},
    ]  # fmt: skip
    rows = api.post(f"{plural}/notes", body).json()["_embedded"]["notes"]
    assert [row["request_id"] for row in rows] == ["n", "1", "2", "3"]
    assert all(row["entity_id"] == pk for row in rows)
    told = api.get(f"{plural}/{pk}/notes?limit=250&page=1").json()["_embedded"]["notes"]
    assert [(row["note_type"], row["params"]) for row in told] == [(row["note_type"], row["params"]) for row in body]
    assert told[2]["created_at"] == 1_700_000_000
    assert [row["id"] for row in api.get(f"{plural}/notes?filter[note_type]=sms_out&filter[entity_id][]={pk}").json()["_embedded"]["notes"]] == [rows[2]["id"]]
    one = f"{plural}/{pk}/notes/{rows[0]['id']}"
    assert api.patch(one, {"params": {"text": "Bye"}}).json()["entity_id"] == pk
    assert api.patch(f"{plural}/notes", [{"id": rows[1]["id"], "params": {"call_result": "sold"}}]).status_code == 200
    assert api.get(f"{plural}/notes/{rows[1]['id']}").json()["params"]["call_result"] == "sold"
    assert [api.post(f"{one}/{verb}", None).status_code for verb in ("pin", "pin", "unpin")] == [204] * 3
    assert api.post(f"{one}/pin", None).status_code == 204
    assert api.get(f"{one}?with=is_pinned").json()["is_pinned"] is True
    assert api.get(one).json()["params"] == {"text": "Bye"}
    assert api.delete(one).status_code == 204
    assert api.get(one).status_code == 404


def test_a_note_that_was_changed_is_found_by_when(api: Program) -> None:
    (pk,) = made(api, "leads", {})
    old, other = (row["id"] for row in api.post("leads/notes", [{"params": {"text": text}, "entity_id": pk, "created_at": 1_700_000_000 + at} for at, text in enumerate(("One", "Two"))]).json()["_embedded"]["notes"])
    changed = api.patch(f"leads/notes/{old}", {"params": {"text": "Other"}}).json()["updated_at"]
    assert [row["id"] for row in api.get(f"leads/notes?filter[updated_at]={changed}").json()["_embedded"]["notes"]] == [old]
    assert [row["id"] for row in api.get("leads/notes?filter[updated_at][to]=1700000010").json()["_embedded"]["notes"]] == [other]
    assert [row["id"] for row in api.get("leads/notes?order[updated_at]=asc").json()["_embedded"]["notes"]] == [other, old]


def test_wrong_notes_change_nothing(api: Program, doors, make_door) -> None:
    (pk,) = made(api, "leads", {})
    good = {"note_type": "common", "params": {"text": "x"}}
    for wrong in ({"note_type": "nonsense", "params": {}}, {"note_type": "common", "params": {}}, {"params": {"text": " "}}, {"params": "x"}, {"note_type": "common", "params": {"text": "x" * 20_001}}, {**good, "params": {"text": "y", "big": "z" * 60_000}}):
        assert api.post(f"leads/{pk}/notes", [good, wrong]).status_code == 400, str(wrong)[:60]
    empty = api.post(f"leads/{pk}/notes", [{**good, "request_id": "good"}, {"params": {"text": " "}, "request_id": "empty"}])
    assert [one["request_id"] for one in empty.json()["validation-errors"]] == ["empty"]
    assert api.post("leads/notes", [{**good, "entity_id": 999}]).status_code == 400
    assert api.post("leads/notes", [good]).status_code == 400
    assert api.get("contacts/notes").status_code == 204
    stranger = program_of(make_door(firm="Eve & Co", email="eve@elsewhere.example"))
    assert stranger.get(f"leads/{pk}/notes").status_code == 404
    assert stranger.post("leads/notes", [{**good, "entity_id": pk}]).status_code == 400
    with doors.unit():
        assert not Note.objects.exists()
        sam = person("seller", name="Sam").email
    assert program_of(doors, sam).post("leads/notes", [{**good, "entity_id": pk}]).status_code == 400
    assert api.post(f"leads/{pk}/notes", [good]).status_code == 200


def test_a_text_of_many_lines_stays_as_it_is(api: Program, doors) -> None:
    (lead,) = made(api, "leads", {"name": "A"})
    text = "Ring them up:\n" + "a" * 4986
    (task,) = made(api, "tasks", {"text": "Ring", "complete_till": TILL, "entity_type": "leads", "entity_id": lead})
    for ends in ("\n", "\r\n", "\r"):
        assert api.patch(f"tasks/{task}", {"text": text.replace("\n", ends)}).status_code == (200 if ends != "\r\n" else 400), ends
        assert api.get(f"tasks/{task}").json()["text"] == text
    (task,) = made(api, "tasks", {"text": text, "complete_till": TILL, "entity_type": "leads", "entity_id": lead})
    for refused in (api.patch(f"tasks/{task}", {"text": text + "a"}), api.post("tasks", [{"text": text + "a", "complete_till": TILL}])):
        assert (refused.status_code, "5000" in refused.content.decode()) == (400, True)
    page = doors.client()
    shown = page.get(f"/tasks/{task}").content.decode()
    assert ('<textarea name="text"' in shown, text in shown) == (True, True)
    given = {"text": text.replace("\n", "\r\n"), "type": "todo", "responsible": api.get(f"tasks/{task}").json()["responsible_user_id"], "day": clock.now().date().isoformat(), "hour": ""}
    assert page.post(f"/tasks/{task}", {**given, "text": given["text"] + "a"}).status_code == 422
    assert page.post(f"/tasks/{task}", given).status_code == 303
    assert api.get(f"tasks/{task}").json()["text"] == text
    for path in (f"/deals/{lead}", "/board", "/day"):
        assert (page.get(path).status_code, "Ring them up:" in page.get(path).content.decode()) == (200, True), path
    done = page.post(f"/tasks/{task}/done", follow=True)
    assert ("Done: Ring them up: a" in done.content.decode(), f"Done: {text}" in done.content.decode()) == (True, False)
