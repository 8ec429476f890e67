"""Two who bring the same person at one moment: the second finds whom the first made, whichever door each of them takes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection

from crm_core.people import reaching
from crm_core.people.companies.models import Company
from crm_core.people.contacts.models import Contact
from crm_core.sales.deals.models import Deal
from crm_core.sales.incoming import services
from tests.conftest import Door
from tests.crm_core.incoming.kit import ROBOT, came
from tests.doors.conftest import Program
from tests.doors.test_calls_and_talks import phone
from tests.doors.test_records import made
from tests.racing import at_once

NUMBER = "+31655550142"


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has looked whether somebody is known waits, long enough for the others to look too."""
    look = reaching.with_keys

    def slowly(*given: Any) -> Any:
        found = look(*given)
        time.sleep(0.5)
        return found

    monkeypatch.setattr(reaching, "with_keys", slowly)


def whole(*people: dict[str, Any], firm: str = "") -> list[dict[str, Any]]:
    firms = {"companies": [{"name": firm}]} if firm else {}
    return [{"name": "Kitchen", "_embedded": {"contacts": [one], **firms}} for one in people]


def together(*works: Callable[[], object]) -> None:
    """Each of them in a thread of its own, begun at one moment."""
    meet, left = threading.Barrier(len(works)), list(works)

    def one() -> None:
        work = left.pop()
        meet.wait(20)
        work()

    at_once(len(works), one)


def test_two_whole_leads_of_one_phone_are_of_one_contact_and_one_company(api: Program, doors: Door, looked: None) -> None:
    made(api, "contacts", {})  # that the token was used is noted now and then alone; whoever notes it has the others wait
    told: list[dict[str, Any]] = []

    def post(name: str) -> Callable[[], None]:
        return lambda: told.extend(api.post("leads/complex", whole({"name": name, "custom_fields_values": phone(NUMBER)}, firm="Bakery")).json())

    together(post("Camille"), post("C. Duquesnoy"))
    with doors.unit():
        assert (Contact.objects.filter(keys__contains=[f"p:{NUMBER[1:]}"]).count(), Company.objects.filter(name="Bakery").count()) == (1, 1)
        assert Deal.objects.filter(name="Kitchen").count() == 2
    assert sorted(row["merged"] for row in told) == [False, True]
    assert len({row["contact_id"] for row in told}) == len({row["company_id"] for row in told}) == 1


def test_many_in_another_order_do_not_wait_for_one_another_in_a_circle(api: Program, doors: Door, looked: None) -> None:
    made(api, "contacts", {})
    people = [{"name": str(number), "custom_fields_values": phone(f"+3165555{number:04}")} for number in range(4)]
    statuses: list[int] = []
    together(*(lambda rows=rows: statuses.append(api.post("leads/complex", whole(*rows)).status_code) for rows in (people, people[::-1])))
    with doors.unit():
        assert (statuses, Contact.objects.filter(name__in="0123").count()) == ([200, 200], 4)


def test_locks_are_taken_in_one_order_and_are_a_bounded_number(doors: Door) -> None:
    keys = [f"p:{number}" for number in range(5000)]
    shares: list[list[int]] = []

    def note(execute: Any, statement: Any, params: Any, many: bool, context: Any) -> Any:
        shares.append(params[1])
        return execute(statement, params, many, context)

    with doors.unit():
        with connection.execute_wrapper(note):
            for given in (keys[:9], keys[8::-1], keys, []):
                reaching.alone_with(given)
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
            held = cursor.fetchone()
    first, second, _all = shares
    assert first == second
    assert 9 < held[0] <= reaching.SHARES


def test_a_lead_is_accepted_while_a_program_brings_its_person(api: Program, doors: Door, looked: None) -> None:
    made(api, "contacts", {})
    with doors.unit():
        lead = came({"name": "Camille", "phone": NUMBER, "company": "Bakery"})

    def accept() -> None:
        with doors.unit():
            services.accept(ROBOT, lead.uid)

    together(accept, lambda: api.post("leads/complex", whole({"name": "Camille", "custom_fields_values": phone(NUMBER)}, firm="Bakery")))
    with doors.unit():
        assert (Contact.objects.filter(keys__contains=[f"p:{NUMBER[1:]}"]).count(), Company.objects.filter(name="Bakery").count(), Deal.objects.count()) == (1, 1, 2)


def test_two_leads_of_one_person_accepted_at_one_moment(doors: Door, looked: None) -> None:
    with doors.unit():
        leads = [came({"name": "Camille", "phone": NUMBER}) for _ in range(2)]

    def accept(uid: str) -> None:
        with doors.unit():
            services.accept(ROBOT, uid)

    together(*(lambda uid=lead.uid: accept(uid) for lead in leads))
    with doors.unit():
        assert (Contact.objects.filter(keys__contains=[f"p:{NUMBER[1:]}"]).count(), Deal.objects.count()) == (1, 2)


def test_two_bulks_of_the_same_people_in_another_order(doors: Door, looked: None) -> None:
    with doors.unit():
        one, two = ([came({"name": str(number), "phone": f"+3165555{number:04}"}).uid for number in order] for order in (range(3), range(2, -1, -1)))
    statuses: list[int] = []
    browsers = [doors.client(), doors.client()]
    for browser in browsers:
        browser.get("/bin")  # that somebody was here is noted now and then alone
    accept = [partial(browser.post, "/unsorted/bulk", {"verb": "accept", "chosen": uids}) for browser, uids in zip(browsers, (one, two), strict=True)]
    together(*(lambda post=post: statuses.append(post().status_code) for post in accept))
    with doors.unit():
        assert (statuses, Contact.objects.count(), Deal.objects.count()) == ([303, 303], 3, 6)
