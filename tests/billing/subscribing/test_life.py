"""Cancel and resume, pause and come back, promise, pay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib import import_module
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from django.apps import apps
from django.db import connection

from billing.models import Act, PendingChange, Subscription
from billing.providers.protocol import ProviderUnavailable
from billing.subscribing import changing, life, pausing, pricing_of, targets
from billing.subscribing.accounts import BillOpen, OnPause
from billing.subscribing.life import CancelledAlready, NotCancelled, NothingToPromise, PromisedAlready
from billing.subscribing.pausing import Paused
from crm_platform.db import sides
from crm_platform.kernel import clock
from crm_platform.kernel.errors import Invalid, NotFound
from tenants.inside.models import Preferences
from tests.billing.buying import Firm, firm_at, later, operation


def test_cancelling_ends_it_at_the_periods_end_and_leads_to_free(firm: Firm) -> None:
    firm.buy()
    life.cancel(firm.place, actor=firm.owner, operation=operation())
    row = firm.row()
    assert (row.plan.code, row.cancel_at) == ("team", row.period_end)
    with pytest.raises(CancelledAlready):
        life.cancel(firm.place, actor=firm.owner, operation=operation())
    with later(row.period_end + timedelta(minutes=1)):
        firm.look()
    assert (firm.row().plan.code, firm.row().status, firm.row().past_due_since) == ("free", "canceled", None)
    assert firm.ledger() == [(5, 5), (-5, 0)]
    assert "plan.cancelled" in firm.events()
    firm.buy(seats="3")  # and back, by the same customer
    assert (firm.row().seats, len(firm.provider.books.customers)) == (3, 1)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "UTC", "Pacific/Honolulu"])
def test_case_43_cancel_resume_and_cancel_again_in_the_last_second(firm: Firm, zone: str) -> None:
    with sides.unit(firm.place):
        Preferences.objects.update(time_zone=zone)
    with later(datetime(2027, 1, 31, 23, 59, 59, 500_000, tzinfo=UTC).astimezone(ZoneInfo(zone))):
        firm.buy()
        life.cancel(firm.place, actor=firm.owner, operation=operation())
    end = firm.row().period_end
    with later(end - timedelta(days=3)):
        life.resume(firm.place, actor=firm.owner, operation=operation())
        assert firm.row().cancel_at is None
        with pytest.raises(NotCancelled):
            life.resume(firm.place, actor=firm.owner, operation=operation())
    charged = firm.charged()
    with later(end - timedelta(seconds=1)):
        life.cancel(firm.place, actor=firm.owner, operation=operation())
        assert firm.row().cancel_at == end
    with later(end + timedelta(seconds=1)):
        firm.look()
    assert (firm.row().plan.code, firm.charged()) == ("free", charged)


def test_a_pause_stops_the_bills_and_keeps_the_price(firm: Firm) -> None:
    firm.buy()
    charged, kept = firm.charged(), firm.row().price_kept_until
    until = pausing.pause(firm.place, 3, actor=firm.owner, operation=operation())
    assert firm.row().paused_until == until
    for verb in (lambda: pausing.pause(firm.place, 1, actor=firm.owner, operation=operation()),):
        with pytest.raises(Paused):
            verb()
    with later(firm.row().period_end + timedelta(minutes=1)):
        firm.look()
        assert (firm.charged(), firm.row().paused_until, firm.row().price_kept_until) == (charged, until, kept)
        pausing.unpause(firm.place, actor=firm.owner, operation=operation())
        assert (firm.charged(), firm.row().period_start) == (2 * charged, clock.now())  # a period that was skipped is not had for nothing
    assert firm.row().paused_until is None
    with pytest.raises(Paused):
        pausing.unpause(firm.place, actor=firm.owner, operation=operation())
    assert {"plan.paused", "plan.unpaused"} <= set(firm.events())


def test_back_within_the_time_that_is_paid_nothing_is_charged(firm: Firm) -> None:
    firm.buy()
    charged, end = firm.charged(), firm.row().period_end
    pausing.pause(firm.place, 1, actor=firm.owner, operation=operation())
    with later(end - timedelta(days=2)):
        pausing.unpause(firm.place, actor=firm.owner, operation=operation())
        assert (firm.charged(), firm.row().period_end) == (charged, end)


@pytest.mark.parametrize("interval", ["month", "year"])
def test_a_pause_that_ends_by_itself_begins_a_period_where_one_was_skipped(firm: Firm, interval: str) -> None:
    firm.buy(interval=interval)
    charged = firm.charged()
    with later(firm.row().period_end - timedelta(days=3)):
        until = pausing.pause(firm.place, 2, actor=firm.owner, operation=operation())
        assert pausing.come_back_due() == 0
    with later(until + timedelta(minutes=1)):
        firm.look()
        assert firm.charged() == charged
        assert [pausing.come_back_due() for _time in range(2)] == [1, 0]
        assert (firm.charged(), firm.row().period_start, firm.row().paused_until) == (2 * charged, clock.now(), None)


def keep_ends() -> None:
    with sides.control_unit():
        import_module("billing.migrations.0005_pauses_of_before").keep_ends(apps, SimpleNamespace(connection=connection))


def test_a_pause_of_an_earlier_release_ends_by_the_rule_of_now(firm: Firm) -> None:
    """What was begun before has no row of its end: the migration gives it one, once."""
    firm.buy()
    charged = firm.charged()
    until = pausing.pause(firm.place, 2, actor=firm.owner, operation=operation())
    with sides.control_unit():
        PendingChange.objects.filter(subscription__workspace=firm.door.workspace, kind="pause").delete()
    for _twice in range(2):
        keep_ends()
    with sides.control_unit():
        [kept] = PendingChange.objects.filter(subscription__workspace=firm.door.workspace, kind="pause")
    assert (kept.state, kept.effective_at, kept.asked_by) == ("waiting", until, firm.owner.name)
    with later(until + timedelta(minutes=1)):
        firm.look()
        pausing.come_back_due()
        assert (firm.charged(), firm.row().period_start) == (2 * charged, clock.now())


def test_a_pause_that_nobody_asked_for_here_is_left_as_it_is(firm: Firm) -> None:
    firm.buy()
    until = pausing.pause(firm.place, 2, actor=firm.owner, operation=operation())
    with sides.control_unit():
        PendingChange.objects.filter(subscription__workspace=firm.door.workspace, kind="pause").delete()
        Subscription.objects.filter(workspace=firm.door.workspace).update(paused_until=until + timedelta(days=3))  # by the provider's own pages
    keep_ends()
    with sides.control_unit():
        assert not PendingChange.objects.filter(subscription__workspace=firm.door.workspace, kind="pause").exists()


def test_who_cancelled_in_the_pause_and_comes_back_stays_cancelled(firm: Firm) -> None:
    firm.buy()
    pausing.pause(firm.place, 1, actor=firm.owner, operation=operation())
    life.cancel(firm.place, actor=firm.owner, operation=operation())
    pausing.unpause(firm.place, actor=firm.owner, operation=operation())
    assert firm.row().cancel_at == firm.row().period_end


def test_in_a_pause_nothing_is_changed_charged_or_credited(firm: Firm) -> None:
    firm.buy()
    end = firm.row().period_end
    pausing.pause(firm.place, 3, actor=firm.owner, operation=operation())
    with later(end + timedelta(days=2)):
        firm.look()
        before, balance = firm.state(), firm.account().balance_minor
        for values in ({"seats": "3"}, {"seats": "9"}, {"plan": "start"}, {"interval": "year"}):
            target, now = targets.target_from(firm.place, values), clock.now()
            with pytest.raises(OnPause):
                pricing_of.preview(firm.place, target)
            with pytest.raises(OnPause):
                changing.change(firm.place, target, as_of=now, at_end=False, actor=firm.owner, operation=operation())
        assert (firm.state(), firm.account().balance_minor) == (before, balance)


def test_an_answer_that_was_lost_bills_no_period_twice(firm: Firm) -> None:
    firm.buy()
    charged, end = firm.charged(), firm.row().period_end
    pausing.pause(firm.place, 3, actor=firm.owner, operation=operation())
    with later(end + timedelta(days=2)):
        firm.look()
        firm.provider.faults.append("after")
        first = operation()
        with pytest.raises(ProviderUnavailable):
            pausing.unpause(firm.place, actor=firm.owner, operation=first)
        with sides.control_unit():
            Act.objects.filter(operation=first).update(until=clock.real_now())  # its lease runs out, and the page is drawn anew
        pausing.unpause(firm.place, actor=firm.owner, operation=operation())
        assert (firm.charged(), firm.row().paused_until) == (2 * charged, None)


@pytest.mark.parametrize("months", [0, -1, 7, 10**9, True, 1.5])
def test_a_pause_lasts_from_one_to_six_months(firm: Firm, months: int) -> None:
    firm.buy()
    before = firm.state()
    with pytest.raises(Invalid):
        pausing.pause(firm.place, months, actor=firm.owner, operation=operation())
    assert firm.state() == before


def test_a_promise_holds_seven_days_once_a_period(firm: Firm) -> None:
    firm.buy()
    with pytest.raises(NothingToPromise):
        life.promise(firm.place, actor=firm.owner)
    firm.provider.decline_next()
    since = firm.row().period_end
    with later(since + timedelta(seconds=1)):
        firm.look()
    with later(since + timedelta(days=16)):
        with pytest.raises(BillOpen):
            pausing.pause(firm.place, 1, actor=firm.owner, operation=operation())
        until = life.promise(firm.place, actor=firm.owner)
        assert until == clock.now() + timedelta(days=7)
        assert firm.row().promised_until == until
        with pytest.raises(PromisedAlready):
            life.promise(firm.place, actor=firm.owner)
    with later(since + timedelta(days=46)), pytest.raises(NothingToPromise):
        life.promise(firm.place, actor=firm.owner)
    assert firm.journal().count("payment.promised") == 1
    assert "payment.promised" in firm.events()


def test_paying_the_open_bill_restores_all(firm: Firm, make_door) -> None:
    firm.buy()
    firm.provider.decline_next()
    with later(firm.row().period_end + timedelta(seconds=1)):
        firm.look()
        bill = next(one for one in firm.provider.books.invoices.values() if one.status == "open").external_id
        with firm_at(make_door(email="eve@elsewhere.example")) as eve:
            eve.buy()
            with pytest.raises(NotFound):
                life.pay_open_bill(eve.place, actor=eve.owner, operation=operation(), invoice=bill)
    from billing.providers import registry

    with registry.stand_in(firm.provider), later(firm.row().period_start + timedelta(days=1)):
        firm.provider.decline_next()
        assert life.pay_open_bill(firm.place, actor=firm.owner, operation=operation(), invoice=bill).declined
        assert firm.row().past_due_since is not None
        assert life.pay_open_bill(firm.place, actor=firm.owner, operation=operation(), invoice=bill).applied
    assert (firm.row().past_due_since, firm.row().status) == (None, "active")
