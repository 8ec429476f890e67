"""One look at an account: what the provider has becomes what we have. Cases of the reference about order, checkout and life."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections

from billing import ports, telling
from billing.models import MoneyEntry, Subscription
from billing.providers import drifting, inbox, syncing
from billing.providers.models import Drift, DriftKind, SyncLease
from billing.providers.protocol import AccountSeen, ProviderUnavailable
from billing.providers.syncing import Outcome
from crm_platform.db import sides
from crm_platform.kernel import clock
from tenants.lifecycle.billing_state import standing

from .conftest import Paying, target, work

DAY = timedelta(days=1)


def sync(paying: Paying) -> Outcome:
    return syncing.sync_account(paying.account_id)


def state(paying: Paying) -> str:
    return standing(telling.facts(paying.row), now=clock.now()).state


def open_drift(paying: Paying, kind: str) -> list[Drift]:
    with sides.control_unit():
        return list(Drift.objects.filter(account_id=paying.account_id, kind=kind, closed_at=None))


def test_what_was_bought_is_had(paying: Paying, told: list[Any]) -> None:
    bought = paying.buy(target(7, add_ons={"contacts_10k:1": 1}))
    assert sync(paying) == Outcome.DONE
    row = paying.row
    assert (row.plan.code, row.seats, row.add_ons, row.status, row.external_id) == ("team", 7, {"contacts_10k:1": 1}, "active", bought.id)
    assert (row.period_end, row.trial_ends_at, row.past_due_since) == (bought.period.end, None, None)
    account = paying.account
    assert (account.currency, account.method["last4"], account.dirty_at) == ("EUR", "4242", None)
    assert account.currency_fixed_at is not None
    assert account.synced_at is not None
    assert [workspace.pk for workspace in told] == [paying.door.workspace.pk]
    with sides.control_unit():
        assert MoneyEntry.objects.filter(account=account, name="subscription.changed").count() == 1
    sync(paying)
    with sides.control_unit():
        assert MoneyEntry.objects.filter(account=account, name="subscription.changed").count() == 1


def test_invoices_are_handed_on_and_changes_heard(paying: Paying, monkeypatch: pytest.MonkeyPatch) -> None:
    mirrored, heard = [], []
    monkeypatch.setattr(ports.documents, "_answerer", lambda account, seen: mirrored.append((account.pk, seen.external_id)))
    monkeypatch.setattr(ports.synced, "_answerer", lambda account, before, after: heard.append((before["seats"], after["seats"])))
    paying.buy(target(4))
    sync(paying)
    assert mirrored == [(paying.account_id, next(iter(paying.provider.books.invoices)))]
    assert heard == [(0, 4)]


def test_the_look_is_refused_nothing_has_changed(paying: Paying) -> None:
    paying.buy()
    paying.provider.down = True
    with pytest.raises(ProviderUnavailable):
        sync(paying)
    assert paying.row.external_id == ""
    assert paying.account.dirty_at is not None
    with sides.control_unit():
        assert not SyncLease.objects.filter(account_id=paying.account_id).exists()


def test_case_09_who_lost_the_lease_writes_nothing(paying: Paying, monkeypatch: pytest.MonkeyPatch) -> None:
    bought = paying.buy()
    fetch, rounds = paying.provider.fetch, []

    def slowly(customer: str) -> AccountSeen:
        seen = fetch(customer)
        if not rounds:  # the first one falls asleep with what it saw; another takes the lease and sees the cancellation
            rounds.append(1)
            with sides.control_unit():
                SyncLease.objects.filter(account_id=paying.account_id).update(until=clock.real_now() - timedelta(seconds=1))
            paying.provider.cancel(bought.id, at_end=True, key="c")
            assert sync(paying) == Outcome.DONE
        return seen

    monkeypatch.setattr(paying.provider, "fetch", slowly)
    assert sync(paying) == Outcome.BUSY
    assert paying.row.cancel_at == bought.period.end


def test_while_one_looks_the_other_leaves_word(paying: Paying, monkeypatch: pytest.MonkeyPatch) -> None:
    paying.buy()
    fetch, outcomes = paying.provider.fetch, []

    def meanwhile(customer: str) -> AccountSeen:
        seen = fetch(customer)
        if not outcomes:
            thread = threading.Thread(target=lambda: (outcomes.append(sync(paying)), connections.close_all()))
            thread.start()
            thread.join()
        return seen

    monkeypatch.setattr(paying.provider, "fetch", meanwhile)
    assert sync(paying) == Outcome.DONE
    assert outcomes == [Outcome.BUSY]
    assert paying.provider.calls.count("fetch") == 2
    assert paying.account.dirty_at is None


def test_case_10_a_late_event_of_a_paid_bill_locks_nobody_out(paying: Paying) -> None:
    due = paying.buy().period.end
    with clock.frozen(due):
        paying.provider.decline_next()
        paying.provider.pass_time()
    failed = paying.told("invoice.payment_failed")
    with clock.frozen(due + DAY):
        paying.provider.pay(failed.object_id, key="p")
    with clock.frozen(due + 2 * DAY):
        paying.deliver(failed)
        work()
        assert paying.row.past_due_since is None
        assert state(paying) == "active"


def test_case_18_an_unknown_status_leaves_access_as_it_was(paying: Paying) -> None:
    bought = paying.buy()
    sync(paying)
    bought.status = "frozen"
    sync(paying)
    assert (paying.row.plan.code, paying.row.status) == ("team", "active")
    [found] = open_drift(paying, "differs")
    assert found.facts == {"status": ["frozen"]}
    bought.status = "active"
    sync(paying)
    assert not open_drift(paying, "differs")


def test_case_19_an_event_of_an_older_version_comes_to_the_same(paying: Paying) -> None:
    paying.buy()
    paying.deliver(replace(paying.told("customer.subscription.created"), version="2020-08-27"))
    work()
    assert paying.row.period_end is not None


def test_case_30_a_checkout_that_was_not_paid_grants_nothing(paying: Paying) -> None:
    started = paying.provider.start_checkout(paying.customer, target(), success_url="", cancel_url="", key="k")
    paying.provider.decline_next()
    assert paying.provider.pay_checkout(started.reference) is None
    for event in paying.provider.books.events:
        paying.deliver(event)
    work()
    assert paying.row.external_id == ""
    assert state(paying) == "trial"


def test_case_34_an_unfinished_first_payment_leaves_things_as_they_were(paying: Paying) -> None:
    bought = paying.buy()
    bought.status = "incomplete"
    sync(paying)
    row = paying.row
    assert (row.status, row.external_id, row.plan.code) == ("incomplete", "", "business")
    assert row.trial_ends_at is not None
    bought.status = "canceled"  # 23 hours later
    sync(paying)
    assert paying.row.status == "none"
    assert state(paying) == "trial"
    bought.status = "active"  # or confirmed after 22
    sync(paying)
    assert (paying.row.status, paying.row.plan.code) == ("active", "team")


def test_case_35_a_late_failure_of_the_first_try_changes_nothing(paying: Paying) -> None:
    started = paying.provider.start_checkout(paying.customer, target(), success_url="", cancel_url="", key="k")
    paying.provider.decline_next()
    paying.provider.pay_checkout(started.reference)
    failed = paying.told("invoice.payment_failed")
    paying.provider.pay_checkout(started.reference)
    paying.deliver(paying.told("customer.subscription.created"))
    work()
    paying.deliver(failed)
    work()
    assert paying.row.status == "active"
    assert paying.row.past_due_since is None


def test_unpaid_counts_from_the_first_failure_until_it_is_paid(paying: Paying) -> None:
    bought = paying.buy()
    due = bought.period.end
    with clock.frozen(due):
        paying.provider.decline_next(10)
        paying.provider.pass_time()
    owed = paying.told("invoice.payment_failed").object_id
    for day in (0, 3, 5, 9):
        with clock.frozen(due + day * DAY):
            sync(paying)
            assert paying.row.past_due_since == due
            paying.provider.pay(owed, key=f"try{day}")
    paying.provider.outcomes.clear()
    with clock.frozen(due + 20 * DAY):
        sync(paying)
        assert state(paying) == "limited"
        paying.provider.pay(owed, key="at last")
        sync(paying)
        assert paying.row.past_due_since is None
        assert state(paying) == "active"


def test_a_provider_that_gives_up_does_not_end_the_bill(paying: Paying) -> None:
    bought = paying.buy()
    due = bought.period.end
    with clock.frozen(due):
        paying.provider.decline_next()
        paying.provider.pass_time()
        sync(paying)
    with clock.frozen(due + 16 * DAY):
        paying.provider.cancel(bought.id, at_end=False, key="gave up")
        sync(paying)
        assert (paying.row.status, paying.row.plan.code, state(paying)) == ("canceled", "team", "limited")
        paying.provider.pay(paying.told("invoice.payment_failed").object_id, key="paid")
        sync(paying)
        assert (paying.row.plan.code, paying.row.past_due_since, state(paying)) == ("free", None, "active")


def test_case_44_deleted_in_the_dashboard_it_is_free(paying: Paying, told: list[Any]) -> None:
    bought = paying.buy()
    sync(paying)
    paying.provider.cancel(bought.id, at_end=False, key="d")
    paying.deliver(paying.told("customer.subscription.deleted"))
    work()
    row = paying.row
    assert (row.plan.code, row.status, row.seats, row.external_id, row.past_due_since) == ("free", "canceled", 0, "", None)
    assert row.ended_at is not None
    assert len(told) == 2


def test_case_45_a_deleted_customer_is_unlinked(paying: Paying) -> None:
    paying.buy()
    sync(paying)
    old = paying.customer
    paying.provider.books.customers[old].deleted = True
    sync(paying)
    assert paying.customer == ""
    assert paying.row.plan.code == "free"
    [gone] = open_drift(paying, "customer_gone")
    assert gone.subject == old
    assert sync(paying) == Outcome.NOTHING


def test_case_46_an_edited_quantity_is_followed_and_shown(paying: Paying) -> None:
    from billing.models import SeatEntry
    from billing.providers import reconciling

    bought = paying.buy(target(5))
    sync(paying)
    with sides.control_unit():
        SeatEntry.objects.create(workspace=paying.door.workspace, change=5, seats=5, reason="bought", actor="Olga", operation=bought.id)
    calls = len(paying.provider.calls)
    bought.target = target(9)
    found = reconciling.reconcile_account(paying.account_id, fix=True)
    assert {one.kind for one in found} == {"quantity"}
    assert paying.row.seats == 9
    with sides.control_unit():
        assert Drift.objects.filter(account_id=paying.account_id, kind="quantity").exists()
    assert set(paying.provider.calls[calls:]) == {"fetch"}


def test_case_47_an_edited_price_is_an_alarm_and_nothing_else(paying: Paying) -> None:
    bought = paying.buy()
    sync(paying)
    event = replace(paying.told("invoice.paid"), external_id=f"{bought.id}_price", kind="price.updated", customer="", object_id="price_1")
    paying.deliver(event)
    work()
    assert paying.status_of(event) == "done"
    with sides.control_unit():
        assert Drift.objects.filter(kind="catalogue", subject="price_1", closed_at=None).exists()
    made = replace(event, external_id=f"{bought.id}_made", kind="price.created", object_id="price_2")
    assert paying.deliver(made).status_code == 200
    work()
    with sides.control_unit():  # we made it ourselves, for the first who bought it
        assert not Drift.objects.filter(subject="price_2").exists()
        Drift.objects.filter(subject="price_1").delete()
    assert paying.row.plan.code == "team"


def test_case_49_of_two_that_live_the_better_counts_and_it_is_an_incident(paying: Paying) -> None:
    first = paying.buy(target(5, plan="start"))
    second = paying.buy(target(3, plan="business"))
    sync(paying)
    assert (paying.row.plan.code, paying.row.external_id) == ("business", second.id)
    [found] = open_drift(paying, "two_live")
    assert set(found.facts["subscriptions"]) == {first.id, second.id}
    account = paying.account
    with sides.control_unit():
        assert drifting.is_open(DriftKind.TWO_LIVE, account)
    assert not [name for name in paying.provider.calls if name == "cancel"]
    paying.provider.cancel(second.id, at_end=False, key="x")
    sync(paying)
    assert paying.row.plan.code == "start"
    assert not open_drift(paying, "two_live")


def test_case_50_three_pauses_have_three_outcomes(paying: Paying) -> None:
    bought = paying.buy()
    sync(paying)
    # A stop of collecting that nobody here asked for: access as before.
    bought.paused_until = clock.now() + 30 * DAY
    sync(paying)
    assert (state(paying), paying.row.plan.code) == ("active", "team")
    # Ours: limited until its end.
    with sides.control_unit():
        Subscription.objects.filter(workspace=paying.door.workspace).update(paused_until=bought.paused_until)
    sync(paying)
    assert state(paying) == "limited"
    bought.paused_until = None
    sync(paying)
    assert (state(paying), paying.row.paused_until) == ("active", None)
    # Paused at the provider's own pages: limited, for as long as the longest of ours.
    bought.status = "paused"
    sync(paying)
    assert state(paying) == "limited"
    with sides.control_unit():
        Subscription.objects.filter(workspace=paying.door.workspace).update(paused_until=None)
    # A trial that ended without a card: Free.
    bought.trial_end = bought.period.start
    sync(paying)
    assert (state(paying), paying.row.plan.code) == ("active", "free")


@pytest.mark.parametrize("minutes", [-10, 10])
def test_case_54_clocks_that_differ_suspend_nobody(paying: Paying, minutes: int) -> None:
    due = paying.buy().period.end
    theirs = due + timedelta(minutes=minutes)  # the provider's clock says so when ours says `due`
    with clock.frozen(max(due, theirs)):
        paying.provider.decline_next()
        paying.provider.pass_time()
    with clock.frozen(due):
        sync(paying)
        assert state(paying) in ("active", "past_due")
    with clock.frozen(due + 14 * DAY):
        sync(paying)
        assert state(paying) in ("active", "past_due")


def test_case_82_while_the_provider_is_down_nothing_gets_worse(paying: Paying, told: list[Any]) -> None:
    bought = paying.buy()
    sync(paying)
    paying.provider.down = True
    with clock.frozen(bought.period.end + DAY / 4):
        with pytest.raises(ProviderUnavailable):
            sync(paying)
        assert state(paying) == "active"
        assert len(told) == 1
        paying.provider.down = False
        paying.provider.pass_time()
        sync(paying)
        assert (state(paying), paying.row.period_start) == ("active", bought.period.start)


def test_an_account_of_one_workspace_never_writes_another(paying: Paying, make_door: Callable[..., Any]) -> None:
    other = make_door(firm="Eve & Co", email="eve@elsewhere.example")
    paying.buy()
    sync(paying)
    with sides.control_unit():
        assert Subscription.objects.get(workspace=other.workspace).external_id == ""


def test_gathering_is_for_a_second() -> None:
    assert timedelta(seconds=1) >= inbox.GATHER
