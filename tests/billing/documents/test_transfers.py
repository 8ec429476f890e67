"""Paying by transfer: the questions asked of every provider, as far as nobody is charged by itself, and those of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from billing.documents import services
from billing.documents.models import Invoice, Kind, Payment, Status
from billing.models import BillingAccount
from billing.pricing import Line
from billing.providers.manual_invoice import books, renewing
from billing.providers.manual_invoice.adapter import OverAlready, TransferProvider
from billing.providers.manual_invoice.models import TransferSubscription
from billing.providers.protocol import Payer, Started
from crm_platform.db import sides
from crm_platform.kernel import clock, ids
from tests.billing.providers.conftest import target
from tests.billing.providers.rigs import Firm, Time
from tests.billing.providers.test_apart import test_a_bill_apart_is_charged_at_once_with_what_waited_for_a_next_one  # noqa: F401 (asked here of another provider)
from tests.billing.providers.test_contract import (  # noqa: F401 (asked here of another provider)
    test_a_change_at_the_end_can_be_taken_back,
    test_a_change_at_the_end_gives_way_to_one_now,
    test_a_change_at_the_end_waits_for_it,
    test_a_change_costs_what_its_preview_says,
    test_a_closed_checkout_is_paid_by_nobody,
    test_a_code_taken_later_counts_from_the_next_bill,
    test_a_customer_is_made_once_for_a_key,
    test_a_line_waits_for_the_next_bill,
    test_a_paid_checkout_is_not_paid_twice,
    test_a_percentage_is_taken_off_as_the_price_page_does,
    test_a_seat_taken_and_given_back_nets_to_nothing,
    test_cancelled_now_it_ends_now,
    test_cancelled_resumed_and_cancelled_again,
    test_credit_lowers_the_next_bill,
    test_fewer_seats_are_credited_the_same_day,
    test_the_pages_of_the_provider_are_its_own,
    test_what_nobody_signed_is_not_read,
    total,
)
from tests.billing.providers.test_contract_of_pauses import (  # noqa: F401 (asked here of another provider)
    test_a_cancellation_taken_back_leaves_the_pause_and_the_reverse,
    test_a_pause_can_be_ended,
    test_coming_back_anew_begins_a_period_that_is_billed_whole,
    test_in_a_pause_nothing_is_collected_and_it_goes_on_by_itself,
)

from .conftest import OPERATOR

DAY = timedelta(days=1)


class Transfers(TransferProvider):
    """Makes the account of whoever comes: here nobody has signed up."""

    def ensure_customer(self, payer: Payer, *, external_id: str | None, key: str) -> str:
        with sides.control_unit():
            account, _new = BillingAccount.objects.get_or_create(public_id=payer.account, defaults={"provider": self.code})
        found = super().ensure_customer(payer, external_id=external_id, key=key)
        with sides.control_unit():
            BillingAccount.objects.filter(pk=account.pk).update(external_id=found)
        return found


class TransferRig:
    """A payer who pays every bill when asked what was paid (`charged`), and the clockwork as time passes."""

    def __init__(self, time: Time) -> None:
        self.time, self.provider = time, Transfers()

    def pay(self, started: Started) -> bool:
        with sides.control_unit():
            bill = Invoice.objects.get(public_id=started.document)
        return pay_bill(bill)

    def advance(self, step: timedelta) -> None:
        renewing.bring_to(self.time.move(step))

    def charged(self, customer: str) -> int:
        for bill in open_bills(customer):
            pay_bill(bill)
        with sides.control_unit():
            came = Payment.objects.filter(invoice__account__external_id=customer).exclude(method="balance")
            return sum(came.values_list("amount_minor", flat=True))

    def decline_next(self) -> None: ...
    def challenge_next(self) -> None: ...
    def lose_answer(self) -> None: ...
    def go_down(self) -> None: ...


def open_bills(customer: str) -> list[Invoice]:
    with sides.control_unit():
        return books.open_bills(list(TransferSubscription.objects.filter(customer__external_id=customer)))


def pay_bill(bill: Invoice, amount: int | None = None) -> bool:
    with sides.control_unit():
        account = services.locked(bill.account_id)
        bill.refresh_from_db()
        if bill.status != Status.OPEN:
            return False
        services.record_payment(account, bill, bill.due_minor if amount is None else amount, actor=OPERATOR, operation=ids.random_id())
    return True


@pytest.fixture
def firm(house: None, django_db_blocker: Any, settings: Any) -> Iterator[Firm]:
    settings.CRM_SELLER_TAX_BP = 0
    with django_db_blocker.unblock(), contextlib.ExitStack() as stack:
        yield Firm(TransferRig(Time(stack)))


def papers(firm: Firm, kind: Kind) -> list[Invoice]:
    with sides.control_unit():
        return list(Invoice.objects.filter(account__external_id=firm.customer, kind=kind).order_by("pk"))


def to(firm: Firm, moment: Any) -> None:
    firm.rig.advance(moment - clock.now())


def test_one_works_before_the_money_lands_for_five_days(firm: Firm) -> None:
    started = firm.start(target(5))
    [bill] = firm.seen().invoices
    assert (started.document, bill.status, bill.due, bill.due_at) == (bill.external_id, "open", total(target(5)), clock.now() + 5 * DAY)
    assert firm.sub().status == "active"
    firm.rig.advance(5 * DAY - timedelta(minutes=1))
    assert firm.sub().status == "active"
    firm.rig.advance(timedelta(minutes=1))
    assert (firm.sub().status, firm.sub().ended_at) == ("canceled", bill.due_at)
    with pytest.raises(OverAlready):
        firm.change(target(6))


def test_case_79_paid_late_it_begins_on_that_day(firm: Firm) -> None:
    started = firm.start(target(5))
    firm.rig.advance(9 * DAY)
    paid_at = clock.now()
    assert firm.rig.pay(started)
    firm.rig.advance(timedelta(hours=1))
    sub = firm.sub()
    assert (sub.status, sub.anchor, sub.period_start) == ("active", paid_at, paid_at)


def test_a_renewals_bill_comes_ahead_and_is_past_due_after_its_days(firm: Firm) -> None:
    bought = firm.buy(target(5))
    to(firm, bought.period_end - 11 * DAY)
    assert len(firm.invoices()) == 1
    to(firm, bought.period_end - 9 * DAY)
    assert [one.status for one in firm.invoices()] == ["open", "paid"]
    to(firm, bought.period_end + 4 * DAY)
    assert (firm.sub().status, firm.sub().period_start) == ("active", bought.period_end)
    to(firm, bought.period_end + 6 * DAY)
    [owed] = [one for one in firm.invoices() if one.status == "open"]
    assert (firm.sub().status, owed.failed_at) == ("past_due", bought.period_end + 5 * DAY)
    assert not firm.provider.pay(owed.external_id, key=firm.key()).applied


def test_case_79_late_after_suspension_what_stood_still_is_not_asked_for(firm: Firm) -> None:
    bought = firm.buy(target(5))
    to(firm, bought.period_end + 6 * DAY)
    for _week in range(14):
        firm.rig.advance(7 * DAY)
    owed = [one for one in firm.invoices() if one.status == "open"]
    assert len(owed) == 1
    assert firm.rig.charged(firm.customer) == 2 * total(target(5))
    assert firm.sub().status == "active"
    firm.rig.advance(timedelta(hours=1))
    [fresh] = [one for one in firm.invoices() if one.status == "open"]
    paid_at = firm.invoices()[1].paid_at
    assert (fresh.period_start, firm.sub().anchor, firm.sub().status) == (paid_at, paid_at, "active")


def test_bought_in_the_trial_nothing_is_due_before_it_ends(firm: Firm) -> None:
    ends = clock.now() + 10 * DAY
    firm.start(target(5, trial_end=ends))
    assert (firm.sub().status, firm.sub().trial_end) == ("trialing", ends)
    firm.change(target(7))
    [bill] = firm.invoices()
    assert (bill.due_at, bill.quote.total) == (ends + 5 * DAY, total(target(7)))
    to(firm, ends + DAY)
    assert firm.sub().status == "active"
    assert firm.rig.charged(firm.customer) == total(target(7))


def test_cancelled_in_the_trial_nothing_is_asked_for_and_resumed_it_is(firm: Firm) -> None:
    ends = clock.now() + 10 * DAY
    firm.start(target(5, trial_end=ends))
    firm.provider.cancel(firm.sub().external_id, at_end=True, key=firm.key())
    assert (firm.invoices(), firm.sub().cancel_at) == ([], ends)
    firm.provider.resume(firm.sub().external_id, key=firm.key())
    assert [one.due for one in firm.invoices()] == [total(target(5))]
    firm.provider.cancel(firm.sub().external_id, at_end=True, key=firm.key())
    to(firm, ends + DAY)
    assert firm.sub().status == "canceled"


def test_a_checkout_that_nobody_paid_is_forgotten_after_a_month(firm: Firm) -> None:
    started = firm.start(target(5))
    firm.rig.advance(36 * DAY)
    assert firm.seen().subscriptions == ()
    assert not firm.rig.pay(started)


def test_case_74_a_whole_discount_works_without_any_payment(firm: Firm) -> None:
    from tests.billing.providers.test_contract import coupon

    free = coupon(percent_bp=10_000, duration="forever")
    firm.start(target(5, coupon=free.code))
    firm.rig.advance(6 * DAY)
    [bill] = firm.invoices()
    assert (bill.status, bill.quote.total, firm.sub().status) == ("paid", 0, "active")
    assert papers(firm, Kind.INVOICE) == []


def test_a_coupon_of_once_is_over_at_the_renewal(firm: Firm) -> None:
    from tests.billing.providers.test_contract import coupon

    once = coupon(percent_bp=5_000, duration="once")
    bought = firm.buy(target(5, coupon=once.code))
    to(firm, bought.period_end)
    assert [one.quote.total for one in firm.invoices()] == [total(target(5)), total(target(5)) // 2]


def test_credit_of_what_was_never_paid_is_no_money(firm: Firm) -> None:
    firm.start(target(20))
    firm.change(target(1))
    [bill] = firm.invoices()
    assert (bill.paid, firm.seen().balance) == (bill.quote.total - total(target(1)), 0)


def test_a_renewal_paid_ahead_and_then_changed_is_corrected_and_not_lost(firm: Firm) -> None:
    bought = firm.buy(target(5))
    to(firm, bought.period_end - 5 * DAY)
    assert firm.rig.charged(firm.customer) == 2 * total(target(5))
    firm.provider.change_at_end(bought.external_id, target(3), key=firm.key())
    [back] = papers(firm, Kind.CREDIT_NOTE)
    assert back.total_minor == -total(target(5))
    assert firm.invoices()[0].status == "paid"
    assert firm.seen().balance == -(total(target(5)) - total(target(3)))


def test_each_month_is_closed_once_and_months_come_to_the_invoice(firm: Firm) -> None:
    from billing.documents import closing

    bought = firm.buy(target(5, add_ons={"contacts_10k:1": 1}))
    firm.provider.cancel(bought.external_id, at_end=True, key=firm.key())
    for _month in range(3):
        firm.rig.advance(31 * DAY)
        closing.close_month(clock.now())
        closing.close_month(clock.now())
    closed = papers(firm, Kind.CLOSING)
    assert [one.period_start.month for one in closed if one.period_start] == [3, 4]
    assert sum(one.total_minor for one in closed) == papers(firm, Kind.INVOICE)[0].total_minor == total(target(5, add_ons={"contacts_10k:1": 1}))


def test_what_was_invoiced_after_its_month_was_closed_is_told_by_the_next_closing(firm: Firm) -> None:
    from billing.documents import closing

    bought = firm.buy(target(5))
    firm.rig.advance(35 * DAY)
    firm.rig.advance(25 * DAY)  # the second period began in the month that is closed now, and is paid after that
    closing.close_month(clock.now())
    for bill in open_bills(firm.customer):
        pay_bill(bill)
    firm.provider.cancel(bought.external_id, at_end=True, key=firm.key())
    firm.rig.advance(93 * DAY)  # two months in which nobody closed
    closing.close_month(clock.now())
    assert sum(one.total_minor for one in papers(firm, Kind.CLOSING)) == sum(one.total_minor for one in papers(firm, Kind.INVOICE)) == 2 * total(target(5))


def test_a_refund_is_noted_once_for_a_key(firm: Firm) -> None:
    firm.buy(target())
    key = firm.key()
    assert firm.provider.refund("x", amount=1, reason="r", key=key) == firm.provider.refund("x", amount=1, reason="r", key=key)


def test_a_change_that_is_tried_again_is_billed_once(firm: Firm) -> None:
    firm.buy(target(5))
    key, now = firm.key(), clock.now()
    assert firm.change(target(8), key=key, as_of=now) == firm.change(target(8), key=key, as_of=now)
    assert [one.quote.total for one in firm.invoices()] == [total(target(8)) - total(target(5)), total(target(5))]


@pytest.mark.parametrize("wanted", [target(5, currency="JPY"), target(5, plan="gold"), target(5, add_ons={"gold:1": 1})], ids=str)
def test_what_is_not_sold_is_refused_and_nothing_was_written(firm: Firm, wanted: Any) -> None:
    from crm_platform.kernel.errors import Invalid

    with pytest.raises(Invalid):
        firm.start(wanted)
    assert firm.seen().subscriptions == firm.seen().invoices == ()


def test_a_bill_apart_states_the_tax_and_waits_for_its_payment(firm: Firm, settings: Any) -> None:
    settings.CRM_SELLER_TAX_BP = 2_100
    bought = firm.buy(target(5))
    firm.provider.cancel(bought.external_id, at_end=True, key=firm.key())
    firm.rig.advance(32 * DAY)
    made = firm.provider.bill_apart(firm.customer, bought.external_id, Line("days:team:1", 2, 190, 380), name="", key=firm.key())
    with sides.control_unit():
        bill = Invoice.objects.get(public_id=made)
    assert (bill.kind, bill.status, bill.tax_minor, bill.total_minor, bill.due_at, bill.period_end) == (Kind.PROFORMA, Status.OPEN, 80, 460, clock.now() + 7 * DAY, bought.period_end)
    assert pay_bill(bill)
    assert [paper.total_minor for paper in papers(firm, Kind.INVOICE)][-1:] == [460]
    firm.rig.advance(60 * DAY)
    assert firm.sub().status == "canceled"
    assert open_bills(firm.customer) == []
