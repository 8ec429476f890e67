"""Limits under races and at their marks: cases 57 to 60 of the billing reference."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connections

from billing.metering import notices, proof
from billing.metering.models import Counter
from crm_core.groundwork.imports import commands as imports
from crm_core.groundwork.imports import services as import_services
from crm_core.groundwork.imports.models import Stage
from crm_core.groundwork.records import writing
from crm_core.people.contacts import services as contacts
from crm_core.people.contacts.kind import CONTACT
from crm_core.people.contacts.models import Contact
from crm_platform.kernel import clock, gates
from crm_platform.kernel.errors import Invalid, PlanRefusal
from crm_platform.kernel.permissions import robot
from crm_platform.letters.models import Letter
from tenants.inside.models import WorkspaceState
from tests.crm_core.test_imports import bring_in

from .kit import at, buys, put

ROBOT = robot("test")


def limit(door, **limits: int) -> None:
    with door.unit():
        WorkspaceState.objects.update(limits=limits)


def at_once(*works: Callable[[], None]) -> None:
    """Each in a thread of its own, all let go together."""
    barrier = threading.Barrier(len(works), timeout=30)

    def run(work: Callable[[], None]) -> None:
        try:
            barrier.wait()
            work()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def adding(door, outcomes: list[str], name: str) -> Callable[[], None]:
    def add() -> None:
        try:
            with door.unit():
                contacts.create_contact(ROBOT, first_name=name)
            outcomes.append("in")
        except PlanRefusal as refused:
            outcomes.append(f"{refused.code} {refused.facts['limit']} {refused.facts['used']}")

    return add


def count_is_counter(door) -> int:
    with door.unit():
        counter = Counter.objects.get(metric="contacts").value
        assert proof.prove()["contacts"] == {"counter": counter, "count": counter}
    return counter


def test_case_57_of_two_at_the_last_place_one_comes_in_and_the_other_gets_the_numbers(doors) -> None:
    limit(doors, contacts=5)  # too few for a buffer of a tenth
    with doors.unit():
        contacts.create_contacts(ROBOT, [{"first_name": f"P{number}"} for number in range(4)])
    outcomes: list[str] = []
    at_once(adding(doors, outcomes, "A"), adding(doors, outcomes, "B"))
    assert sorted(outcomes) == ["in", "limit_reached 5 5"]
    assert count_is_counter(doors) == 5


def test_case_58_many_at_once_near_the_limit_with_deletes_and_an_import_never_pass_it(doors) -> None:
    limit(doors, contacts=9)
    with doors.unit():
        first = [contacts.create_contact(ROBOT, first_name=f"P{number}").pk for number in range(3)]
    outcomes: list[str] = []

    def bin_one() -> None:
        with doors.unit():
            writing.put_in_bin(ROBOT, CONTACT, [first[0]])

    rows = "\n".join(f"I{number},i{number}@many.example" for number in range(10))
    bring = lambda: bring_in(doors, f"First name,Email\n{rows}\n") and None  # noqa: E731
    at_once(*[adding(doors, outcomes, f"N{number}") for number in range(8)], bin_one, bring)
    assert count_is_counter(doors) <= 9
    assert len(outcomes) == 8


def test_case_59_an_import_takes_what_fits_and_a_second_run_makes_no_twins(doors) -> None:
    limit(doors, contacts=9)
    rows = "\n".join(f"Person {number},q{number}@full.example" for number in range(20))
    run = bring_in(doors, f"First name,Email\n{rows}\n")
    assert (run.totals["created"], run.totals["waiting"], run.totals["errors"]) == (9, 11, 0)
    assert count_is_counter(doors) == 9
    limit(doors, contacts=100)
    with doors.unit():
        import_services.take_in_waiting(ROBOT, run.pk)
    after = imports._until_done(doors.place, run.pk, (Stage.RUNNING,))
    with pytest.raises(Invalid), doors.unit():
        import_services.take_in_waiting(ROBOT, run.pk)
    assert (after.totals["created"], after.totals["waiting"]) == (20, 0)
    assert count_is_counter(doors) == 20


def test_case_60_the_plan_is_lowered_while_everything_adds_and_nothing_is_lost(doors) -> None:
    buys(doors)
    with doors.unit():
        Counter.objects.update_or_create(metric="deals_open", defaults={"value": 1_200})
    outcomes: list[str] = []
    rows = "\n".join(f"I{number},i{number}@low.example" for number in range(10))
    browser = doors.client()
    at_once(
        lambda: put(doors, plan="free"),
        lambda: bring_in(doors, f"First name,Email\n{rows}\n") and None,
        lambda: outcomes.append(str(browser.post("/contacts/new", {"first_name": "Form"}).status_code)),
        adding(doors, outcomes, "Api"),
    )
    with doors.unit():
        assert gates.usage("contacts").limit == 5_000
        assert Contact.objects.count() == 12
        with pytest.raises(PlanRefusal):
            gates.require("deals_open")
    assert count_is_counter(doors) == 12
    assert len(outcomes) == 2


def test_each_mark_is_told_once_with_the_day_on_which_it_will_be_full(doors) -> None:
    limit(doors, contacts=100)

    def grow(number: int) -> list[str]:
        with doors.unit():
            contacts.create_contacts(ROBOT, [{"first_name": f"P{number}.{one}"} for one in range(number)])
        with doors.unit():
            last = Letter.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
            notices.tell()
            notices.tell()
        with doors.unit():
            return list(Letter.objects.filter(pk__gt=last).values_list("subject", flat=True))

    assert grow(69) == []
    assert grow(1) == ["Contacts and companies: 70 % of the limit of Atelier Veldhuis are used"]
    assert grow(10) == []
    with clock.frozen(clock.now() + timedelta(days=10)):
        assert grow(10) == ["Contacts and companies: 90 % of the limit of Atelier Veldhuis are used"]
    with doors.unit():
        assert "it will be full around" in Letter.objects.latest("pk").text
    assert grow(10) == ["Contacts and companies: the limit of Atelier Veldhuis is reached"]
    with doors.unit():
        assert Letter.objects.filter(to="olga@veldhuis.example", subject__contains="limit of").count() == 3


def test_a_mark_leaves_a_look_and_nothing_below_it_does(doors) -> None:
    from crm_platform.jobs.models import Job

    limit(doors, contacts=10)
    with doors.unit():
        contacts.create_contacts(ROBOT, [{"first_name": f"P{number}"} for number in range(6)])
    with doors.unit():
        assert not Job.objects.filter(name="metering.notice").exists()
        contacts.create_contact(ROBOT, first_name="Seventh")
    with doors.unit():
        assert Job.objects.filter(name="metering.notice").count() == 1


def test_the_buffer_begins_when_a_smaller_plan_holds(doors) -> None:
    buys(doors)
    with doors.unit():
        Counter.objects.update_or_create(metric="contacts", defaults={"value": 5_100, "reached_at": None})
    with at(0):
        put(doors, plan="free")
        with doors.unit():
            assert gates.usage("contacts").ceiling == 5_500
            gates.require("contacts")
            gates.forget()
    with at(14), doors.unit():
        assert gates.usage("contacts").ceiling == 5_000
        with pytest.raises(PlanRefusal):
            gates.require("contacts")


def test_asking_for_a_limit_costs_two_statements_at_most(doors, count_statements) -> None:
    with doors.unit(), count_statements() as count:
        gates.require("contacts")
        asked = count()
        gates.forget()
    assert asked <= 2
