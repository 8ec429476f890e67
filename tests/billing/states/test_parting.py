"""Nobody pays for what is erased: what was bought ends at the provider before anything is dropped, whoever let it go, and however long the provider is silent."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from billing.documents.models import Invoice
from billing.dunning import erasing as unpaid
from billing.dunning import parting
from billing.models import Checkout, MoneyEntry, Subscription
from billing.providers import reconciling, registry
from billing.providers.models import OpState, ProviderOp
from billing.providers.protocol import ProviderUnavailable
from billing.subscribing import checkout
from crm_platform.db import sides
from crm_platform.jobs import serving
from crm_platform.jobs.models import Job
from crm_platform.kernel import clock, commands
from tenants import commands as of_tenants  # noqa: F401 (registers them)
from tenants.lifecycle import chores
from tenants.lifecycle.models import Certificate, Departure
from tenants.models import State
from tenants.provisioning import owner
from tests.billing.buying import URLS, Firm
from tests.billing.providers.conftest import clear
from tests.tenants.lives import let_go, row_of

_log = logging.getLogger(__name__)


@pytest.fixture(autouse=True)
def tidy(doors) -> Any:
    """What one test leaves at its provider is none of the next one's."""
    yield
    clear()
    with sides.control_unit():
        Subscription.objects.exclude(past_due_since=None).update(past_due_since=None)
        Job.objects.filter(name=parting.PART).delete()


def comes_due(firm: Firm) -> None:
    """Its owner lets it go, and the date has come."""
    let_go(firm.door)
    with sides.control_unit():
        Departure.objects.filter(workspace=firm.door.workspace).update(erases_at=clock.now() - timedelta(seconds=1))


def has_schema(firm: Firm) -> bool:
    with owner.seated(firm.place.alias):
        return owner.has_workspace(firm.place.schema)


def work() -> None:
    with sides.control_unit():  # whatever failed before is due
        Job.objects.filter(name=parting.PART, state="waiting").update(at=clock.real_now())
    for _slice in range(30):  # others may have left something to be done first
        if serving.serve_side(sides.control_unit, seconds=60):
            break
    with sides.control_unit():  # shown where a test fails
        _log.warning("jobs: %s", list(Job.objects.filter(name=parting.PART).values_list("target", "state", "at", "attempts", "error")))
        _log.warning("others that wait: %s", list(Job.objects.filter(state="waiting").exclude(name=parting.PART).values_list("name", "at", "attempts")))


def statuses(firm: Firm) -> list[str]:
    return [one.status for one in firm.provider.books.subscriptions.values()]


def gone(firm: Firm) -> None:
    """Erased, ended at the provider, nothing of it charged in the next year, and the documents are there."""
    row = row_of(firm.door)
    assert (row.state, row.erased_at is not None, has_schema(firm)) == (State.ERASED, True, False)
    assert set(statuses(firm)) <= {"canceled"}
    before = firm.charged()
    with clock.frozen(clock.now() + timedelta(days=400)):
        firm.provider.pass_time()
    assert firm.charged() == before
    account = firm.account()
    with sides.control_unit():
        held = Subscription.objects.get(workspace=row)
        assert (held.status, held.external_id, held.state) == ("canceled", "", "deleted")
        assert MoneyEntry.objects.filter(account=account, name="subscription.ended").count() == 1
        assert Invoice.objects.filter(account=account).count() == len(firm.provider.books.invoices)
        assert not ProviderOp.objects.filter(account=account).exclude(state=OpState.DONE).exists()
        assert set(Certificate.objects.get(workspace=row).steps) >= {"settled", "schema", "certificate"}


def test_an_owner_deletes_it_and_the_subscription_is_ended_first(firm: Firm) -> None:
    firm.buy()
    comes_due(firm)
    chores.keep()
    assert (row_of(firm.door).state, has_schema(firm), statuses(firm)) == (State.ERASED, True, ["active"])
    work()
    assert (has_schema(firm), statuses(firm)) == (True, ["canceled"])
    chores.keep()
    gone(firm)


def test_while_the_provider_is_silent_it_waits_and_is_charged_nothing_twice(firm: Firm) -> None:
    firm.buy()
    comes_due(firm)
    firm.provider.down = True
    for _round in range(3):
        chores.keep()
        work()
    assert (has_schema(firm), statuses(firm)) == (True, ["active"])
    with sides.control_unit():
        assert Job.objects.filter(name=parting.PART, state="waiting").count() == 1
        assert ProviderOp.objects.get(kind="part").state == OpState.ASKED
    firm.provider.down = False
    firm.provider.faults = ["after"]  # it does it, and its answer is lost
    work()
    chores.keep()
    assert (has_schema(firm), statuses(firm)) == (True, ["canceled"])
    work()
    chores.keep()
    gone(firm)
    assert firm.provider.calls.count("cancel") == 1


def test_it_keeps_no_other_waiting(firm: Firm, make_door: Callable[..., Any]) -> None:
    other = make_door()
    firm.buy()
    firm.provider.down = True
    comes_due(firm)
    let_go(other)
    with sides.control_unit():
        Departure.objects.filter(workspace=other.workspace).update(erases_at=clock.now() - timedelta(seconds=1))
    chores.keep()
    assert row_of(other).erased_at is not None
    assert row_of(firm.door).erased_at is None
    firm.provider.down = False


def test_an_unpaid_one_is_ended_too(firm: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    firm.buy()
    monkeypatch.setattr(unpaid.calendar, "may_be_erased", lambda *_args, **_named: True)
    monkeypatch.setattr(unpaid, "is_fresh", lambda *_args, **_named: True)
    with sides.control_unit():
        Subscription.objects.filter(workspace=firm.door.workspace).update(past_due_since=clock.now() - timedelta(days=256))
    assert unpaid.erase_due() == 1
    assert has_schema(firm)
    work()
    chores.keep()
    gone(firm)


def test_an_open_page_is_closed_and_what_was_paid_on_it_meanwhile_is_ended(firm: Firm) -> None:
    started = checkout.begin_checkout(firm.place, firm.target(), provider="stripe", actor=firm.owner, **URLS)
    comes_due(firm)
    chores.keep()
    assert firm.provider.pay_checkout(started.reference) is not None  # in the last moment; nobody has looked
    work()
    assert statuses(firm) == ["canceled"]
    chores.keep()
    assert not has_schema(firm)
    with sides.control_unit():
        assert Checkout.objects.get(reference=started.reference).state == "closed"


def test_an_open_page_that_nobody_paid_can_be_paid_no_more(firm: Firm) -> None:
    started = checkout.begin_checkout(firm.place, firm.target(), provider="stripe", actor=firm.owner, **URLS)
    comes_due(firm)
    chores.keep()
    work()
    chores.keep()
    assert (firm.provider.books.checkouts[started.reference].state, has_schema(firm)) == ("expired", False)


def test_who_never_bought_is_erased_at_once(firm: Firm) -> None:
    comes_due(firm)
    chores.keep()
    assert not has_schema(firm)
    with sides.control_unit():
        assert not Job.objects.filter(name=parting.PART).exists()
        assert Subscription.objects.get(workspace=firm.door.workspace).state == "deleted"


def test_it_is_not_believed_before_nothing_lives(firm: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    firm.buy()
    comes_due(firm)
    chores.keep()
    monkeypatch.setattr(firm.provider, "cancel", lambda *_args, **_named: None)
    work()
    with sides.control_unit():
        assert ProviderOp.objects.get(kind="part").error == "still_lives"
    chores.keep()
    assert has_schema(firm)


def test_a_provider_that_is_not_set_up_any_more_holds_up_only_what_lives_there(firm: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    firm.buy()
    account = firm.account()
    monkeypatch.delitem(registry._makers, "stripe")
    monkeypatch.delitem(registry._made, "stripe")
    with pytest.raises(ProviderUnavailable):
        parting._end_all(account)
    with sides.control_unit():
        Subscription.objects.filter(workspace=firm.door.workspace).update(status="canceled")
        account = type(account).objects.select_related("workspace__subscription").get(pk=account.pk)
    assert parting._end_all(account) == 0
    monkeypatch.undo()


def test_what_was_erased_by_an_earlier_release_is_ended_by_the_chore(firm: Firm) -> None:
    firm.buy()
    comes_due(firm)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(chores.erasing, "_matters", [])
        chores.keep()
    assert (has_schema(firm), statuses(firm)) == (False, ["active"])
    pk = firm.account().pk
    assert [(one.kind, one.money) for one in reconciling.reconcile_account(pk, fix=True)] == [("orphan", 9_500)]
    assert statuses(firm) == ["active"]  # a reconciliation ends nothing
    parting.take_up()
    work()
    gone(firm)
    assert reconciling.reconcile_account(pk, fix=False) == []


def test_the_command_says_that_it_waits(firm: Firm) -> None:
    firm.buy()
    asked = ["delete-workspace", "--workspace", firm.place.slug, "--yes", "--json"]
    found = json.loads(CliRunner().invoke(commands.group, asked, catch_exceptions=False).output.strip().splitlines()[-1])
    assert (found["erased"], found["finished"], has_schema(firm)) == (firm.place.slug, False, True)
    work()
    chores.keep()
    gone(firm)
