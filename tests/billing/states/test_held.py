"""Leads that come while the plan is unpaid: taken in, sealed, and opened when it is paid. Case 68."""

from __future__ import annotations

import pytest

from billing.held import services as held
from billing.held.models import HeldLead
from crm_platform.db import sides
from crm_platform.events.models import Event
from crm_platform.jobs import serving
from crm_platform.kernel import clock
from crm_platform.kernel.errors import ReadOnly
from crm_platform.kernel.permissions import robot
from tenants.inside.models import WorkspaceState

from .kit import DAY0, at, buys, put

ROBOT = robot("test")
LEAD = {"name": "Ivan Петров", "phone": "+7 916 123-45-67", "page": "https://veldhuis.example/kitchens"}


def unpaid(door) -> None:
    buys(door)
    with at(0):
        put(door, past_due_since=DAY0)


@pytest.mark.parametrize("days", [20, 60, 240])
def test_case_68_a_lead_is_taken_in_however_long_it_is_unpaid_and_nobody_reads_it(doors, days: int) -> None:
    unpaid(doors)
    with at(days):
        with doors.unit():
            assert held.is_held()
        row = held.accept_held_lead(doors.place, "form 7", LEAD)
        with doors.unit():
            kept = HeldLead.objects.get(pk=row.pk)
            assert b"Ivan" not in bytes(kept.sealed)
            assert kept.received_at == clock.now()
            assert held.open_some() == 0
            assert not Event.objects.filter(name="lead.released").exists()
        put(doors, past_due_since=None)
        serving.serve_side(doors.unit, seconds=20)
    with doors.unit():
        event = Event.objects.get(name="lead.released")
        assert (event.after["lead"], event.after["source"]) == (LEAD, "form 7")
        assert Event.objects.get(name="billing.leads_opened").after == {"created": 1}
        assert held.waiting() == 0
        assert bytes(HeldLead.objects.get().sealed) == b""


def test_they_are_opened_in_their_order_and_given_to_whoever_makes_leads(doors, monkeypatch) -> None:
    taken: list[tuple[str, str]] = []
    monkeypatch.setattr(held, "_taker", lambda source, lead, received_at: taken.append((source, lead["name"])))
    unpaid(doors)
    with at(50):
        for name in ("A", "B", "C"):
            held.accept_held_lead(doors.place, "form", {"name": name}, sender_key=f"k{name}")
        held.accept_held_lead(doors.place, "form", {"name": "A again"}, sender_key="kA")
        put(doors, past_due_since=None)
        serving.serve_side(doors.unit, seconds=20)
    assert taken == [("form", "A"), ("form", "B"), ("form", "C")]


def test_the_end_of_a_pause_opens_them_too(doors) -> None:
    from .kit import walks

    buys(doors)
    with at(-1):
        put(doors, paused_until=DAY0)
        held.accept_held_lead(doors.place, "form", LEAD)
    with at(0):
        walks(doors)
        serving.serve_side(doors.unit, seconds=20)
    with doors.unit():
        assert held.waiting() == 0


def test_one_of_another_workspace_does_not_open_here(doors, make_door) -> None:
    unpaid(doors)
    other = make_door(firm="Eve & Co", email="eve@elsewhere.example")
    with at(50):
        row = held.accept_held_lead(doors.place, "form", LEAD)
    with doors.unit():
        sealed = bytes(HeldLead.objects.get(pk=row.pk).sealed)
    with sides.unit(other.place):
        HeldLead.objects.create(source="form", sealed=sealed)
    with sides.unit(other.place):
        held.open_some()
        assert HeldLead.objects.get().broken
        assert not Event.objects.filter(name="lead.released").exists()


def test_too_large_a_lead_and_a_closed_workspace_are_refused(doors) -> None:
    unpaid(doors)
    with at(50), pytest.raises(held.LeadTooLarge):
        held.accept_held_lead(doors.place, "form", {"text": "x" * held.LARGEST})
    with doors.unit():
        WorkspaceState.objects.update(suspended=True, suspended_level="closed")
    with pytest.raises(ReadOnly):
        held.accept_held_lead(doors.place, "form", LEAD)
    with doors.unit():
        assert HeldLead.objects.count() == 0
