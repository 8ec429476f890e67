"""The door of the provider's events: kept once, answered at once; worked through later. Cases 1-24 of the reference."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.conf import settings
from django.db import OperationalError

from billing.models import BillingAccount
from billing.providers import events, inbox, sweeping
from billing.providers.fake import sign
from billing.providers.models import Drift, ProviderEvent
from billing.providers.protocol import ProviderUnavailable
from crm_platform.db import sides
from crm_platform.jobs.models import Job
from crm_platform.kernel import clock
from tests.racing import at_once

from .conftest import Paying, post, work


def test_case_01_the_same_event_twice_has_one_effect(paying: Paying, told: list[Any]) -> None:
    paying.buy()
    event = paying.told("customer.subscription.created")
    assert [paying.deliver(event).status_code for _ in range(2)] == [200, 200]
    work()
    assert paying.deliver(event).status_code == 200
    work()
    assert paying.row.plan.code == "team"
    assert paying.status_of(event) == "done"
    assert paying.provider.calls.count("fetch") == len(told) == 1


def test_case_02_the_same_event_at_the_same_moment_is_one_row(paying: Paying) -> None:
    paying.buy()
    event, answers = paying.told("customer.subscription.created"), []

    def knock() -> None:
        answers.append(paying.deliver(event).status_code)

    at_once(8, knock)
    assert answers == [200] * 8
    with sides.control_unit():
        assert ProviderEvent.objects.filter(external_id=event.external_id).count() == 1
    work()
    assert paying.provider.calls.count("fetch") == 1


def test_case_03_told_again_after_a_failure_it_is_worked_through(paying: Paying) -> None:
    paying.buy()
    event = paying.told("invoice.paid")
    paying.provider.down = True
    paying.deliver(event)
    work()
    assert paying.status_of(event) == "failed"
    paying.provider.down = False
    assert paying.deliver(event).status_code == 200
    work()
    assert paying.status_of(event) == "done"
    assert paying.row.plan.code == "team"


def test_case_04_worked_through_once_more_it_does_no_harm(paying: Paying) -> None:
    paying.buy()
    event = paying.told("customer.subscription.created")
    paying.deliver(event)
    work()
    before = paying.row
    with sides.control_unit():  # killed between the commit and the answer to the queue
        ProviderEvent.objects.filter(external_id=event.external_id).update(status="processing", next_attempt_at=clock.real_now() - timedelta(seconds=1))
    sweeping.ask()
    work()
    assert paying.status_of(event) == "done"
    assert (paying.row.external_id, paying.row.seats) == (before.external_id, before.seats)


def test_case_05_a_lost_job_is_found_by_the_sweeper(paying: Paying) -> None:
    paying.buy()
    event = paying.told("customer.subscription.created")
    paying.deliver(event)
    with sides.control_unit():
        Job.objects.all().delete()
        ProviderEvent.objects.update(next_attempt_at=clock.real_now() - timedelta(seconds=61))
    work()
    assert paying.status_of(event) == "received"
    sweeping.ask()
    work()
    assert paying.status_of(event) == "done"
    assert sweeping.EVERY <= 60


def test_case_05_the_answer_is_given_while_the_queue_is_down(paying: Paying) -> None:
    paying.buy()
    with mock.patch("crm_platform.jobs.turns.queue", side_effect=OSError):
        assert paying.deliver(paying.told("invoice.paid")).status_code == 200


def test_case_06_updated_before_created_is_active(paying: Paying) -> None:
    bought = paying.buy()
    paying.provider.resume(bought.id, key="x")
    paying.deliver(paying.told("customer.subscription.updated"))
    paying.deliver(paying.told("customer.subscription.created"))
    work()
    assert paying.row.status == "active"


def test_case_07_deleted_before_the_last_update_stays_ended(paying: Paying) -> None:
    bought = paying.buy()
    paying.provider.resume(bought.id, key="x")
    paying.deliver(paying.told("invoice.paid"))
    work()
    paying.provider.cancel(bought.id, at_end=False, key="y")
    paying.deliver(paying.told("customer.subscription.deleted"))
    work()
    paying.deliver(paying.told("customer.subscription.updated"))
    work()
    assert (paying.row.status, paying.row.plan.code) == ("canceled", "free")


def test_case_08_two_of_one_second_end_in_what_is(paying: Paying) -> None:
    with clock.frozen(clock.now()):
        bought = paying.buy()
        paying.provider.cancel(bought.id, at_end=True, key="a")
        paying.provider.resume(bought.id, key="b")
        for event in reversed(paying.provider.books.events):
            paying.deliver(event)
        work()
    assert paying.row.cancel_at is None
    assert paying.row.status == "active"


@pytest.mark.parametrize("headers", [{}, {"fake-signature": "0" * 64}, {"fake-signature": "v0=abc"}, {"fake-signature": ",,=;garbage"}])
def test_case_11_what_nobody_signed_is_refused(paying: Paying, headers: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    paying.buy()
    raw = paying.provider.raw(paying.told("invoice.paid"))
    assert post(raw, **headers).status_code == 400
    with sides.control_unit():
        assert not ProviderEvent.objects.exists()
    assert "invoice.paid" not in caplog.text


def test_case_14_the_bytes_count_not_their_meaning(paying: Paying) -> None:
    paying.buy()
    raw = paying.provider.raw(paying.told("invoice.paid"))
    again = json.dumps(json.loads(raw), indent=2).encode()
    assert post(again, **{"fake-signature": sign(raw)}).status_code == 400
    assert post(raw, **{"fake-signature": sign(raw)}).status_code == 200


@pytest.mark.parametrize(("raw", "status"), [(b"\xff\xfe\x00", 400), (b"not json", 400), (b'{"object": "v2.core.event"}', 400), (b"[]", 400), (b"", 400), (b"x" * 5_000_000, 413), (b"x" * (512 * 1024 + 1), 413)])
def test_case_15_what_cannot_be_read_is_never_our_error(paying: Paying, raw: bytes, status: int) -> None:
    assert post(raw, **{"fake-signature": sign(raw)}).status_code == status


def test_case_16_of_the_other_mode_is_kept_and_ignored(paying: Paying) -> None:
    from dataclasses import replace

    paying.buy()
    event = replace(paying.told("invoice.paid"), live=not settings.STRIPE_LIVE)
    assert paying.deliver(event).status_code == 200
    work()
    assert paying.status_of(event) == "ignored"
    assert "fetch" not in paying.provider.calls


def test_case_17_of_nobody_is_an_orphan_and_writes_nothing(paying: Paying) -> None:
    from dataclasses import replace

    paying.buy()
    event = paying.told("invoice.paid")
    unknown = replace(event, external_id="evt_unknown", customer="cus_nobody")
    foreign = replace(event, external_id="evt_foreign", metadata={"account": "another"})
    for one in (unknown, foreign):
        assert paying.deliver(one).status_code == 200
    work()
    assert (paying.status_of(unknown), paying.status_of(foreign)) == ("orphan", "orphan")
    assert paying.row.external_id == ""
    assert "fetch" not in paying.provider.calls


def test_what_names_its_invoice_alone_troubles_nobody(paying: Paying) -> None:
    """Each payment brings such an event beside the invoice's own; an operator has nothing to do about it."""
    from dataclasses import replace

    paying.buy()
    event = replace(paying.told("invoice.paid"), external_id="evt_inpay", kind="invoice_payment.paid", customer="", metadata={})
    assert paying.deliver(event).status_code == 200
    work()
    assert paying.status_of(event) == "ignored"
    assert "fetch" not in paying.provider.calls


def test_case_17_of_an_erased_workspace_is_an_orphan(paying: Paying) -> None:
    paying.buy()
    with sides.control_unit():
        BillingAccount.objects.filter(pk=paying.account_id).update(workspace=None)
    event = paying.told("invoice.paid")
    assert paying.deliver(event).status_code == 200
    work()
    assert paying.status_of(event) == "orphan"


def test_case_18_an_unknown_kind_changes_nothing(paying: Paying) -> None:
    from dataclasses import replace

    paying.buy()
    event = replace(paying.told("invoice.paid"), external_id="evt_new", kind="treasury.moon_landed")
    assert paying.deliver(event).status_code == 200
    work()
    assert paying.status_of(event) == "ignored"
    assert paying.row.external_id == ""


def test_case_20_while_the_provider_is_down_events_wait(paying: Paying) -> None:
    paying.buy()
    event = paying.told("invoice.paid")
    paying.provider.down = True
    assert paying.deliver(event).status_code == 200
    work()
    with sides.control_unit():
        kept = ProviderEvent.objects.get(external_id=event.external_id)
        waits = (kept.next_attempt_at - clock.real_now()).total_seconds()
        assert (kept.status, kept.attempts) == ("failed", 1)
        assert 50 < waits < 75
        assert Job.objects.filter(name=inbox.JOB, state="waiting", at__gt=clock.real_now()).exists()
    paying.provider.down = False
    with sides.control_unit():
        ProviderEvent.objects.update(next_attempt_at=clock.real_now())
        Job.objects.filter(name=inbox.JOB).update(at=clock.real_now())
    work()
    assert paying.status_of(event) == "done"


def test_the_pauses_grow_to_six_hours() -> None:
    pauses = [events.pause_after(attempts).total_seconds() for attempts in range(1, events.MOST)]
    assert 60 <= pauses[0] <= 72
    assert all(pause <= 6 * 3600 * 1.2 for pause in pauses)
    assert pauses[-1] >= 6 * 3600


def test_case_21_while_the_database_is_down_we_ask_for_it_again(paying: Paying) -> None:
    paying.buy()
    event = paying.told("invoice.paid")
    with mock.patch.object(inbox, "keep", side_effect=OperationalError("gone")):
        assert paying.deliver(event).status_code == 503
    assert paying.deliver(event).status_code == 200
    work()
    assert paying.status_of(event) == "done"


def test_case_22_a_burst_is_few_looks(paying: Paying, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    monkeypatch.setattr(inbox, "GATHER", timedelta(seconds=1))
    paying.buy()
    event = paying.told("invoice.paid")
    many = [replace(event, external_id=f"evt_burst_{number}") for number in range(60)]
    for one in many[:30]:
        paying.deliver(one)
    work()
    for one in many[30:]:
        paying.deliver(one)
    work()
    with sides.control_unit():
        Job.objects.filter(name=inbox.JOB).update(at=clock.real_now())
    work()
    assert {paying.status_of(one) for one in many} == {"done"}
    assert paying.provider.calls.count("fetch") == 2


def test_case_24_what_never_succeeds_is_laid_aside_and_the_others_flow(paying: Paying) -> None:
    paying.buy()
    event = paying.told("invoice.paid")
    paying.deliver(event)
    with mock.patch("billing.providers.applying.apply", side_effect=ValueError("poison")):
        for _ in range(events.MOST):
            work()
            with sides.control_unit():
                ProviderEvent.objects.update(next_attempt_at=clock.real_now())
                Job.objects.filter(name=inbox.JOB).update(at=clock.real_now())
    assert paying.status_of(event) == "dead"
    with sides.control_unit():
        assert Drift.objects.filter(kind="inbox", subject=event.external_id, closed_at=None).exists()
    with sides.control_unit():
        events.replay(event.external_id)
    work()
    assert paying.status_of(event) == "done"
    with sides.control_unit():
        assert not Drift.objects.filter(kind="inbox", subject=event.external_id, closed_at=None).exists()


def test_a_provider_that_is_not_set_up_has_no_door(public: Any) -> None:
    assert public.post("/webhooks/in/stripe", b"{}", content_type="application/json").status_code in (404, 422)


def test_unavailable_says_that_nothing_was_charged() -> None:
    assert "Nothing was charged" in str(ProviderUnavailable())
