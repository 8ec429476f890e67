"""Calls, talks, chats and subscribers through the open API."""

from __future__ import annotations

from crm_core.doors.amocrm.models import Stored
from crm_core.engagement.notes.models import Note
from crm_platform.events.models import Event
from tests.doors.conftest import Program, program_of
from tests.doors.test_catalogs import first, rows
from tests.doors.test_records import made
from tests.factories.cast import person

CALL = {"direction": "inbound", "uniq": "u-1", "duration": 61, "source": "pbx", "link": "https://pbx.example/1.mp3", "phone": "+31205550188", "call_result": "sold", "call_status": 4, "call_responsible": "Olga", "request_id": "c"}


def phone(number: str) -> list[dict[str, object]]:
    return [{"field_code": "PHONE", "values": [{"value": number, "enum_code": "WORK"}]}]


def test_calls_find_whose_number_it_is(api: Program, doors) -> None:
    (anna,) = made(api, "contacts", {"name": "Anna", "custom_fields_values": phone("+31205550188")})
    (firm,) = made(api, "companies", {"name": "Bakery", "custom_fields_values": phone("+79161234567")})
    answer = api.post("calls", [CALL, {**CALL, "phone": "+31999999999", "request_id": "no"}, {**CALL, "direction": "outbound", "phone": "8 (916) 123-45-67", "request_id": None, "created_at": 1_700_000_000}])
    told = answer.json()
    assert (answer.status_code, told["_total_items"], [row["request_id"] for row in told["errors"]]) == (200, 2, ["no"])
    one, two = told["_embedded"]["calls"]
    assert one.keys() >= {"id", "entity_id", "entity_type", "account_id", "request_id", "_embedded"}
    assert [(row["entity_type"], row["entity_id"], row["request_id"]) for row in (one, two)] == [("contact", anna, "c"), ("company", firm, "2")]
    (note,) = rows(api, f"contacts/{anna}/notes")
    assert (note["note_type"], note["params"]["duration"], note["params"]["call_status"], note["params"]["call_responsible"]) == ("call_in", 61, 4, "Olga")
    assert rows(api, f"companies/{firm}/notes")[0]["created_at"] == 1_700_000_000
    assert api.post("calls", [{**CALL, "phone": "1"}]).json()["_total_items"] == 0


def test_wrong_calls_and_whose_they_are(api: Program, doors, make_door) -> None:
    made(api, "contacts", {"name": "Anna", "custom_fields_values": phone("+31205550188")})
    for wrong in ({}, {**CALL, "direction": "sideways"}, {**CALL, "duration": None}, {**CALL, "duration": "long"}, {**CALL, "phone": ""}, {**CALL, "source": None}, {**CALL, "created_at": "soon"}):
        assert api.post("calls", [CALL, wrong]).status_code == 400, wrong
    with doors.unit():
        assert not Note.objects.exists()
        people = {role: person(role, name=role.title()).email for role in ("seller", "viewer")}
    assert program_of(doors, people["viewer"]).post("calls", [CALL]).status_code == 403
    assert program_of(doors, people["seller"]).post("calls", [CALL]).json()["_total_items"] == 0  # another team's contact
    stranger = program_of(make_door(firm="Eve & Co", email="eve@elsewhere.example"))
    assert stranger.post("calls", [CALL]).json()["_total_items"] == 0


def test_a_telephone_rings(api: Program, doors, make_door) -> None:
    (anna,) = made(api, "contacts", {"name": "Anna", "custom_fields_values": phone("+31205550188")})
    (firm,) = made(api, "companies", {"name": "Bakery", "custom_fields_values": phone("+79161234567")})
    me = api.get("account").json()["current_user_id"]

    def rung(program: Program, number: str) -> tuple[int | None, int | None]:
        answer = program.post("/api/v2/events", {"add": [{"type": "phone_call", "phone_number": number, "users": [me, str(me), 999, None]}]})
        (row,) = answer.json()["_embedded"]["items"]
        assert (answer.status_code, row["phone_number"], len(row["uid"])) == (200, number, 32)
        return row["element_id"], row["element_type"]

    assert [rung(api, "+31 20 555-01-88"), rung(api, "8 (916) 123-45-67"), rung(api, "+31999999999")] == [(anna, 1), (firm, 3), (None, None)]
    (lead,) = made(api, "leads", {"_embedded": {"contacts": [{"id": anna}]}})
    assert rung(api, "+31205550188") == (lead, 2)  # the one that is open is what the call is about
    made(api, "leads", {"_embedded": {"contacts": [{"id": anna}]}})
    assert rung(api, "+31205550188") == (anna, 1)
    for wrong in ({}, {"add": []}, {"add": [{}]}, {"add": [{"type": "smoke", "phone_number": "1"}]}, {"add": [{"type": "phone_call", "phone_number": None}]}, {"add": [{"type": "phone_call", "phone_number": "1"}] * 51}):
        assert api.post("/api/v2/events", wrong).status_code == 400, wrong
    with doors.unit():
        kept = Stored.objects.filter(kind="phone_call").order_by("pk")
        assert [row.body["users"] for row in kept] == [[me, me]] * 5
        assert Event.objects.filter(name="phone_call.added").count() == 5
        people = {role: person(role, name=role.title()).email for role in ("seller", "viewer")}
    assert program_of(doors, people["viewer"]).post("/api/v2/events", {"add": [{"type": "phone_call", "phone_number": "1"}]}).status_code == 403
    assert rung(program_of(doors, people["seller"]), "+31205550188") == (None, None)  # another team's contact
    assert rung(program_of(make_door(firm="Eve & Co", email="eve@elsewhere.example")), "+31205550188") == (None, None)


def test_talks_are_begun_and_closed(api: Program, doors, make_door, count_statements) -> None:
    (anna,), (lead,) = made(api, "contacts", {"name": "Anna"}), made(api, "leads", {})
    talk = first(api.post("talks", [{"contact_id": anna, "entity_id": lead, "entity_type": "lead", "origin": "telegram", "is_read": False, "request_id": 1}]))
    assert talk.keys() >= {"talk_id", "created_at", "updated_at", "rate", "contact_id", "chat_id", "entity_id", "entity_type", "is_in_work", "is_read", "origin", "missed_at", "account_id"}
    pk = talk["talk_id"]
    told = api.get(f"talks/{pk}").json()
    assert (told["is_in_work"], told["is_read"], told["_embedded"]["contacts"][0]["id"], told["_embedded"]["leads"][0]["id"], told["_embedded"]["customers"]) == (True, False, anna, lead, [])
    assert api.patch(f"talks/{pk}", {"is_read": True, "rate": 5}).json()["rate"] == 5
    assert api.post(f"talks/{pk}/close", {"force_close": True}).status_code == 202
    assert api.get(f"talks/{pk}").json()["is_in_work"] is False
    for wrong in ({"contact_id": 999}, {"entity_id": 999}, {"entity_type": "spoon"}, {"entity_id": lead, "entity_type": "customer"}):
        assert api.post("talks", [{}, wrong]).status_code == 400, wrong
    assert [api.get("talks/999").status_code, api.post("talks/999/close", {}).status_code] == [404, 404]
    with doors.unit():
        people = {role: person(role, name=role.title()).email for role in ("seller", "viewer")}
    assert [program_of(doors, people["seller"]).post("talks", [{}]).status_code, program_of(doors, people["viewer"]).post("talks", [{}]).status_code] == [200, 403]
    stranger = program_of(make_door(firm="Eve & Co", email="eve@elsewhere.example"))
    assert [stranger.get("talks").status_code, stranger.get(f"talks/{pk}").status_code, stranger.post(f"talks/{pk}/close", {}).status_code] == [204, 404, 404]
    api.get("talks")
    with count_statements() as two:
        assert len(rows(api, "talks")) == 2
    api.post("talks", [{}, {}])
    api.get("talks")
    with count_statements() as four:
        assert len(rows(api, "talks?")) == 4
    assert two() == four()


def test_chats_of_contacts(api: Program) -> None:
    (anna,) = made(api, "contacts", {"name": "Anna"})
    chat = first(api.post("contacts/chats", [{"contact_id": anna, "chat_id": "c-1", "request_id": 1}]))
    assert (chat["contact_id"], chat["chat_id"]) == (anna, "c-1")
    assert first(api.post("contacts/chats", [{"contact_id": anna, "chat_id": "c-1"}]))["id"] == chat["id"]
    assert rows(api, f"contacts/chats?contact_id={anna}") == rows(api, "contacts/chats?chat_id=c-1") == [{"id": chat["id"], "chat_id": "c-1", "contact_id": anna}]
    assert [api.get("contacts/chats").status_code, api.get("contacts/chats?contact_id=999").status_code, api.post("contacts/chats", [{"contact_id": 999, "chat_id": "x"}]).status_code] == [400, 204, 400]


def test_subscribers(api: Program) -> None:
    me = api.get("account").json()["current_user_id"]
    for plural in ("leads", "contacts", "companies", "customers"):
        (pk,) = made(api, plural, {"name": "A", "responsible_user_id": me})
        told = api.get(f"{plural}/{pk}/subscriptions").json()
        assert (told["_embedded"]["subscriptions"], told["_total_items"]) == ([{"subscriber_id": me, "type": "user"}], 1)
        assert api.get(f"{plural}/999/subscriptions").status_code == 404
