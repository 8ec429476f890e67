"""What the administrator sees: next bills, what each plan would freeze."""

from __future__ import annotations

from datetime import timedelta

from billing.metering.models import Counter
from billing.pricing import Interval
from billing.pricing.periods import after
from billing.subscribing import life, overview, pausing, paying
from crm_platform.db import sides
from tests.billing.buying import Firm, later, operation


def counts(firm: Firm, **used: int) -> None:
    with sides.unit(firm.place):
        for metric, value in used.items():
            Counter.objects.update_or_create(metric=metric, defaults={"value": value})


def test_plans_are_compared_by_what_would_freeze_here(firm: Firm) -> None:
    counts(firm, users=9, contacts=30_000, pipelines=2, deals_open=900)
    found = {one.plan: one for one in overview.compare(firm.place)}
    assert list(found) == ["free", "start", "team", "business", "everyone", "crew"]
    assert [(one.metric, one.used, one.limit) for one in found["free"].over] == [("contacts", 30_000, 5_000)]
    assert (found["free"].unseated, found["start"].unseated, found["start"].fits) == (4, 0, False)
    assert found["team"].fits
    assert (found["team"].monthly, found["team"].yearly_a_month) == (9 * 1_900, 9 * 1_500)
    assert found["everyone"].monthly == 149_000


def test_a_packet_counts_and_a_module_that_would_be_lost_is_named(firm: Firm) -> None:
    firm.buy(plan="team", **{"addon:contacts_10k": "1"})
    counts(firm, users=1, contacts=32_000)
    found = {one.plan: one for one in overview.compare(firm.place)}
    assert found["start"].over == ()
    firm.change(**{"addon:contacts_10k": "0"}, at_end=False)
    found = {one.plan: one for one in overview.compare(firm.place)}
    assert [one.metric for one in found["start"].over] == ["contacts"]
    assert found["free"].lost == ("mailings",)


def test_the_forecast_knows_what_waits_and_what_ends(firm: Firm, codes) -> None:
    codes(code="THREE", percent_bp=5_000, duration="repeating", months=3)
    assert overview.forecast(firm.place) == []
    firm.buy(coupon=" three ")
    row = firm.row()
    bills = overview.forecast(firm.place)
    assert len(bills) == 12
    assert [at for at, _amount in bills] == [after(row.anchor, Interval.MONTH, n) for n in range(1, 13)]
    assert [amount for _at, amount in bills[:4]] == [4_750, 4_750, 9_500, 9_500]
    firm.change(plan="start")
    assert [amount for _at, amount in overview.forecast(firm.place)][:4] == [2_250, 2_250, 4_500, 4_500]
    life.cancel(firm.place, actor=firm.owner, operation=operation())
    assert overview.forecast(firm.place) == []


def test_the_lines_of_the_next_bill_come_to_its_sum_when_a_discount_ends_before_it(firm: Firm, codes) -> None:
    codes(code="ONCE", percent_bp=5_000, duration="once")
    firm.buy(coupon="once")
    seen = overview.overview(firm.place).next_bill
    assert seen is not None
    assert (seen.amount, seen.quote.total, seen.quote.discount) == (9_500, 9_500, 0)
    page = firm.door.client().get("/settings/plan").content.decode()
    assert ("Your credit" in page, "Discount" in page) == (False, False)  # what the discount had been was told as a credit, with the wrong sign


def test_a_pause_and_credit_stand_in_the_forecast(firm: Firm) -> None:
    firm.buy()
    pausing.pause(firm.place, 3, actor=firm.owner, operation=operation())
    bills = overview.forecast(firm.place)
    assert bills[0] == (firm.row().paused_until, 9_500)  # a period begins where the pause ends
    assert len(bills) == 10
    pausing.unpause(firm.place, actor=firm.owner, operation=operation())
    firm.change(plan="start", at_end=False)
    credit = -firm.account().balance_minor
    amounts = [amount for _at, amount in overview.forecast(firm.place)]
    assert (credit > 0, sum(amounts)) == (True, 12 * 4_500 - credit)
    firm.change(interval="year")
    assert overview.forecast(firm.place) == [(firm.row().period_end, overview.forecast(firm.place)[0][1])]


def test_the_overview_says_it_all_without_asking_anybody(firm: Firm) -> None:
    seen = overview.overview(firm.place)
    assert (seen.live, seen.plan, seen.next_bill, seen.seats_bought, seen.seats_used) == (False, "business", None, 0, 1)
    firm.buy()
    paying.set_spending_ceiling(firm.place, 10_000, actor=firm.owner)
    firm.provider.down = True
    seen = overview.overview(firm.place)
    assert (seen.live, seen.plan, seen.seats_bought, seen.near_ceiling, seen.ceiling, seen.method["last4"]) == (True, "team", 5, True, 10_000, "4242")
    assert seen.next_bill is not None
    assert (seen.next_bill.at, seen.next_bill.amount) == (firm.row().period_end, 9_500)
    firm.provider.down = False
    firm.provider.decline_next()
    with later(seen.period_end + timedelta(seconds=1)):
        firm.look()
        assert overview.overview(firm.place).may_promise
        life.promise(firm.place, actor=firm.owner)
        assert not overview.overview(firm.place).may_promise
