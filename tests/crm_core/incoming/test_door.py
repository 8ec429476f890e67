"""The door for programs: every body makes a lead or says why not, at each host, once, within its bounds."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from crm_core.engagement.notes.models import Note
from crm_core.engagement.tasks.models import Task
from crm_core.groundwork.attachments.models import Attachment
from crm_core.people.contacts import services as contacts
from crm_core.sales.incoming import door as doorway
from crm_core.sales.incoming import reading_job, services, sources
from crm_core.sales.incoming.models import IncomingLead, LeadSource
from crm_platform.accounts.models import User
from tenants.inside.models import WorkspaceState
from tests.conftest import Door

from .kit import ROBOT, source


@pytest.fixture
def way(doors: Door):
    """A source of programs, its address, and a program at the workspace's host."""
    doorway.forget()
    with doors.unit():
        key = sources.key_of(source())
    return doors, f"/api/leads/in/{key}", Client(HTTP_HOST=doors.host, raise_request_exception=False)


def read(door: Door) -> list[IncomingLead]:
    with door.unit():
        reading_job.read_some()
        return list(IncomingLead.objects.select_related("source").order_by("pk"))


def send(client: Client, path: str, body: object, **more: str):
    return client.post(path, body if isinstance(body, (str, bytes)) else json.dumps(body), content_type="application/json", **more)


def test_json_becomes_a_lead_and_the_answer_leads_to_it(way) -> None:
    door, path, program = way
    answer = send(program, path, {"name": "Ada", "phone": "+31 6 5555 0142", "utm_source": "ads", "ga": {"client_id": "7.7"}, "page": "https://a.example/x"})
    assert answer.status_code == 201, answer.content
    told = answer.json()
    assert told["url"].endswith(f"/unsorted/{told['uid']}")
    [lead] = read(door)
    assert (lead.uid, lead.name, lead.metadata["utm_source"], lead.metadata["client_id"], lead.metadata["page"]) == (told["uid"], "Ada", "ads", "7.7", "https://a.example/x")
    assert door.client().get(told["url"].partition("localhost")[2].partition("/")[2].join(["/", ""])).status_code == 200


def test_the_public_host_takes_it_too_and_a_form_does(way, public) -> None:
    door, path, _program = way
    assert public.post(path, {"Имя": "Елена", "Телефон": "+7 912 345-67-89", "Вопрос": "Сколько?"}).status_code == 201
    assert public.post(path, b"Call me", content_type="text/plain").status_code == 201
    first, second = read(door)
    assert (first.name, first.message, first.keys, second.message) == ("Елена", "Сколько?", ["p:79123456789"], "Call me")


def test_sent_twice_is_one(way) -> None:
    door, path, program = way
    body = {"name": "Ada"}
    answers = [send(program, path, body), send(program, path, body), send(program, path, body, HTTP_IDEMPOTENCY_KEY="1"), send(program, path, {"name": "Other"}, HTTP_IDEMPOTENCY_KEY="1")]
    assert [answer.status_code for answer in answers] == [201, 200, 201, 200]
    assert answers[0].json()["uid"] == answers[1].json()["uid"]
    assert len(read(door)) == 2


def test_the_key_opens_nothing_else(way) -> None:
    door, path, program = way
    key = path.rpartition("/")[2]
    for other in ("/api/v1/me", "/unsorted", "/contacts"):
        assert program.get(other, HTTP_AUTHORIZATION=f"Bearer {key}", HTTP_ACCEPT="application/json").status_code in (302, 401)
    assert program.get(path).status_code == 405
    options = program.options(path, HTTP_ORIGIN="https://a.example")
    assert (options.status_code, options.headers["Access-Control-Allow-Origin"]) == (204, "*")
    for wrong in (key[:-1], "x", "x.y", f"{door.place.public_id}.nothing", "é", "a" * 300):
        answer = send(program, f"/api/leads/in/{wrong}", {"name": "x"})
        assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (404, "*"), wrong
    with door.unit():
        sources.archive(ROBOT, LeadSource.objects.get().pk)
    doorway.forget()
    assert send(program, path, {"name": "Ada"}).status_code == 404
    assert read(door) == []


BAD = [
    b"", b"{", b"[[[[", b'{"a": NaN}', b'{"a": 1e999, "b": 123456789012345678901234567890}', b"\xff\xfe\x00", b'{"name": "a\\u0000b\\ud800"}', b"[" * 100_000, b'{"a":' * 5000 + b"1" + b"}" * 5000,
    b"9" * 5000, b"null", b"[]", b"{}", b'["a", {"b": ["c", null, true]}]', json.dumps({f"f{turn}": "x" * 50 for turn in range(300)}).encode(), b'{"name": {"first": ["a"]}, "email": 5, "phone": {}}',
    b'{"contacts": "no", "leads": 7}', b'{"_embedded": {"contacts": [{"custom_fields_values": [7, {"field_code": "PHONE", "values": "no"}]}], "leads": [null]}}',
]  # fmt: skip


def test_no_body_breaks_it(way) -> None:
    door, path, program = way
    for body in BAD:
        answer = send(program, path, body)
        assert answer.status_code in (200, 201, 400, 413, 422), (body[:40], answer.status_code, answer.content[:300])
    for name in ("a[b][c]" * 50, "name", ""):
        answer = program.post(path, {name: ["x", "y"], "message": "<script>alert(1)</script>"})
        assert answer.status_code in (200, 201), (name, answer.content[:300])
    leads = read(door)
    assert len(leads) > 8
    many = next(lead for lead in leads if lead.metadata.get("fields_left_out"))
    assert (many.metadata["fields_left_out"], len(many.contents["fields"])) == (100, 200)
    client = door.client()
    for lead in leads:
        assert client.get(f"/unsorted/{lead.uid}").status_code == 200
    with door.unit():
        for lead in leads:
            assert services.accept(ROBOT, lead.uid).state == "accepted"


def test_too_large_is_refused_and_nothing_is_kept(way) -> None:
    door, path, program = way
    assert send(program, path, {"name": "x" * 300_000}).status_code == 413
    assert program.post(path, {"message": "x" * 300_000}).status_code == 413
    assert send(program, path, b"x" * (10 * 1024 * 1024)).status_code in (400, 413)
    assert program.post(path, {f"f{turn}": "x" for turn in range(6000)}).status_code == 400
    assert read(door) == []


def test_files_come_along_and_go_with_the_deal(way) -> None:
    door, path, program = way
    sent = {"name": "Ada", "plan": SimpleUploadedFile("..\\plan.pdf", b"%PDF"), "photo": SimpleUploadedFile("p.jpg", b"jpg")}
    assert program.post(path, sent).status_code == 201
    [lead] = read(door)
    with door.unit():
        rows = list(Attachment.objects.filter(entity="incoming", record_id=lead.pk))
        assert sorted(row.name for row in rows) == ["p.jpg", "plan.pdf"]
    answer = door.client().get(f"/unsorted/{lead.uid}/files/{rows[0].pk}")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert b"".join(answer.streaming_content) in (b"%PDF", b"jpg")
    answer.close()
    assert door.client(email=None).get(f"/unsorted/{lead.uid}/files/{rows[0].pk}").status_code == 302
    with door.unit():
        done = services.accept(ROBOT, lead.uid)
        assert Attachment.objects.filter(entity="deal", record_id=done.deal_id).count() == 2
    too_many = {f"f{turn}": SimpleUploadedFile(f"{turn}.txt", b"x") for turn in range(6)}
    assert program.post(path, too_many).status_code == 422
    assert program.post(path, {"f": SimpleUploadedFile("big.bin", b"x" * (10 * 1024 * 1024 + 1))}).status_code == 422


def test_an_unpaid_workspace_holds_it(way) -> None:
    door, path, program = way
    with door.unit():
        WorkspaceState.objects.update(suspended=True, suspended_level="read")
    answer = send(program, path, {"name": "Ada"})
    assert (answer.status_code, answer.json()["held"]) == (202, True)
    assert read(door) == []
    with door.unit():
        WorkspaceState.objects.update(suspended_level="closed")
    assert send(program, path, {"name": "Bob"}).status_code == 403


def signed(client: Client, path: str, body: dict[str, object], secret: str):
    raw = json.dumps(body).encode()
    return client.post(path, raw, content_type="application/json", HTTP_X_SIGNATURE="sha256=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest())


def of_kind(door: Door, kind: str, **values: object) -> tuple[str, str]:
    doorway.forget()
    with door.unit():
        made = source(kind, **values)
        return f"/api/leads/in/{sources.key_of(made)}", sources.secret_of(made)


def test_a_message_must_be_signed(doors: Door) -> None:
    path, secret = of_kind(doors, "webhook")
    program = Client(HTTP_HOST=doors.host, raise_request_exception=False)
    assert send(program, path, {"name": "Ada"}).status_code == 401
    assert signed(program, path, {"name": "Ada"}, "wrong").status_code == 401
    assert read(doors) == []
    assert signed(program, path, {"name": "Ada"}, secret).status_code == 201
    assert [lead.category for lead in read(doors)] == ["webhook"]


def test_calls(doors: Door) -> None:
    with doors.unit():
        olga = User.objects.get(email="olga@veldhuis.example")
        known = contacts.create_contact(ROBOT, first_name="Ada", phones=[{"number": "+31655550142"}], responsible_id=olga.pk)
    path, secret = of_kind(doors, "calls", answer_minutes=10)
    program = Client(HTTP_HOST=doors.host, raise_request_exception=False)
    call = {"to": "+31205550100", "direction": "in", "duration": 28}
    for row in (
        {**call, "id": "1", "from": "+31655550199", "status": "missed", "recording": "https://r.example/1"}, {**call, "id": "2", "from": "+31655550142", "status": "missed"},
        {**call, "id": "3", "from": "+31655550142", "status": "answered"}, {**call, "id": "2", "from": "+31655550142", "status": "missed"}, {**call, "id": "4", "from": "anonymous", "status": "missed"},
    ):  # fmt: skip
        assert signed(program, path, row, secret).status_code in (200, 201)
    leads = read(doors)
    assert [(lead.name, lead.state) for lead in leads] == [("+31 6 55550199", "waiting"), ("+31 6 55550142", "linked"), ("+31 6 55550142", "linked"), ("Number withheld", "waiting")]
    assert leads[0].metadata["recording"] == "https://r.example/1"
    with doors.unit():
        assert Note.objects.filter(entity="contact", record_id=known.pk).count() == 2
        task = Task.objects.get()
        assert (task.type, task.responsible_id, task.record_id, task.due_at) == ("call", olga.pk, known.pk, leads[1].due_at)
