"""Calls: one lead however often its exchange tells of it, and what is told later stands where the lead went."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from billing.held import services as held
from crm_core.engagement.notes.models import Note
from crm_core.engagement.tasks.models import Task
from crm_core.people.contacts import services as contacts
from crm_core.people.contacts.models import Contact
from crm_core.sales.incoming import calls, reading_job, services, sources
from crm_core.sales.incoming import door as doorway
from crm_core.sales.incoming.models import IncomingLead
from crm_platform.accounts import directory
from crm_platform.events.models import Event
from crm_platform.jobs import serving
from crm_platform.kernel import clock
from tenants.inside.models import WorkspaceState
from tenants.inside.services import change_preferences
from tests.conftest import Door

from .kit import ROBOT, source

Tell = Callable[..., int]
STRANGER, KNOWN = "+31655550199", "+31655550142"


@pytest.fixture
def tell(doors: Door) -> Tell:
    """Say something of a call, as its exchange does; the answer's status."""
    doorway.forget()
    with doors.unit():
        way = source("calls")
        path, secret = f"/api/leads/in/{sources.key_of(way)}", sources.secret_of(way)
    program = Client(HTTP_HOST=doors.host, raise_request_exception=False)

    def say(**said: Any) -> int:
        body = json.dumps({"id": "c1", "to": "+31205550100", "direction": "in", **said}).encode()
        seal = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        return program.post(path, body, content_type="application/json", HTTP_X_SIGNATURE=seal).status_code

    return say


def served(doors: Door) -> list[IncomingLead]:
    """The leads, once all that was left to do is done."""
    serving.serve_side(doors.unit)
    with doors.unit():
        return list(IncomingLead.objects.order_by("pk"))


def test_a_call_that_rings_is_missed_and_has_a_recording_is_one_lead(doors: Door, tell: Tell) -> None:
    assert tell(**{"from": STRANGER}, status="ringing") == 201
    [ringing] = served(doors)
    assert (ringing.message, "missed" in ringing.metadata) == ("Call to +31205550100.", False)
    assert tell(**{"from": STRANGER}, status="missed", duration=28, recording="https://r.example/1") == 200
    [lead] = served(doors)
    assert lead.message == "Missed call to +31205550100, rang 28 s."
    assert (lead.metadata["missed"], lead.metadata["recording"], lead.contents["fields"], lead.payload) == (True, "https://r.example/1", [["Recording", "https://r.example/1"]], {"form": "call"})
    with doors.unit():
        assert Event.objects.filter(name="incoming.call_told", record_id=lead.pk).count() == 1


def test_what_is_told_before_it_is_read_is_read_with_it(doors: Door, tell: Tell) -> None:
    tell(**{"from": STRANGER}, status="ringing")
    tell(status="answered", duration=61)
    [lead] = served(doors)
    assert (lead.name, lead.message) == ("+31 6 55550199", "Call of 61 s to +31205550100.")


def test_the_same_event_twice_adds_nothing(doors: Door, tell: Tell) -> None:
    for _ in range(2):
        tell(**{"from": STRANGER}, status="missed", duration=3)
        [lead] = served(doors)
    assert lead.message == "Missed call to +31205550100, rang 3 s."
    with doors.unit():
        assert not Event.objects.filter(name="incoming.call_told").exists()


def test_who_was_missed_and_then_reached_is_not_missed(doors: Door, tell: Tell) -> None:
    tell(**{"from": STRANGER}, status="busy")
    served(doors)
    tell(**{"from": STRANGER}, status="completed", duration=40)
    [lead] = served(doors)
    assert (lead.message, "missed" in lead.metadata) == ("Call of 40 s to +31205550100.", False)


def test_of_a_known_contact_it_is_noted_and_a_missed_one_is_a_task(doors: Door, tell: Tell) -> None:
    with doors.unit():
        known = contacts.create_contact(ROBOT, first_name="Ada", phones=[{"number": KNOWN}])
    tell(**{"from": KNOWN}, status="ringing")
    served(doors)
    for _ in range(2):
        tell(**{"from": KNOWN}, status="missed", duration=12)
        served(doors)
    with doors.unit():
        assert list(Note.objects.filter(entity="contact", record_id=known.pk).order_by("pk").values_list("text", flat=True)) == ["Call to +31205550100.", "Missed call to +31205550100, rang 12 s."]
        assert Task.objects.filter(entity="contact", record_id=known.pk, type="call").count() == 1


def test_what_comes_after_it_was_accepted_stands_on_the_deal(doors: Door, tell: Tell) -> None:
    tell(**{"from": STRANGER}, status="answered")
    [lead] = served(doors)
    with doors.unit():
        deal = services.accept(ROBOT, lead.uid).deal_id
    tell(**{"from": STRANGER}, status="completed", duration=300, recording="https://r.example/2")
    served(doors)
    with doors.unit():
        assert Note.objects.filter(entity="deal", record_id=deal).order_by("-pk")[0].text == "Call of 300 s to +31205550100.\nhttps://r.example/2"


def test_while_the_workspace_is_shut_each_event_is_kept(doors: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    said = calls.told({"id": "c1", "from": STRANGER, "status": "ringing"})
    with doors.unit():
        assert calls.number_of(said) == calls.number_of({**said, "status": "missed"})
        monkeypatch.setattr(calls.held, "is_held", lambda: True)
        assert calls.number_of(said) != calls.number_of({**said, "status": "missed"})
        reading_job.read_some()


def test_one_call_that_was_sealed_in_pieces_is_one_lead_once_it_is_open(doors: Door, tell: Tell) -> None:
    with doors.unit():
        WorkspaceState.objects.update(suspended=True, suspended_level="read")
    assert [tell(**{"from": STRANGER}, **said) for said in ({"status": "ringing"}, {"status": "completed", "duration": 61}, {"status": "ringing"})] == [202, 202, 202]
    with doors.unit():
        WorkspaceState.objects.update(suspended=False, suspended_level="")
    with doors.unit():
        assert held.open_some() == 2
    [lead] = served(doors)
    assert lead.message == "Call of 61 s to +31205550100."


def test_of_several_telephones_one_was_taken_so_it_is_not_missed(doors: Door, tell: Tell) -> None:
    with doors.unit():
        contacts.create_contact(ROBOT, first_name="Ada", phones=[{"number": KNOWN}])
    for said in ({"status": "ringing"}, {"status": "answered"}, {"status": "No Answer", "duration": 9}):
        tell(**{"from": KNOWN}, **said)
        [lead] = served(doors)
    assert "missed" not in lead.metadata
    with doors.unit():
        assert not Task.objects.exists()


def test_of_several_telephones_one_was_taken_before_it_was_read(doors: Door, tell: Tell) -> None:
    for said in ({"status": "ringing"}, {"status": "answered", "duration": 20}, {"status": "no-answer"}):
        tell(**{"from": STRANGER}, **said)
    [lead] = served(doors)
    assert lead.message == "Call of 20 s to +31205550100."


def test_what_is_told_later_of_an_outgoing_call_needs_no_direction(doors: Door, tell: Tell) -> None:
    with doors.unit():
        known = contacts.create_contact(ROBOT, first_name="Ada", phones=[{"number": KNOWN}])
    tell(**{"from": "+31205550100", "to": KNOWN, "direction": "out"}, status="ringing")
    served(doors)
    tell(**{"from": "+31205550100", "to": KNOWN, "direction": ""}, status="completed", duration=30)
    served(doors)
    with doors.unit():
        assert list(Note.objects.filter(record_id=known.pk).order_by("pk").values_list("text", flat=True)) == ["Outgoing call from +31205550100.", "Outgoing call of 30 s from +31205550100."]


def test_a_missed_call_that_nobody_was_to_answer_is_an_owners_task_of_the_firms_day(doors: Door, tell: Tell) -> None:
    with doors.unit():
        contacts.create_contact(ROBOT, first_name="Ada", phones=[{"number": KNOWN}], responsible_id=None)
        Contact.objects.update(responsible=None)
        change_preferences(ROBOT, time_zone="Asia/Tashkent")
        owners = [person.pk for person in directory.owners()]
    with clock.frozen(datetime(2031, 5, 7, 21, tzinfo=UTC)):  # two at night in Tashkent
        tell(**{"from": KNOWN}, status="missed")
        served(doors)
    with doors.unit():
        task = Task.objects.get()
    assert task.responsible_id in owners
    assert task.due_at.astimezone(ZoneInfo("Asia/Tashkent")).isoformat()[:16] == "2031-05-08T23:59"


@pytest.mark.parametrize(
    "said",
    [
        {"call_id": "7", "id": "event-2", "from": STRANGER, "status": "no-answer"}, {"CallSid": "7", "From": STRANGER, "CallStatus": "no-answer"}, {"uniqueid": "7", "src": STRANGER, "disposition": "NO ANSWER"},
    ],
)  # fmt: skip
def test_the_words_of_exchanges(said: dict[str, str]) -> None:
    told = calls.told(said)
    assert (told["call_id"], told["from"], calls.marks_of(told)["missed"]) == ("7", STRANGER, True)
