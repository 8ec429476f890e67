"""A subscription that the payment service had given up, by the real library over the sandbox: coming back voids the drafts of the time in between, and bills a period from that day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import stripe

from billing.pricing import Line
from billing.providers import choosing
from billing.providers.protocol import ProviderUnavailable
from billing.standin import paying
from billing.standin.resources import methods
from crm_platform.kernel import clock
from tests.billing.providers.conftest import target
from tests.billing.providers.rigs import Firm, stripe_rig


@pytest.fixture
def rig(house: Any, django_db_blocker: Any) -> Iterator[Any]:
    with django_db_blocker.unblock(), stripe_rig() as found:
        yield found


def given_up(rig: Any, *, days: int) -> tuple[Firm, Any]:
    """A firm whose renewal no try pays, so many days after its period."""
    firm = Firm(rig)
    bought = firm.buy(target(5))
    for _time in range(30):
        rig.decline_next()
    rig.advance(bought.period_end - clock.now() + timedelta(days=days))
    return firm, bought


def test_paid_after_giving_up_a_period_begins_and_its_drafts_are_void(rig: Any) -> None:
    firm, bought = given_up(rig, days=29)
    firm.provider.charge(firm.customer, bought.external_id, Line("days:team:1", 3, 190, 570), name="3 days", key=firm.key())
    rig.advance(timedelta(days=5))
    [draft] = [one for one in firm.invoices() if one.status == "draft"]
    assert (firm.sub().status, draft.held, draft.problem) == ("unpaid", True, "")
    since = choosing.unpaid_since(firm.sub(), firm.invoices(), known=None, now=clock.now())
    assert since is not None
    rig.standin.world.faults.payments.clear()
    [owed] = [one for one in firm.invoices() if one.status == "open"]
    assert not choosing.paid_after_giving_up(firm.sub(), firm.invoices(), since=since, now=clock.now())
    assert firm.provider.pay(owed.external_id, key=firm.key()).applied
    assert choosing.paid_after_giving_up(firm.sub(), firm.invoices(), since=since, now=clock.now())
    before, key = rig.charged(firm.customer), firm.key()
    for _time in range(2):  # twice is once
        firm.provider.come_back(bought.external_id, anew=True, key=key)
    assert firm.sub().status == "active"
    assert abs(firm.sub().period_start - clock.now()) < timedelta(seconds=5)
    assert rig.charged(firm.customer) - before == 5 * 1_900 + 570  # the days that stood on the draft are not lost
    assert [one.status for one in firm.invoices()] == ["paid", "paid", "paid"]
    rig.advance(firm.sub().period_end - clock.now() + timedelta(hours=3))
    assert rig.charged(firm.customer) - before == 2 * 5 * 1_900 + 570


def test_who_paid_with_another_card_is_asked_by_that_one(rig: Any) -> None:
    firm, bought = given_up(rig, days=34)
    rig.standin.world.faults.payments.clear()
    [owed] = [one for one in firm.invoices() if one.status == "open"]
    world = rig.standin.world
    with world.store.lock, world.store.unit():
        other = methods.make(world, "pm_card_mastercard")
        other["customer"] = firm.customer
        assert paying.pay(world, owed.external_id, method=other["id"]).kind == "ok"
    firm.provider.come_back(bought.external_id, anew=True, key=firm.key())
    assert world.store.rows[bought.external_id]["default_payment_method"] == other["id"]
    assert firm.sub().status == "active"


def test_a_draft_that_waits_for_its_hour_is_not_held(rig: Any) -> None:
    firm = Firm(rig)
    bought = firm.buy(target(5))
    rig.advance(bought.period_end - clock.now() + timedelta(minutes=5))
    [draft] = [one for one in firm.invoices() if one.status == "draft"]
    assert not draft.held
    assert choosing.unbilled(firm.sub(), firm.invoices(), now=clock.now()) == []


def test_a_draft_that_was_made_final_before_the_call_was_lost_is_void_all_the_same(rig: Any, monkeypatch: Any) -> None:
    firm, bought = given_up(rig, days=34)
    rig.standin.world.faults.payments.clear()
    [owed] = [one for one in firm.invoices() if one.status == "open"]
    assert firm.provider.pay(owed.external_id, key=firm.key()).applied
    key, voiding = firm.key(), stripe.InvoiceService.void_invoice

    def lost(*_given: Any, **_more: Any) -> Any:
        raise stripe.APIConnectionError("no answer")

    monkeypatch.setattr(stripe.InvoiceService, "void_invoice", lost)
    with pytest.raises(ProviderUnavailable):
        firm.provider.come_back(bought.external_id, anew=True, key=key)
    monkeypatch.setattr(stripe.InvoiceService, "void_invoice", voiding)
    before = rig.charged(firm.customer)
    firm.provider.come_back(bought.external_id, anew=True, key=key)
    assert [one.status for one in firm.invoices()] == ["paid", "paid", "paid"]
    assert (firm.sub().status, rig.charged(firm.customer) - before) == ("active", 5 * 1_900)
