"""Promo codes, referrals, payers, addressees."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections

from billing.models import Coupon, Payer, Redemption
from billing.subscribing import checkout, paying, pricing_of, redeeming, referring
from billing.subscribing.coupons import CodeNotForThis, CodeOver, NoSuchCode, OneCodeAtATime
from crm_platform.db import sides
from crm_platform.kernel import clock
from crm_platform.kernel.errors import Invalid, NotFound
from tests.billing.buying import URLS, Firm, firm_at, later, operation


def redeem(firm: Firm, code: str) -> str:
    return redeeming.redeem(firm.place, code, actor=firm.owner, operation=operation())


def test_a_code_typed_with_spaces_and_in_any_case(firm: Firm, codes) -> None:
    codes(code="Spring-27", percent_bp=2_000, duration="once")
    assert redeem(firm, "  spring-27\t") == "Spring-27"
    assert pricing_of.price(firm.place, firm.target(coupon="SPRING-27 ")).total == 7_600
    firm.buy()
    assert firm.charged() == 7_600
    ends = firm.row().period_end
    with sides.control_unit():
        assert Redemption.objects.get(coupon__code="Spring-27").ends_at == ends
    assert "coupon.redeemed" in firm.events()


def test_a_code_for_what_is_bought_already_is_in_force_from_the_next_bill(firm: Firm, codes) -> None:
    codes(code="HALF", percent_bp=5_000, duration="forever")
    firm.buy()
    redeem(firm, "half")
    assert firm.row().discount["code"] == "HALF"
    assert firm.charged() == 9_500
    with pytest.raises(OneCodeAtATime):
        redeem(firm, "half")
    row = firm.row()
    with sides.control_unit():
        assert Redemption.objects.get(coupon__code="HALF").ends_at is None
    assert row.discount["code"] == "HALF"
    firm.change(seats="10")  # it survives a change of seats
    assert (firm.row().discount["code"], pricing_of.price(firm.place, firm.target(seats="10")).total) == ("HALF", 9_500)


def test_case_73_the_last_redemption_goes_to_one(firm: Firm, make_door, codes) -> None:
    codes(code="LAST", percent_bp=1_000, most=1)
    found: list[str] = []
    with firm_at(make_door(email="eve@elsewhere.example")) as eve:

        def take(one: Firm) -> None:
            try:
                found.append(redeem(one, "LAST"))
            except CodeOver:
                found.append("over")
            finally:
                connections.close_all()

        threads = [threading.Thread(target=take, args=(one,)) for one in (firm, eve)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(found) == ["LAST", "over"]
    with sides.control_unit():
        assert Coupon.objects.get(code="LAST").redeemed == Redemption.objects.filter(coupon__code="LAST").count() == 1


def test_case_73_a_code_that_ran_out_between_looking_and_paying(firm: Firm, codes) -> None:
    codes(code="SOON", percent_bp=1_000, expires_at=clock.now() + timedelta(hours=1))
    target = firm.target(coupon="soon")
    assert pricing_of.preview(firm.place, target).now.total == 8_550
    with later(clock.now() + timedelta(hours=2)):
        with pytest.raises(CodeOver, match="The price without it"):
            checkout.begin_checkout(firm.place, target, provider="stripe", actor=firm.owner, **URLS)
        with pytest.raises(CodeOver):
            redeem(firm, " SOON ")
    assert not firm.provider.books.checkouts


def test_case_73_an_amount_in_another_currency_and_other_misfits(firm: Firm, codes) -> None:
    codes(code="DOLLARS", amount_minor=500, currency="USD")
    codes(code="BIG", percent_bp=1_000, plans=["business"])
    codes(code="FIRST", percent_bp=1_000, first_time=True)
    for code, refusal in (("DOLLARS", CodeNotForThis), ("BIG", CodeNotForThis), ("NOBODYS", NoSuchCode)):
        with pytest.raises(refusal):
            pricing_of.price(firm.place, firm.target(coupon=code))
    assert pricing_of.price(firm.place, firm.target(coupon="BIG", plan="business")).total == 16_200
    assert pricing_of.price(firm.place, firm.target(coupon="FIRST")).total == 8_550
    firm.buy()
    for code in ("DOLLARS", "BIG", "FIRST", "", "  "):
        with pytest.raises(Invalid):
            redeem(firm, code)
    assert firm.row().discount == {}


def test_case_73_a_discount_that_ends_at_renewal(firm: Firm, codes) -> None:
    codes(code="ONCE", percent_bp=5_000, duration="once")
    firm.buy(coupon="ONCE")
    assert firm.charged() == 4_750
    with later(firm.row().period_end + timedelta(minutes=1)):
        assert pricing_of.price(firm.place, firm.target()).total == 9_500


@contextmanager
def brought(firm: Firm, door: Any) -> Iterator[Firm]:
    """A newcomer who named this firm; both pay at one provider."""
    with firm_at(door) as eve:
        eve.provider.books = firm.provider.books
        referring.refer(eve.place, f" {firm.account().referral_code.upper()} ", actor=eve.owner)
        yield eve


def credited(firm: Firm) -> list[int]:
    return sorted(one.balance for one in firm.provider.books.customers.values())


@pytest.mark.parametrize(("plan", "seats", "each"), [("start", "3", 900), ("team", "30", 1_748), ("business", "1", 3_600), ("everyone", "1", 3_600)])
def test_a_recommendation_is_a_seats_month_of_the_newcomers_plan_to_both_once_it_paid(firm: Firm, make_door, plan: str, seats: str, each: int) -> None:
    firm.buy()
    code = firm.account().referral_code
    with pytest.raises(referring.NoSuchReferral):
        referring.refer(firm.place, code, actor=firm.owner)  # one's own, and too late
    with brought(firm, make_door(email="eve@elsewhere.example")) as eve:
        for wrong in ("nobodys", "", code):  # and named already
            with pytest.raises(referring.NoSuchReferral):
                referring.refer(eve.place, wrong, actor=eve.owner)
        assert referring.give_owed() == 0
        eve.buy(plan=plan, seats=seats)
        assert referring.give_owed() == 2
        assert referring.give_owed() == 0
        eve.change(seats="2") if plan == "start" else None
        assert referring.give_owed() == 0
    assert credited(firm)[0] == -each
    assert "referral.given" in firm.journal()


def test_who_buys_in_the_trial_has_not_paid_yet(firm: Firm, make_door) -> None:
    firm.buy()
    with brought(firm, make_door(email="eve@elsewhere.example")) as eve:
        eve.buy(begin="")
        assert (eve.row().status, referring.give_owed()) == ("trialing", 0)
        with later(eve.row().period_end + timedelta(minutes=1)):
            eve.look()
            assert (eve.row().status, referring.give_owed()) == ("active", 2)


def test_a_newcomer_who_has_not_paid_keeps_nobody_waiting(firm: Firm, make_door) -> None:
    firm.buy()
    with brought(firm, make_door(email="eve@elsewhere.example")) as eve, brought(firm, make_door(email="adam@elsewhere.example")) as adam:
        eve.buy(begin="")
        adam.buy()
        assert referring.give_owed(most=2) == 2
        assert "referral.given" in adam.journal()


def test_each_gets_it_in_its_own_currency(firm: Firm, make_door) -> None:
    firm.buy(currency="UZS")
    with brought(firm, make_door(email="eve@elsewhere.example")) as eve:
        eve.buy(plan="start")
        assert referring.give_owed() == 2
    assert credited(firm) == [-9_900_000, -900]


def test_payers(firm: Firm, make_door) -> None:
    long = "Общество с ограниченной ответственностью «Очень длинное название»"
    first = paying.add_payer(firm.place, {"name": long, "country": "ru", "tax_id": "77 01-234567"}, actor=firm.owner)
    second = paying.add_payer(firm.place, {"name": "Atelier BV", "country": "NL", "address": "Kade 1"}, actor=firm.owner)
    with sides.control_unit():
        row = Payer.objects.get(pk=first)
    assert (row.main, row.country, row.tax_id, row.tax_state) == (True, "RU", "7701234567", "pending")
    with pytest.raises(paying.MainPayer):
        paying.archive_payer(firm.place, first, actor=firm.owner)
    paying.make_main(firm.place, second, actor=firm.owner)
    paying.archive_payer(firm.place, first, actor=firm.owner)
    assert [one.pk for one in paying.payers(firm.place)] == [second]
    with pytest.raises(Invalid) as refused:
        paying.change_payer(firm.place, second, {"name": " ", "country": "Holland"}, actor=firm.owner)
    assert set(refused.value.fields) == {"name", "country"}
    for nowhere in ("ZZ", "EU", "N", "", "12"):  # no country, and so no tax
        with pytest.raises(Invalid):
            paying.change_payer(firm.place, second, {"name": "Atelier BV", "country": nowhere}, actor=firm.owner)
    with firm_at(make_door(email="eve@elsewhere.example")) as eve:
        for verb in (paying.make_main, paying.archive_payer):
            with pytest.raises(NotFound):
                verb(eve.place, second, actor=eve.owner)
    assert firm.journal() == ["payer.added", "payer.added", "payer.main", "payer.archived"]


def test_contacts_and_the_ceiling(firm: Firm) -> None:
    paying.set_contacts(firm.place, [{"email": " Money@Firm.example ", "name": "Mo"}, {"email": ""}], actor=firm.owner)
    assert firm.account().contacts == [{"email": "money@firm.example", "name": "Mo", "language": ""}]
    for wrong in ([{"email": "no address"}], [{"email": f"a{n}@b.example"} for n in range(11)]):
        with pytest.raises(Invalid):
            paying.set_contacts(firm.place, wrong, actor=firm.owner)
    for ceiling in (0, -5, 10**13, True, 1.5):
        with pytest.raises(Invalid):
            paying.set_spending_ceiling(firm.place, ceiling, actor=firm.owner)  # type: ignore[arg-type]
    paying.set_spending_ceiling(firm.place, None, actor=firm.owner)
    assert firm.account().spending_ceiling_minor is None


@pytest.mark.parametrize("code", [{"percent_bp": 1_000, "plans": ["business"]}, {"amount_minor": 1_000, "currency": "USD"}], ids=["another plan's", "another currency's"])
def test_a_code_that_waits_and_does_not_fit_goes_on_waiting(firm: Firm, codes, code: dict[str, Any]) -> None:
    codes(code="WAITS", duration="once", **code)
    redeem(firm, "WAITS")
    seen = pricing_of.preview(firm.place, firm.target())
    firm.buy()
    assert (firm.row().plan.code, firm.charged(), seen.now.total, firm.row().discount) == ("team", 9_500, 9_500, {})
    with sides.control_unit():
        assert Redemption.objects.get(coupon__code="WAITS").ends_at is None


def test_a_code_that_waits_is_in_the_preview_the_price_and_the_bill_alike(firm: Firm, codes) -> None:
    codes(code="TEN", percent_bp=1_000, duration="once")
    codes(code="OTHERS", percent_bp=9_000, duration="once", plans=["business"])
    redeem(firm, "TEN")
    redeem(firm, "OTHERS")
    assert (pricing_of.preview(firm.place, firm.target()).now.total, pricing_of.price(firm.place, firm.target()).total) == (8_550, 8_550)
    assert "85.50" in firm.door.client().get("/settings/plan/choose?plan=team&seats=5&begin=now").content.decode()
    firm.buy()
    assert (firm.charged(), firm.row().discount["code"]) == (8_550, "TEN")
