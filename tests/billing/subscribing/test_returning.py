"""Paid after the provider had given up: a new period on that day, billed once; nothing for the time in between, and no period for nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from billing.providers import comparing, syncing
from billing.subscribing import life, returning
from crm_platform.db import sides
from crm_platform.kernel import clock
from tests.billing.buying import Firm, later, operation


@pytest.fixture
def given_up(firm: Firm) -> Firm:
    """Team for five; the renewal is declined, and after the last try the provider calls it unpaid."""
    firm.buy()
    firm.provider.decline_next()
    with later(firm.row().period_end + timedelta(hours=2)):
        firm.look()
        assert firm.row().past_due_since
    with later(firm.row().past_due_since + timedelta(days=14)):
        for row in firm.provider.books.subscriptions.values():
            row.status = "unpaid"
        firm.look()
        assert firm.row().status == "unpaid"
    return firm


def drafts(firm: Firm) -> list[str]:
    return [one.external_id for one in firm.provider.books.invoices.values() if one.status == "draft"]


def owed(firm: Firm) -> str:
    [found] = [one.external_id for one in firm.provider.books.invoices.values() if one.status == "open"]
    return found


def differences(firm: Firm) -> list[Any]:
    return [one for one in comparing.account_differs(firm.account(), firm.provider.fetch(firm.account().external_id)) if one.facts.get("problem") == "not_billed"]


def test_paid_in_a_later_period_one_begins_on_that_day(given_up: Firm) -> None:
    at = given_up.row().past_due_since + timedelta(days=34)
    with later(at):
        given_up.look()
        assert (len(drafts(given_up)), differences(given_up)) == (1, [])  # unpaid, and told so
        assert "a new period begins on that day" in given_up.door.client().get("/settings/plan").content.decode()
        before = given_up.charged()
        life.pay_open_bill(given_up.place, actor=given_up.owner, operation=operation(), invoice=owed(given_up))
        row = given_up.row()
        assert given_up.charged() - before == 2 * 5 * 1_900  # the old bill, and the period that begins
        assert (row.status, row.past_due_since, row.plan.code, row.seats) == ("active", None, "team", 5)
        assert row.period_start == at
        assert (drafts(given_up), differences(given_up)) == ([], [])
    assert "plan.begun_anew" in given_up.journal()
    assert "plan.begun_anew" in given_up.events()
    with later(at + timedelta(hours=1)):
        given_up.look()
        assert returning.begin_due() == 0
        assert given_up.charged() - before == 2 * 5 * 1_900


def test_paid_in_the_period_that_is_owed_it_goes_on(given_up: Firm) -> None:
    with later(given_up.row().past_due_since + timedelta(days=20)):
        given_up.look()
        before, began = given_up.charged(), given_up.row().period_start
        life.pay_open_bill(given_up.place, actor=given_up.owner, operation=operation(), invoice=owed(given_up))
        assert (given_up.charged() - before, given_up.row().period_start, given_up.row().status) == (5 * 1_900, began, "active")
    assert "plan.begun_anew" not in given_up.journal()


def test_paid_at_the_providers_page_it_is_seen_to_by_a_worker(given_up: Firm) -> None:
    with later(given_up.row().past_due_since + timedelta(days=34)):
        given_up.look()
        given_up.provider.pay(owed(given_up), key=operation())
        given_up.look()
        assert differences(given_up)  # until then it works for nothing, and the reconciliation says so
        assert returning.begin_due() == 1
        assert (drafts(given_up), differences(given_up), given_up.row().status) == ([], [], "active")


def test_a_provider_that_goes_on_calling_it_unpaid_does_not_keep_it_shut(given_up: Firm) -> None:
    with later(given_up.row().past_due_since + timedelta(days=34)):
        given_up.look()
        given_up.provider.pay(owed(given_up), key=operation())
        for row in given_up.provider.books.subscriptions.values():
            row.status = "unpaid"
        given_up.look()
        assert returning.begin_due() == 1
        assert (given_up.row().status, given_up.row().past_due_since) == ("active", None)


def test_a_bill_that_is_forgiven_begins_nothing(given_up: Firm) -> None:
    with later(given_up.row().past_due_since + timedelta(days=34)):
        given_up.look()
        number = owed(given_up)
        given_up.provider.books.invoices[number] = replace(given_up.provider.books.invoices[number], status="void")
        given_up.look()
        assert returning.begin_due() == 0


def test_declined_again_nothing_begins(given_up: Firm) -> None:
    with later(given_up.row().past_due_since + timedelta(days=34)):
        given_up.look()
        given_up.provider.decline_next()
        before = given_up.charged()
        assert not life.pay_open_bill(given_up.place, actor=given_up.owner, operation=operation(), invoice=owed(given_up)).applied
        assert (given_up.charged(), given_up.row().status, len(drafts(given_up))) == (before, "unpaid", 1)


def test_ended_by_the_provider_and_paid_afterwards_the_page_offers_it_again(firm: Firm) -> None:
    firm.buy()
    firm.provider.decline_next()
    end = firm.row().period_end
    with later(end + timedelta(hours=2)):
        firm.look()
    with later(end + timedelta(days=20)):
        for row in firm.provider.books.subscriptions.values():
            row.status, row.ended_at = "canceled", clock.now()
        syncing.sync_account(firm.account().pk)
        life.pay_open_bill(firm.place, actor=firm.owner, operation=operation(), invoice=owed(firm))
        assert (firm.row().plan.code, firm.row().past_due_since) == ("free", None)
        account = firm.account()
        with sides.control_unit():
            assert returning.lost(account) == {"plan": "team", "seats": 5, "interval": "month"}
        page = firm.door.client().get("/settings/plan").content.decode()
        assert "/settings/plan/choose?plan=team&amp;seats=5&amp;interval=month" in page
        firm.buy()
        assert "seats=5&amp;interval=month" not in firm.door.client().get("/settings/plan").content.decode()
        with sides.control_unit():
            assert returning.lost(account) is None


def test_begun_while_the_next_look_fails_it_is_told_all_the_same(given_up: Firm, monkeypatch: Any) -> None:
    with later(given_up.row().past_due_since + timedelta(days=34)):
        given_up.look()
        given_up.provider.pay(owed(given_up), key=operation())
        given_up.look()
        real = given_up.provider.come_back

        def then_silent(*given: Any, **more: Any) -> None:
            real(*given, **more)
            given_up.provider.down = True

        monkeypatch.setattr(given_up.provider, "come_back", then_silent)
        assert returning.begin_due() == 1
        assert (given_up.journal().count("plan.begun_anew"), given_up.events().count("plan.begun_anew")) == (1, 1)
        given_up.provider.down = False
        given_up.look()
        assert (given_up.row().status, differences(given_up)) == ("active", [])
