"""The classes of difference, each found, named with its money, and mended only by a look; and the commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from billing.documents import refunding
from billing.documents.models import Invoice
from billing.dunning.models import Told
from billing.metering.models import Counter
from billing.models import BillingAccount, Subscription
from billing.providers import commands as ours  # noqa: F401 (registers them)
from billing.providers import reconciling, sweeping, syncing
from billing.providers.models import Cursor, ProviderEvent, ProviderOp
from billing.providers.protocol import Payer
from crm_platform.db import sides
from crm_platform.jobs.models import Job
from crm_platform.kernel import clock, commands, ids
from crm_platform.kernel.permissions import robot
from tenants.inside.models import WorkspaceState
from tests.conftest import Door

from .conftest import Paying, target, work

# What looks and lists, and changes nothing at the provider.
LOOKING = {"fetch", "customers", "events"}


@pytest.fixture(autouse=True)
def nobody_else(make_door: Any) -> None:
    """Firms that other tests left behind are customers of nobody: their provider's books are gone with it."""
    with sides.control_unit():
        BillingAccount.objects.exclude(provider="").update(provider="", external_id="")


def crm(*arguments: str) -> Any:
    done = CliRunner().invoke(commands.group, [*arguments, "--json"], catch_exceptions=False)
    return json.loads(done.output.strip().splitlines()[-1])


def kinds(found: list[dict[str, Any]]) -> list[str]:
    return sorted(one["kind"] for one in found)


def full(*, fix: bool = False) -> list[dict[str, Any]]:
    return reconciling.reconcile(full=True, fix=fix)


def test_nothing_differs_after_a_look(paying: Paying) -> None:
    paying.buy()
    syncing.sync_account(paying.account_id)
    assert full() == []


def test_a_subscription_that_we_have_not_heard_of(paying: Paying) -> None:
    paying.buy(target(5))
    calls = len(paying.provider.calls)
    unmirrored, found = sorted(full(), key=lambda one: str(one["kind"]))
    assert (unmirrored["kind"], unmirrored["facts"]["ours"]) == ("invoices", None)
    assert (found["kind"], found["workspace"], found["money_minor"], found["currency"]) == ("orphan", paying.door.workspace.slug, 9_500, "EUR")
    assert paying.row.external_id == ""
    assert full(fix=True) == []
    assert paying.row.plan.code == "team"
    assert set(paying.provider.calls[calls:]) <= LOOKING


def test_one_that_lives_only_here(paying: Paying) -> None:
    bought = paying.buy()
    syncing.sync_account(paying.account_id)
    del paying.provider.books.subscriptions[bought.id]
    assert kinds(full()) == ["not_there"]
    assert full(fix=True) == []
    assert paying.row.plan.code == "free"


def test_another_period(paying: Paying) -> None:
    paying.buy()
    syncing.sync_account(paying.account_id)
    with sides.control_unit():
        Subscription.objects.filter(workspace=paying.door.workspace).update(period_end=clock.now())
    [found] = full()
    assert found["kind"] == "differs"
    assert set(found["facts"]) == {"period_end"}


def test_two_that_live_are_named_with_their_money_and_left(paying: Paying) -> None:
    paying.buy(target(5))
    paying.buy(target(3))
    found = [one for one in full(fix=True) if one["kind"] == "two_live"]
    assert [one["money_minor"] for one in found] in ([9_500], [5_700])
    assert len([one for one in paying.provider.books.subscriptions.values() if one.status == "active"]) == 2


@pytest.mark.parametrize("wrong", [{"total_minor": 9_499}, {"paid_minor": 9_000, "status": "open"}, {"status": "uncollectible"}, {"refunded_minor": 100}, {"external_id": "lost"}], ids=str)
def test_an_invoice_that_is_not_mirrored_or_with_other_figures(paying: Paying, wrong: dict[str, Any]) -> None:
    paying.buy()
    syncing.sync_account(paying.account_id)
    assert full() == []
    [theirs] = paying.provider.books.invoices.values()
    with sides.control_unit():
        Invoice.objects.filter(account_id=paying.account_id).update(**wrong)
    [found] = full()
    assert (found["kind"], found["facts"]["invoice"], found["money_minor"], found["currency"]) == ("invoices", theirs.external_id, 9_500, "EUR")
    assert found["facts"]["theirs"] == ["paid", 9_500, 9_500, 0]
    calls = len(paying.provider.calls)
    assert full(fix=True) == []
    assert full() == []
    assert set(paying.provider.calls[calls:]) <= LOOKING
    with sides.control_unit():
        row = Invoice.objects.get(external_id=theirs.external_id)
    assert (row.status, row.total_minor, row.paid_minor, row.refunded_minor) == ("paid", 9_500, 9_500, 0)


def test_a_refund_that_waits_for_a_second_person_is_no_difference(paying: Paying, settings: Any) -> None:
    settings.CRM_REFUND_APPROVAL = 1_000
    paying.buy()
    syncing.sync_account(paying.account_id)
    with sides.control_unit():
        row = Invoice.objects.get(account_id=paying.account_id)
    assert refunding.refund(row.public_id, 2_000, reason="sold twice", actor=robot("operator Vera"), operation=ids.random_id()).state == "waiting"
    assert full() == []


def test_a_customer_of_nobody_who_pays(paying: Paying) -> None:
    stranger = paying.provider.ensure_customer(Payer("nobody", "Nobody", "n@nowhere.example"), external_id=None, key="n")
    assert full() == []
    started = paying.provider.start_checkout(stranger, target(), success_url="", cancel_url="", key="s")
    paying.provider.pay_checkout(started.reference)
    assert [(one["kind"], one["subject"]) for one in full() if one["kind"] != "inbox"] == [("orphan", stranger)]


@pytest.mark.parametrize(
    ("wrong", "name"),
    [({"plan": "business"}, "plan"), ({"limits": {"users": 1_000}}, "limits"), ({"features": []}, "features"), ({"billing": {"past_due_since": "2026-01-01T00:00:00+00:00"}}, "billing"), ({"plan": "free", "billing_version": 900}, "plan")],
    ids=str,
)  # fmt: skip
def test_what_the_workspace_knows_otherwise_than_it_was_told(paying: Paying, wrong: dict[str, Any], name: str) -> None:
    paying.buy()
    syncing.sync_account(paying.account_id)
    assert full() == []
    with paying.door.unit():
        WorkspaceState.objects.update(**wrong)
    [found] = full()
    assert (found["kind"], found["workspace"]) == ("entitlements", paying.door.workspace.slug)
    assert found["facts"][name][0] == wrong[name]
    with paying.door.unit():
        assert getattr(WorkspaceState.objects.get(), name) == wrong[name]
    assert full(fix=True) == []
    assert full() == []
    with paying.door.unit():
        state = WorkspaceState.objects.get()
    assert (state.plan, state.limits["users"], state.billing["past_due_since"]) == ("team", 5, None)


def test_a_workspace_that_has_bought_nothing_is_compared_too(make_door: Callable[..., Door], monkeypatch: pytest.MonkeyPatch) -> None:
    door = make_door()
    monkeypatch.setattr(reconciling, "others", lambda: [door.workspace.pk])
    assert [one for one in full() if one["kind"] == "entitlements"] == []
    with door.unit():
        WorkspaceState.objects.update(limits={"users": None})
    [found] = [one for one in full() if one["kind"] == "entitlements"]
    assert (found["subject"], found["facts"]["workspace"]) == (door.workspace.public_id, door.workspace.slug)
    assert found["facts"]["limits"][0] == {"users": None}
    assert full(fix=True) == []
    with door.unit():
        assert WorkspaceState.objects.get().limits["users"] == 10


def test_who_has_nothing_at_a_provider(paying: Paying, make_door: Callable[..., Door], monkeypatch: pytest.MonkeyPatch) -> None:
    door = make_door()
    monkeypatch.undo()
    assert door.workspace.pk in reconciling.others()
    assert paying.door.workspace.pk not in reconciling.others()


def test_one_that_is_being_told_just_now_is_no_difference(paying: Paying) -> None:
    paying.buy()
    syncing.sync_account(paying.account_id)
    with paying.door.unit():
        WorkspaceState.objects.update(plan="business")
    with sides.control_unit():
        Told.objects.filter(workspace=paying.door.workspace).update(told_at=None)
    assert full() == []


def test_a_counter_that_drifted(paying: Paying) -> None:
    with paying.door.unit():
        Counter.objects.update_or_create(metric="contacts", defaults={"value": 99})
    assert kinds(full()) == ["counters"]
    with paying.door.unit():
        assert Counter.objects.get(metric="contacts").value == 99
    assert full(fix=True) == []


def test_events_that_are_stuck_and_a_silence(paying: Paying) -> None:
    paying.buy()
    syncing.sync_account(paying.account_id)
    full()
    with sides.control_unit():
        ProviderEvent.objects.update(status="dead", received_at=clock.real_now() - timedelta(hours=30))
    assert {one["subject"] for one in full() if one["kind"] == "inbox"} >= {"silence"}


def test_an_operation_that_was_never_answered(paying: Paying) -> None:
    operation = ids.random_id()
    with sides.control_unit():
        ProviderOp.objects.create(key=operation, operation=operation, account_id=paying.account_id, provider="stripe", kind="change", params="", made_at=clock.real_now() - timedelta(hours=25))
    assert kinds(full()) == ["ops"]
    with sides.control_unit():
        ProviderOp.objects.filter(key=operation).update(state="done")
    assert full() == []


def test_while_the_provider_is_down_nothing_is_said_and_nothing_breaks(paying: Paying) -> None:
    paying.buy()
    paying.provider.down = True
    assert full(fix=True) == []
    assert paying.row.external_id == ""


def test_hourly_and_nightly_follow_by_themselves(paying: Paying) -> None:
    paying.buy()
    with sides.control_unit():
        Cursor.objects.all().delete()
    sweeping.ask()
    work()
    assert paying.row.plan.code == "team"
    with sides.control_unit():
        assert Cursor.objects.get(provider="stripe").reconciled_fully_at is not None
        assert not Job.objects.filter(name__in=(reconciling.HOURLY, reconciling.NIGHTLY), state__in=("waiting", "failed")).exists()
        Cursor.objects.update(reconciled_at=clock.real_now() - timedelta(hours=2))
    sweeping.ask()
    work()
    with sides.control_unit():
        assert Cursor.objects.get(provider="stripe").reconciled_at > clock.real_now() - timedelta(minutes=5)


def test_the_commands_answer_in_json(paying: Paying) -> None:
    paying.buy(target(5))
    assert sorted(one["kind"] for one in crm("billing-reconcile")["drift"]) == ["invoices", "orphan"]
    found = crm("billing-sync", "--workspace", paying.door.workspace.slug or "")
    assert (found["outcome"], found["plan"], found["seats"], found["status"]) == ("done", "team", 5, "active")
    assert crm("billing-reconcile", "--fix")["drift"] == []
    event = paying.told("invoice.paid")
    paying.deliver(event)
    work()
    assert crm("billing-replay", event.external_id)["status"] == "received"
    work()
    assert paying.status_of(event) == "done"
    assert crm("billing-sync-catalog") == {}
