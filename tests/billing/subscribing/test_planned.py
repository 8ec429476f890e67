"""What is planned for the period's end stands, at the provider too, whatever is changed at once meanwhile; a cancellation takes it back and says so."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from billing.models import Act, PendingChange
from billing.providers import registry
from billing.providers.manual_invoice.adapter import TransferProvider
from billing.providers.manual_invoice.models import TransferSubscription
from billing.providers.protocol import ProviderUnavailable
from billing.seats import buying
from billing.subscribing import checkout, life, overview, planned
from crm_platform.db import sides
from crm_platform.kernel import clock
from tests.billing.buying import URLS, Firm, later, operation


def plans(firm: Firm) -> list[tuple[str, int, bool]]:
    """What is planned and waits: plan, seats, and whether the provider may have let it go."""
    with sides.control_unit():
        rows = PendingChange.objects.filter(subscription__workspace=firm.door.workspace, kind="plan", state="waiting")
        return [(row.target["plan"], row.target["seats"], "let_go" in row.target) for row in rows]


def add(firm: Firm, count: int = 1) -> buying.Added:
    return buying.add(firm.place, count, as_of=buying.preview(firm.place, count).as_of, actor=firm.owner, operation=operation())


def remove(firm: Firm, count: int = 1) -> None:
    buying.remove(firm.place, count, as_of=buying.preview(firm.place, -count).as_of, actor=firm.owner, operation=operation())


def comes(firm: Firm) -> tuple[str, int]:
    """What is had once the period is over."""
    with later(firm.row().period_end + timedelta(minutes=1)):
        firm.look()
    return firm.row().plan.code, firm.row().seats


@pytest.fixture
def to_team(firm: Firm) -> Firm:
    """Business for five, and Team from the next period on."""
    firm.buy(plan="business", seats="5")
    firm.change(plan="team")
    assert plans(firm) == [("team", 5, False)]
    return firm


def test_a_declined_seat_leaves_the_plan_as_it_was(to_team: Firm) -> None:
    to_team.provider.decline_next()
    assert not add(to_team).applied
    assert plans(to_team) == [("team", 5, False)]
    assert comes(to_team) == ("team", 5)


def test_a_declined_change_leaves_the_plan_as_it_was(to_team: Firm) -> None:
    to_team.provider.decline_next()
    assert not to_team.change(plan="business", seats="7").applied
    assert plans(to_team) == [("team", 5, False)]
    assert comes(to_team) == ("team", 5)


@pytest.mark.parametrize(("count", "seats"), [(2, 7), (-1, 4)])
def test_seats_more_or_fewer_go_along(to_team: Firm, count: int, seats: int) -> None:
    add(to_team, count) if count > 0 else remove(to_team, -count)
    assert plans(to_team) == [("team", seats, False)]
    assert comes(to_team) == ("team", seats)


def test_fewer_seats_now_are_not_more_later(firm: Firm) -> None:
    firm.buy(plan="business", seats="5")
    firm.change(plan="team", seats="3")
    remove(firm, 3)
    assert plans(firm) == [("team", 2, False)]
    assert comes(firm) == ("team", 2)


def test_waiting_seats_that_are_paid_for_keep_it(firm: Firm) -> None:
    firm.buy(plan="business", seats="5")
    firm.provider.decline_next()
    assert not add(firm).applied
    firm.change(plan="team")
    assert buying.pay_pending(firm.place, actor=firm.owner, operation=operation()).applied
    assert plans(firm) == [("team", 6, False)]
    assert comes(firm) == ("team", 6)


def test_an_answer_that_was_lost_is_seen_to_by_the_next_look(to_team: Firm) -> None:
    to_team.provider.faults.append("after")
    assert add(to_team).pending == 1  # done there, and not known here
    assert plans(to_team) == [("team", 5, True)]
    buying.retry_unanswered()
    assert planned.ask_again_due() == 1
    assert (to_team.row().seats, plans(to_team)) == (6, [("team", 6, False)])
    assert planned.ask_again_due() == 0
    assert comes(to_team) == ("team", 6)


def test_a_change_that_was_made_and_not_answered_takes_its_place(to_team: Firm) -> None:
    to_team.provider.faults.append("after")
    with pytest.raises(ProviderUnavailable):
        to_team.change(plan="business", seats="7")
    assert plans(to_team) == [("team", 5, True)]
    to_team.look()
    with sides.control_unit():
        Act.objects.filter(account__workspace=to_team.door.workspace, state="open").update(until=clock.real_now() - timedelta(seconds=1))
    assert planned.ask_again_due() == 1
    assert (plans(to_team), to_team.row().seats) == ([], 7)
    assert comes(to_team) == ("business", 7)


def test_a_provider_that_is_away_just_then_is_asked_later(to_team: Firm, monkeypatch: Any) -> None:
    real = to_team.provider.change_at_end

    def away(*given: Any, **more: Any) -> Any:
        raise ProviderUnavailable

    monkeypatch.setattr(to_team.provider, "change_at_end", away)
    assert add(to_team).applied
    assert plans(to_team) == [("team", 5, True)]
    monkeypatch.setattr(to_team.provider, "change_at_end", real)
    assert planned.ask_again_due() == 1
    assert plans(to_team) == [("team", 6, False)]
    assert comes(to_team) == ("team", 6)


def test_while_the_bank_asks_nothing_is_asked_again(to_team: Firm) -> None:
    to_team.provider.outcomes.append("challenge")
    assert add(to_team).confirm_url
    assert plans(to_team) == [("team", 5, True)]
    assert planned.ask_again_due() == 1  # of the provider in memory nothing waits any more
    assert comes(to_team) == ("team", 5)


def test_cancelling_takes_it_back_and_says_so(to_team: Firm) -> None:
    assert "falls away with it" in to_team.door.client().get("/settings/plan/cancel").content.decode()
    life.cancel(to_team.place, actor=to_team.owner, operation=operation())
    assert plans(to_team) == []
    assert "plan.change_taken_back" in to_team.events()
    life.resume(to_team.place, actor=to_team.owner, operation=operation())
    told = overview.overview(to_team.place)
    assert (plans(to_team), told.next_bill and told.next_bill.amount) == ([], 5 * 3_600)
    assert comes(to_team) == ("business", 5)


def test_by_transfer_what_is_told_is_what_comes(firm: Firm, settings: Any) -> None:
    settings.CRM_SELLER_NAME, settings.CRM_SELLER_BANK = "Kartoteka B.V.", "EUR: IBAN NL02"
    with registry.stand_in(TransferProvider()):
        checkout.begin_checkout(firm.place, firm.target(plan="business"), provider="manual_invoice", actor=firm.owner, **URLS)
        firm.change(plan="team", at_end=True)
        add(firm)
        assert (plans(firm), _held(firm)["seats"]) == ([("team", 6, False)], 6)
        life.cancel(firm.place, actor=firm.owner, operation=operation())
        life.resume(firm.place, actor=firm.owner, operation=operation())
        assert (plans(firm), _held(firm)) == ([], None)


def _held(firm: Firm) -> Any:
    account = firm.account().pk
    with sides.control_unit():
        return TransferSubscription.objects.get(customer__account=account).scheduled


def test_asked_again_after_it_was_settled_it_is_put_back_again(firm: Firm) -> None:
    firm.buy(plan="business", seats="5")
    firm.change(plan="team", seats="3")
    firm.provider.decline_next()
    assert not add(firm).applied
    key, firm.provider.faults = operation(), ["before"]
    with pytest.raises(ProviderUnavailable):
        buying.pay_pending(firm.place, actor=firm.owner, operation=key)
    with sides.control_unit():
        Act.objects.filter(account__workspace=firm.door.workspace, state="open").update(until=clock.real_now() - timedelta(seconds=1))
    assert planned.ask_again_due() == 1  # nothing had been done there
    assert buying.pay_pending(firm.place, actor=firm.owner, operation=key).applied
    assert plans(firm) == [("team", 3, False)]
    assert comes(firm) == ("team", 3)
