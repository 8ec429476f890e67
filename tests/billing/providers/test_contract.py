"""Every provider means the same by the same verb: each question is asked of all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from billing import catalogue
from billing.models import Coupon
from billing.pricing import Interval, Line, lines_of, quote
from billing.providers import choosing
from billing.providers.fake import FakeProvider
from billing.providers.protocol import BadSignature, ProviderUnavailable
from crm_platform.db import sides
from crm_platform.kernel import clock, ids

from .conftest import target
from .rigs import Firm, Rig, fake_rig, stripe_rig

RIGS: dict[str, Callable[[], AbstractContextManager[Rig]]] = {"fake": fake_rig, "stripe": stripe_rig}
DAY = timedelta(days=1)


@pytest.fixture(params=RIGS, ids=str)
def firm(request: pytest.FixtureRequest, house: None, django_db_blocker: Any) -> Iterator[Firm]:
    with django_db_blocker.unblock(), RIGS[request.param]() as rig:
        yield Firm(rig)


def total(wanted: Any, coupon: Coupon | None = None) -> int:
    """What our own price page says."""
    return quote(lines_of(catalogue.items_of(wanted)), wanted.currency, discount=catalogue.discount_of(coupon) if coupon else None).total


def coupon(**values: Any) -> Coupon:
    with sides.control_unit():
        return Coupon.objects.create(code=f"SPRING{ids.random_id(5).upper()}", **values)


def test_a_customer_is_made_once_for_a_key(firm: Firm) -> None:
    key = firm.key()
    made = [firm.provider.ensure_customer(firm.payer, external_id=None, key=key) for _ in range(2)]
    assert made[0] == made[1] != firm.customer
    assert firm.provider.ensure_customer(firm.payer, external_id=firm.customer, key=firm.key()) == firm.customer
    assert {firm.customer, made[0]} <= set(firm.provider.customers())


@pytest.mark.parametrize("wanted", [target(5), target(30), target(5, interval=Interval.YEAR), target(3, currency="RUB"), target(4, add_ons={"contacts_10k:1": 1}), target(1, plan="everyone"), target(26, plan="crew")], ids=str)
def test_what_is_bought_costs_what_the_price_page_says(firm: Firm, wanted: Any) -> None:
    bought = firm.buy(wanted)
    assert bought.status == "active"
    assert dict(bought.sold) == choosing.sold_of(wanted)
    assert (bought.currency, bought.interval) == (wanted.currency, wanted.interval)
    [paid] = firm.invoices()
    assert (paid.status, paid.quote.total, paid.paid, paid.due) == ("paid", total(wanted), total(wanted), 0)
    assert paid.paid_at is not None
    assert paid.subscription == bought.external_id
    assert firm.rig.charged(firm.customer) == total(wanted)
    assert firm.seen().method["last4"] == "4242"


def test_a_percentage_is_taken_off_as_the_price_page_does(firm: Firm) -> None:
    row = coupon(percent_bp=1_500, duration="forever")
    wanted = target(7, coupon=row.code)
    bought = firm.buy(wanted)
    assert firm.invoices()[0].quote.total == total(wanted, row)
    assert bought.discount is not None
    assert (bought.discount.code, bought.discount.percent_bp) == (row.code, 1_500)


def test_bought_in_the_trial_the_rest_of_it_stays(firm: Firm) -> None:
    ends = clock.now() + 10 * DAY
    bought = firm.buy(target(5, trial_end=ends))
    assert (bought.status, bought.trial_end) == ("trialing", ends)
    assert firm.rig.charged(firm.customer) == 0
    firm.rig.advance(10 * DAY + timedelta(hours=2))
    assert firm.sub().status == "active"
    assert firm.rig.charged(firm.customer) == total(target(5))


def test_a_closed_checkout_is_paid_by_nobody(firm: Firm) -> None:
    started = firm.start(target())
    firm.provider.close_checkout(started.reference, key=firm.key())
    assert not firm.rig.pay(started)
    assert firm.seen().subscriptions == ()


def test_a_paid_checkout_is_not_paid_twice(firm: Firm) -> None:
    started = firm.start(target())
    assert firm.rig.pay(started)
    assert not firm.rig.pay(started)
    firm.provider.close_checkout(started.reference, key=firm.key())
    assert len(firm.seen().subscriptions) == 1
    assert firm.rig.charged(firm.customer) == total(target())


@pytest.mark.parametrize("wanted", [target(9), target(30), target(5, plan="business"), target(5, add_ons={"storage_50:1": 1}), target(5, interval=Interval.YEAR)], ids=str)
def test_a_change_costs_what_its_preview_says(firm: Firm, wanted: Any) -> None:
    firm.buy(target(5))
    firm.rig.advance(9 * DAY)
    now, before = clock.now(), firm.rig.charged(firm.customer)
    shown = firm.provider.preview_change(firm.sub().external_id, wanted, as_of=now)
    assert shown.now.total > 0
    assert shown.next.total == total(wanted)
    assert firm.change(wanted, as_of=shown.as_of).applied
    assert firm.rig.charged(firm.customer) - before == shown.now.total
    assert dict(firm.sub().sold) == choosing.sold_of(wanted)
    assert firm.sub().status == "active"


def test_fewer_seats_are_credited_the_same_day(firm: Firm) -> None:
    firm.buy(target(10))
    firm.rig.advance(10 * DAY)
    shown = firm.provider.preview_change(firm.sub().external_id, target(6), as_of=clock.now())
    assert firm.change(target(6), as_of=shown.as_of).applied
    seen = firm.seen()
    assert seen.balance == shown.now.total < 0
    assert firm.rig.charged(firm.customer) == total(target(10))
    firm.rig.advance(22 * DAY)
    assert firm.rig.charged(firm.customer) == total(target(10)) + total(target(6)) + seen.balance


def test_a_seat_taken_and_given_back_nets_to_nothing(firm: Firm) -> None:
    firm.buy(target(5))
    firm.rig.advance(3 * DAY)
    now, before = clock.now(), firm.rig.charged(firm.customer)
    firm.change(target(6), as_of=now)
    firm.change(target(5), as_of=now)
    assert firm.rig.charged(firm.customer) - before + firm.seen().balance == 0


def test_declined_a_raise_changes_nothing(firm: Firm) -> None:
    firm.buy(target(5))
    firm.rig.advance(5 * DAY)
    firm.rig.decline_next()
    changed = firm.change(target(8))
    assert not changed.applied
    assert changed.declined
    assert not changed.confirm_url
    assert (firm.sub().status, dict(firm.sub().sold)) == ("active", choosing.sold_of(target(5)))
    assert [one.status for one in firm.invoices()] == ["paid"]
    assert firm.change(target(8)).applied


def test_where_the_bank_asks_the_payer_is_sent_there(firm: Firm) -> None:
    firm.buy(target(5))
    firm.rig.challenge_next()
    changed = firm.change(target(8))
    assert not changed.applied
    assert changed.confirm_url.startswith("http")
    assert dict(firm.sub().sold) == choosing.sold_of(target(5))


def test_a_change_at_the_end_waits_for_it(firm: Firm) -> None:
    bought = firm.buy(target(8))
    effective = firm.provider.change_at_end(bought.external_id, target(4, plan="start"), key=firm.key())
    assert effective == bought.period_end
    assert dict(firm.sub().sold) == choosing.sold_of(target(8))
    firm.rig.advance(bought.period_end - clock.now() + timedelta(hours=3))
    assert dict(firm.sub().sold) == choosing.sold_of(target(4, plan="start"))
    assert firm.rig.charged(firm.customer) == total(target(8)) + total(target(4, plan="start"))


def test_a_change_at_the_end_can_be_taken_back(firm: Firm) -> None:
    bought = firm.buy(target(8))
    firm.provider.change_at_end(bought.external_id, target(4), key=firm.key())
    firm.provider.take_back_change(bought.external_id, key=firm.key())
    firm.rig.advance(bought.period_end - clock.now() + timedelta(hours=3))
    assert dict(firm.sub().sold) == choosing.sold_of(target(8))


def test_a_change_at_the_end_gives_way_to_one_now(firm: Firm) -> None:
    bought = firm.buy(target(8))
    firm.provider.change_at_end(bought.external_id, target(4), key=firm.key())
    assert firm.change(target(9)).applied
    firm.rig.advance(bought.period_end - clock.now() + timedelta(hours=3))
    assert dict(firm.sub().sold) == choosing.sold_of(target(9))


@pytest.mark.parametrize("declined", [False, True])
def test_after_a_change_now_a_change_at_the_end_can_be_asked_for_again(firm: Firm, declined: bool) -> None:
    bought = firm.buy(target(8))
    firm.provider.change_at_end(bought.external_id, target(4), key=firm.key())
    if declined and firm.provider.code == "stripe":
        firm.rig.decline_next()
    assert firm.change(target(9)).applied is not (declined and firm.provider.code == "stripe")
    firm.provider.change_at_end(bought.external_id, target(5), key=firm.key())
    firm.rig.advance(bought.period_end - clock.now() + timedelta(hours=3))
    assert dict(firm.sub().sold) == choosing.sold_of(target(5))


def test_a_cancellation_lets_a_change_at_the_end_go(firm: Firm) -> None:
    bought = firm.buy(target(8))
    firm.provider.change_at_end(bought.external_id, target(4), key=firm.key())
    firm.provider.cancel(bought.external_id, at_end=True, key=firm.key())
    firm.provider.resume(bought.external_id, key=firm.key())
    firm.rig.advance(bought.period_end - clock.now() + timedelta(hours=3))
    assert dict(firm.sub().sold) == choosing.sold_of(target(8))


def test_cancelled_resumed_and_cancelled_again(firm: Firm) -> None:
    bought = firm.buy(target())
    firm.provider.cancel(bought.external_id, at_end=True, key=firm.key())
    assert firm.sub().cancel_at == bought.period_end
    firm.provider.resume(bought.external_id, key=firm.key())
    assert firm.sub().cancel_at is None
    firm.rig.advance(bought.period_end - clock.now() - timedelta(seconds=1))
    firm.provider.cancel(bought.external_id, at_end=True, key=firm.key())
    firm.rig.advance(timedelta(hours=2))
    assert firm.sub().status == "canceled"
    assert firm.sub().ended_at == bought.period_end
    assert firm.rig.charged(firm.customer) == total(target())


def test_cancelled_now_it_ends_now(firm: Firm) -> None:
    bought = firm.buy(target())
    firm.provider.cancel(bought.external_id, at_end=False, key=firm.key())
    assert firm.sub().status == "canceled"


def test_a_renewal_is_charged_or_past_due_and_can_be_paid(firm: Firm) -> None:
    bought = firm.buy(target())
    firm.rig.advance(bought.period_end - clock.now() + timedelta(hours=3))
    assert firm.sub().period_start == bought.period_end
    assert firm.rig.charged(firm.customer) == 2 * total(target())
    firm.rig.decline_next()
    firm.rig.advance(firm.sub().period_end - clock.now() + timedelta(hours=3))
    [owed] = [one for one in firm.invoices() if one.status == "open"]
    assert firm.sub().status == "past_due"
    assert owed.failed_at is not None
    assert abs(owed.failed_at - clock.now()) <= timedelta(hours=3)
    assert owed.due == total(target())
    assert firm.provider.pay(owed.external_id, key=firm.key()).applied
    assert firm.sub().status == "active"
    assert firm.rig.charged(firm.customer) == 3 * total(target())


def test_an_open_bill_that_is_declined_again_stays_open(firm: Firm) -> None:
    bought = firm.buy(target())
    firm.rig.decline_next()
    firm.rig.advance(bought.period_end - clock.now() + timedelta(hours=3))
    [owed] = [one for one in firm.invoices() if one.status == "open"]
    firm.rig.decline_next()
    tried = firm.provider.pay(owed.external_id, key=firm.key())
    assert not tried.applied
    assert tried.declined
    [again] = [one for one in firm.invoices() if one.status == "open"]
    assert again.failed_at == owed.failed_at


@pytest.mark.parametrize(("duration", "months", "reduced"), [("once", None, 1), ("repeating", 2, 2), ("forever", None, 3)])
def test_a_code_taken_later_counts_from_the_next_bill(firm: Firm, duration: str, months: int | None, reduced: int) -> None:
    row = coupon(percent_bp=5_000, duration=duration, months=months)
    bought = firm.buy(target())
    firm.rig.advance(9 * DAY)
    firm.provider.discount(bought.external_id, row.code, key=firm.key())
    assert firm.rig.charged(firm.customer) == total(target())
    assert firm.sub().discount is not None
    bills = []
    for _month in range(3):
        before = firm.rig.charged(firm.customer)
        firm.rig.advance(31 * DAY)
        bills.append(firm.rig.charged(firm.customer) - before)
    expected = [total(target(coupon=row.code), row)] * reduced + [total(target())] * (3 - reduced)
    assert bills == expected or isinstance(firm.provider, FakeProvider)  # that one keeps no time of a coupon


def test_a_line_waits_for_the_next_bill(firm: Firm) -> None:
    bought = firm.buy(target())
    firm.rig.advance(3 * DAY)
    firm.provider.charge(firm.customer, bought.external_id, Line("days:team:1", 3, 190, 570), name="Team, days", key=firm.key())
    assert firm.rig.charged(firm.customer) == total(target())
    firm.rig.advance(30 * DAY)
    assert firm.rig.charged(firm.customer) == 2 * total(target()) + 570
    newest = max(firm.invoices(), key=lambda one: one.created)
    assert ("days:team:1", 3, 190, 570) in [(line.ref, line.quantity, line.unit, line.amount) for line in newest.quote.lines]
    assert newest.period_start == firm.sub().period_start
    firm.rig.advance(31 * DAY)
    assert firm.rig.charged(firm.customer) == 3 * total(target()) + 570


def test_case_31_a_lost_answer_is_asked_for_again_with_the_same_key(firm: Firm) -> None:
    firm.buy(target(5))
    before, key, now = firm.rig.charged(firm.customer), firm.key(), clock.now()
    firm.rig.lose_answer()
    with pytest.raises(ProviderUnavailable):
        firm.change(target(8), key=key, as_of=now)
    assert firm.change(target(8), key=key, as_of=now).applied
    assert firm.rig.charged(firm.customer) - before == total(target(8)) - total(target(5))
    assert len(firm.seen().subscriptions) == 1


def test_money_goes_back_once_for_a_key(firm: Firm) -> None:
    firm.buy(target())
    [paid] = firm.invoices()
    key = firm.key()
    assert firm.provider.refund(paid.external_id, amount=1_000, reason="too much", key=key) == firm.provider.refund(paid.external_id, amount=1_000, reason="too much", key=key)
    assert firm.invoices()[0].refunded == 1_000


def test_what_was_given_back_and_did_not_arrive_is_seen(firm: Firm) -> None:
    firm.buy(target())
    [paid] = firm.invoices()
    lost, kept = (firm.provider.refund(paid.external_id, amount=amount, reason="too much", key=firm.key()) for amount in (1_000, 2_000))
    firm.rig.fail_refund(lost)
    assert firm.invoices()[0].refunded == 2_000
    assert {one.external_id: (one.status, one.amount) for one in firm.seen().refunds} == {lost: ("failed", 1_000), kept: ("succeeded", 2_000)}
    assert [event.customer for event in firm.provider.events() if event.kind == "refund.failed"][-1:] in ([firm.customer], [""])


def test_a_bill_that_cannot_be_made_is_told_apart_and_made_once_it_is_paid(firm: Firm) -> None:
    bought = firm.buy(target())
    firm.rig.leave_unmade()
    firm.rig.advance(bought.period_end - clock.now() + timedelta(hours=3))
    assert firm.sub().status == "active"  # as they see it
    [unmade] = [one for one in firm.invoices() if one.status == "draft"]
    assert (unmade.problem, unmade.quote.total, unmade.subscription) == ("customer_tax_location_invalid", total(target()), bought.external_id)
    assert firm.rig.charged(firm.customer) == total(target())
    assert "invoice.finalization_failed" in [event.kind for event in firm.provider.events()]
    assert firm.provider.pay(unmade.external_id, key=firm.key()).applied
    assert [(one.status, one.problem) for one in firm.invoices()] == [("paid", ""), ("paid", "")]
    assert firm.rig.charged(firm.customer) == 2 * total(target())


def test_credit_lowers_the_next_bill(firm: Firm) -> None:
    bought = firm.buy(target())
    firm.provider.credit(firm.customer, amount=2_500, currency="EUR", reason="sorry", key=firm.key())
    assert firm.seen().balance == -2_500
    firm.rig.advance(bought.period_end - clock.now() + timedelta(hours=3))
    assert firm.rig.charged(firm.customer) == 2 * total(target()) - 2_500
    assert firm.seen().balance == 0


def test_events_come_oldest_first_and_after_the_last_known(firm: Firm) -> None:
    firm.buy(target())
    told = [event for event in firm.provider.events() if event.customer == firm.customer]
    assert "customer.subscription.created" in [event.kind for event in told]
    assert [event.created for event in told] == sorted(event.created for event in told)
    last = list(firm.provider.events())[-1].external_id
    firm.provider.cancel(firm.sub().external_id, at_end=False, key=firm.key())
    later = [event.kind for event in firm.provider.events(since=last)]
    assert "customer.subscription.deleted" in later
    assert "customer.subscription.created" not in later


def test_what_nobody_signed_is_not_read(firm: Firm) -> None:
    with pytest.raises(BadSignature):
        firm.provider.read_event(b'{"object": "event"}', {})


def test_while_it_is_down_it_says_so(firm: Firm) -> None:
    firm.rig.go_down()
    with pytest.raises(ProviderUnavailable):
        firm.provider.fetch(firm.customer)
    with pytest.raises(ProviderUnavailable):
        firm.provider.ensure_customer(replace(firm.payer, name="Another"), external_id=None, key=firm.key())


def test_the_pages_of_the_provider_are_its_own(firm: Firm) -> None:
    assert firm.provider.manage_url(firm.customer, return_url="https://crm.example/").startswith("http")
