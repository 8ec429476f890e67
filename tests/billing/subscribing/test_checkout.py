"""Buying: what may be bought, once, by whom."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from billing import services
from billing.models import Checkout, PlanVersion
from billing.pricing import Interval
from billing.providers.protocol import ProviderUnavailable, Target
from billing.subscribing import checkout, pricing_of, targets
from billing.subscribing.acts import Busy
from billing.subscribing.checkout import AlreadyBought
from billing.subscribing.targets import BadQuantity, FreeIsNotBought, NotOnSale, OtherCurrency
from crm_platform.db import sides
from crm_platform.kernel import clock
from crm_platform.kernel.errors import Forbidden, Invalid, NotFound
from tests.billing.buying import URLS, Firm, firm_at
from tests.factories.cast import cast
from tests.racing import at_once


def begin(firm: Firm, target: Target | None = None) -> str:
    wanted = target or firm.target()
    return checkout.begin_checkout(firm.place, wanted, provider="stripe", actor=firm.owner, **URLS).reference


def test_what_is_bought_is_what_was_shown(firm: Firm) -> None:
    target = firm.target()
    quote = pricing_of.price(firm.place, target)
    assert (quote.total, pricing_of.preview(firm.place, target).now.total) == (9_500, 9_500)
    firm.buy()
    row = firm.row()
    assert (row.plan.code, row.seats, row.interval, row.status, row.trial_ends_at) == ("team", 5, "month", "active", None)
    assert firm.charged() == quote.total
    assert firm.ledger() == [(5, 5)]
    assert row.price_kept_until is not None
    assert timedelta(days=729) < row.price_kept_until - clock.now() < timedelta(days=732)
    assert "checkout.begun" in firm.journal()
    assert "plan.checkout_begun" in firm.events()


def test_the_rest_of_a_trial_is_not_lost(firm: Firm) -> None:
    ends = firm.row().trial_ends_at
    target = targets.target_from(firm.place, {"plan": "team", "seats": "5", "currency": "EUR"})
    assert target.trial_end == ends
    firm.provider.pay_checkout(begin(firm, target))
    firm.look()
    assert (firm.charged(), firm.row().period_end) == (0, ends)


def test_case_27_two_tabs_and_two_administrators_open_one_checkout(firm: Firm) -> None:
    found: list[str] = []

    def open_it() -> None:
        found.append(begin(firm))

    at_once(4, open_it)
    assert len(found) == 4
    assert len(set(found)) == 1
    assert len(firm.provider.books.checkouts) == 1
    firm.provider.pay_checkout(found[0])
    assert checkout.finish_checkout(firm.place, found[0])
    with pytest.raises(AlreadyBought):
        begin(firm)
    assert (len(firm.provider.books.subscriptions), len(firm.provider.books.charges)) == (1, 1)


def test_case_28_an_old_session_is_closed_before_another_opens_and_none_opens_beside_what_was_paid(firm: Firm) -> None:
    old = begin(firm)
    new = begin(firm, firm.target(seats="7"))
    assert (old != new, firm.provider.books.checkouts[old].state) == (True, "expired")
    firm.provider.pay_checkout(new)  # and the payer never returns
    with pytest.raises(AlreadyBought):
        begin(firm, firm.target(seats="9"))
    assert firm.row().seats == 7
    assert len(firm.provider.books.charges) == 1


def test_a_session_paid_while_another_is_begun_counts(firm: Firm) -> None:
    firm.provider.pay_checkout(begin(firm))
    with pytest.raises(AlreadyBought):
        begin(firm, firm.target(seats="8"))
    assert (firm.row().seats, len(firm.provider.books.subscriptions)) == (5, 1)


def test_another_workspaces_session_is_not_there(firm: Firm, make_door) -> None:
    started = begin(firm)
    with firm_at(make_door(email="eve@elsewhere.example")) as eve:
        begin(eve)
        before = eve.state()
        with pytest.raises(NotFound):
            checkout.finish_checkout(eve.place, started)
        with pytest.raises(NotFound):
            checkout.finish_checkout(eve.place, "")
        assert eve.state() == before


def test_the_page_of_return_grants_nothing(firm: Firm) -> None:
    reference = begin(firm)
    assert not checkout.finish_checkout(firm.place, reference)
    assert firm.row().seats == 0


def test_case_25_the_page_of_return_before_any_event_is_active_or_calm_and_offers_nothing_to_pay(firm: Firm) -> None:
    browser = firm.door.client()
    reference = begin(firm)
    firm.provider.pay_checkout(reference)  # and no event has arrived
    firm.provider.down = True
    waits = browser.get(f"/settings/plan/return?session={reference}")
    page = waits.content.decode()
    assert (waits.status_code, waits.headers["Refresh"]) == (200, "10")
    assert "Do not pay again" in page
    assert "/settings/plan/checkout" not in page
    assert "/settings/plan/choose" not in page
    assert firm.row().external_id == ""
    firm.provider.down = False
    with pytest.raises(AlreadyBought):  # whoever clicks on "buy" all the same
        begin(firm, firm.target(seats="7"))
    back = browser.get(f"/settings/plan/return?session={reference}")
    assert (back.status_code, back.headers["Location"]) == (303, "/settings/plan")
    assert (firm.row().status, firm.row().seats, len(firm.provider.books.charges)) == ("active", 5, 1)


def test_another_choice_while_the_first_is_asked_for_leaves_one_page(firm: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    real, second = firm.provider.start_checkout, []

    def meanwhile(*given: Any, **more: Any) -> Any:
        monkeypatch.setattr(firm.provider, "start_checkout", real)
        second.append(begin(firm, firm.target(seats="7")))
        return real(*given, **more)

    monkeypatch.setattr(firm.provider, "start_checkout", meanwhile)
    with pytest.raises(Busy):
        begin(firm)
    assert {reference: page.state for reference, page in firm.provider.books.checkouts.items() if page.state == "open"} == {second[0]: "open"}
    assert begin(firm, firm.target(seats="7")) == second[0]


def test_an_answer_that_was_lost_is_asked_for_again(firm: Firm) -> None:
    firm.provider.faults = ["", "after"]
    with pytest.raises(ProviderUnavailable):
        begin(firm)
    reference = begin(firm)
    assert list(firm.provider.books.checkouts) == [reference]


def test_a_closed_browser_leaves_what_can_be_gone_on_with(firm: Firm) -> None:
    reference = begin(firm)
    assert begin(firm) == reference
    checkout.give_up_checkout(firm.place, actor=firm.owner)
    assert firm.provider.books.checkouts[reference].state == "expired"
    assert begin(firm) != reference
    with sides.control_unit():
        assert Checkout.objects.filter(account__workspace=firm.door.workspace, state="open").count() == 1


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({"seats": "0"}, BadQuantity), ({"seats": "-1"}, BadQuantity), ({"seats": "1000000"}, BadQuantity), ({"seats": "1000000000"}, BadQuantity),
        ({"seats": "5.5"}, BadQuantity), ({"seats": "٥"}, BadQuantity), ({"seats": "101"}, BadQuantity), ({"currency": "GBP"}, Invalid),
        ({"currency": "eur'--"}, Invalid), ({"plan": "gold"}, NotOnSale), ({"plan": "free"}, FreeIsNotBought), ({"interval": "week"}, Invalid),
        ({"addon:contacts_10k": "-1"}, BadQuantity), ({"addon:contacts_10k": "1000"}, BadQuantity), ({"addon:mailings": "2"}, BadQuantity), ({"addon:gold": "1"}, NotOnSale),
    ],
)  # fmt: skip
def test_case_33_what_a_browser_makes_up_is_refused(firm: Firm, values: dict[str, str], refusal: type[Exception]) -> None:
    before = firm.state()
    with pytest.raises(refusal):
        firm.target(**values)
    assert firm.state() == before


@pytest.mark.parametrize(
    "target",
    [
        Target("team", 99, 5, Interval.MONTH, "EUR"), Target("team", 1, 0, Interval.MONTH, "EUR"), Target("team", 1, -1, Interval.MONTH, "EUR"),
        Target("team", 1, 10**9, Interval.MONTH, "EUR"), Target("team", 1, 5, Interval.MONTH, "JPY"), Target("team", 1, 5, Interval.MONTH, "EUR", {"contacts_10k:1": -3}),
        Target("team", 1, 5, Interval.MONTH, "EUR", {"contacts_10k": 1}), Target("free", 1, 5, Interval.MONTH, "EUR"),
    ],
)  # fmt: skip
def test_case_33_a_target_made_by_hand_is_refused_by_every_verb(firm: Firm, target: Target) -> None:
    before = firm.state()
    for verb in (lambda: pricing_of.price(firm.place, target), lambda: pricing_of.preview(firm.place, target), lambda: begin(firm, target)):
        with pytest.raises(Invalid):
            verb()
    assert firm.state() == before
    assert not firm.provider.books.checkouts


def test_case_33_an_archived_plan_is_sold_to_nobody_new(firm: Firm) -> None:
    target = firm.target()
    with sides.control_unit():
        PlanVersion.objects.filter(code="team", version=1).update(on_sale=False)
    try:
        with pytest.raises(NotOnSale):
            begin(firm, target)
        with pytest.raises(NotOnSale):
            firm.target()
    finally:
        with sides.control_unit():
            PlanVersion.objects.filter(code="team", version=1).update(on_sale=True)
    assert not firm.provider.books.checkouts


def test_case_53_another_currency_is_refused_with_the_way(firm: Firm) -> None:
    firm.buy()
    before = firm.state()
    with pytest.raises(OtherCurrency, match=r"EUR.*cancel this plan first"):
        targets.target_from(firm.place, {"plan": "business", "currency": "RUB"})
    with pytest.raises(OtherCurrency):
        pricing_of.preview(firm.place, Target("team", 1, 6, Interval.MONTH, "RUB"))
    assert firm.state() == before


def test_who_may_buy(firm: Firm) -> None:
    target = firm.target()
    with sides.unit(firm.place):
        people = cast()
    for name, actor in people.items():
        if name in ("owner", "administrator"):
            continue
        with pytest.raises(Forbidden):
            checkout.begin_checkout(firm.place, target, provider="stripe", actor=actor, **URLS)
    assert not firm.provider.books.customers
    assert checkout.begin_checkout(firm.place, target, provider="stripe", actor=people["administrator"], **URLS).url


def test_all_that_is_sold_can_be_bought(firm: Firm) -> None:
    with sides.control_unit():
        codes = [version.code for version in services.on_sale(special=True) if version.code != "free"]
    for code in codes:
        target = firm.target(plan=code, interval="year", **{"addon:contacts_10k": "2", "addon:mailings": "1"})
        assert pricing_of.price(firm.place, target).total > 0
        assert target.add_ons == {"contacts_10k:1": 2, "mailings:1": 1}
