"""Calls: one lead however often its exchange tells of it, and what is told later stands where the lead went."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from crm_core.engagement.notes.models import Note
from crm_core.engagement.tasks.models import Task
from crm_core.people.contacts import services as contacts
from crm_core.sales.incoming import calls, reading_job, services, sources
from crm_core.sales.incoming import door as doorway
from crm_core.sales.incoming.models import IncomingLead
from crm_platform.events.models import Event
from crm_platform.jobs import serving
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
