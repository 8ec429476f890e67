"""The end: after three notices, by the keeper alone, who looks again. Cases 55 and 56."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connections

from billing import telling
from billing.dunning import calendar, erasing
from billing.models import BillingAccount, MoneyEntry, Subscription
from crm_core.people.contacts import services as contacts
from crm_core.people.contacts.models import Contact
from crm_platform.db import sides
from crm_platform.kernel import clock
from crm_platform.kernel.permissions import robot
from crm_platform.letters.models import Letter
from tenants import keeper
from tenants.inside import services as inside
from tenants.lifecycle import erasing as lifecycle
from tenants.lifecycle.billing_state import Facts
from tenants.lifecycle.models import Certificate
from tenants.models import State
from tests.tenants.lives import join, row_of

from .kit import DAY0, OWNER, at, buys, put, steps, walks

ROBOT = robot("test")


@pytest.fixture(autouse=True)
def nobody_else(doors):
    """No other test's workspace is unpaid: the keeper looks at all of them."""
    yield from _paid_up()


def _paid_up():
    for _time in range(2):
        with sides.control_unit():
            Subscription.objects.exclude(past_due_since=None).update(past_due_since=None)
        if not _time:
            yield


def to_the_end(door) -> None:
    """Unpaid, with a letter on each of its days; the last moment is a day before the erasure."""
    buys(door)
    with door.unit():
        contacts.create_contact(ROBOT, first_name="Anna")
    with at(0):
        put(door, past_due_since=DAY0, status="past_due")
    for day in (*calendar.REMINDERS.values(), 225, 248, 254):
        with at(day):
            walks(door)


def erased(door) -> bool:
    return row_of(door).state == State.ERASED


def test_every_step_is_written_once_and_the_three_notices_go_to_owners_and_bill_readers(doors) -> None:
    join(doors, "manager")
    to_the_end(doors)
    assert steps(doors) == dict.fromkeys([*calendar.REMINDERS, *calendar.NOTICES], "written")
    with doors.unit():
        notices = Letter.objects.filter(subject__contains="will be erased in")
        assert sorted(notices.values_list("to", "subject")) == sorted(
            (to, f"Atelier Veldhuis will be erased in {days}") for to in ("bills@veldhuis.example", OWNER) for days in ("30 days", "7 days", "1 day")
        )
        assert all("/settings/archives" in text for text in notices.values_list("text", flat=True))
        assert all("invoices are kept" in text.lower() for text in notices.values_list("text", flat=True))


def test_on_day_255_the_keeper_erases_with_a_certificate_and_the_account_stays(doors) -> None:
    to_the_end(doors)
    with at(254.99):
        assert erasing.erase_due() == 0
        assert not erased(doors)
    with at(255):
        assert erasing.erase_due() >= 1
    assert erased(doors)
    with sides.control_unit():
        certificate = Certificate.objects.get(workspace=doors.workspace)
        account = BillingAccount.objects.get(workspace=doors.workspace)
        assert (certificate.asked_by, certificate.finished_at is not None) == ("billing", True)
        assert MoneyEntry.objects.get(account=account, name="workspace.erased").reason == "unpaid"
        assert Subscription.objects.get(workspace=doors.workspace).state == "deleted"
    with at(256):
        assert telling.tell(doors.workspace)  # nothing to tell, and no mistake


def test_case_55_paid_one_minute_before_the_end_everything_is_as_it_was(doors) -> None:
    to_the_end(doors)
    with at(255 - 1 / 1440):
        put(doors, past_due_since=None, status="active")
    with at(255):
        assert erasing.erase_due() == 0
        assert doors.client().post("/contacts/new", {"first_name": "Bob"}).status_code in (302, 303)
    with doors.unit():
        assert Contact.objects.count() == 2
        assert str(inside.state().billing_state) == "active"


def test_case_55_a_payment_at_the_same_instant_comes_first_or_too_late_and_never_half(doors) -> None:
    to_the_end(doors)
    paying, looked = threading.Event(), []
    frozen = DAY0 + timedelta(days=255)

    def pay() -> None:
        try:
            with clock.frozen(frozen), sides.control_unit():
                Subscription.objects.select_for_update().get(workspace=doors.workspace)
                paying.set()
                threading.Event().wait(0.6)  # the keeper comes meanwhile, and waits for this row
                Subscription.objects.filter(workspace=doors.workspace).update(past_due_since=None, status="active")
        finally:
            connections.close_all()

    thread = threading.Thread(target=pay)
    thread.start()
    assert paying.wait(10)
    with clock.frozen(frozen):
        looked.append(erasing.erase_unpaid(doors.workspace))
    thread.join(20)
    assert looked == [False]
    assert not erased(doors)
    with doors.unit():
        assert Contact.objects.count() == 1


@pytest.mark.parametrize("why", ["promise", "extension", "switch", "old picture", "a notice is missing"])
def test_it_is_not_erased_while_anything_speaks_against_it(doors, settings, why: str) -> None:
    to_the_end(doors)
    with at(256):
        if why == "promise":
            put(doors, promised_until=DAY0 + timedelta(days=260))
        elif why == "extension":
            put(doors, extended_until=DAY0 + timedelta(days=300))
        elif why == "switch":
            settings.CRM_NO_DUNNING = True
        elif why == "old picture":
            with sides.control_unit():
                BillingAccount.objects.filter(workspace=doors.workspace).update(provider="stripe", external_id=f"cus_{doors.place.public_id}", synced_at=DAY0 + timedelta(days=255))
        else:
            with sides.control_unit():
                doors.workspace.dunning.filter(step="erase_7").delete()
        assert erasing.erase_due() == 0
        assert not erasing.erase_unpaid(doors.workspace)
    assert not erased(doors)


def test_what_stood_still_shortens_nobodys_notice(doors) -> None:
    buys(doors)
    with at(0):
        put(doors, past_due_since=DAY0)
    with at(300):  # nobody has looked since the first day
        assert len(walks(doors)) == 2
        assert erasing.erase_due() == 0
        with sides.control_unit():
            assert calendar.erases_at(DAY0, doors.workspace.dunning.all()) == DAY0 + timedelta(days=330)
    with at(340):
        walks(doors)
        assert erasing.erase_due() == 0  # seven more days from the second notice
    with at(346):
        walks(doors)
    with at(346.9):
        assert erasing.erase_due() == 0
    with at(347):
        assert erasing.erase_due() >= 1
    assert erased(doors)


def test_case_56_an_erasure_that_failed_half_way_is_finished_and_accounting_still_reads(doors, monkeypatch) -> None:
    to_the_end(doors)
    with at(255):
        with monkeypatch.context() as patched:
            steps_of = [(name, step if name != "files" else _fails) for name, step in lifecycle.STEPS]
            patched.setattr(lifecycle, "STEPS", steps_of)
            assert erasing.erase_due() == 0
        assert erased(doors)
        with sides.control_unit():
            assert Certificate.objects.get(workspace=doors.workspace).finished_at is None
        keeper.chores.keep()
    with sides.control_unit():
        assert Certificate.objects.get(workspace=doors.workspace).finished_at is not None
        account = BillingAccount.objects.get(workspace=doors.workspace)
        assert account.contacts
        assert account.workspace is not None
        assert account.workspace.state == State.ERASED


def _fails(_workspace) -> None:
    raise OSError("the disk is away")


def test_the_days_as_pure_figures() -> None:
    facts = Facts(past_due_since=DAY0)
    due = calendar.due(facts, [], now=DAY0 + timedelta(days=10), began=DAY0)
    assert due is not None
    assert (due.step, due.passed) == ("warn_10", ("past_due", "remind_3", "remind_7"))
    assert calendar.next_look(facts, [], now=DAY0, began=DAY0) == DAY0
    assert calendar.due(Facts(), [], now=DAY0, began=DAY0) is None
    assert calendar.next_look(Facts(), [], now=DAY0, began=DAY0) is None
