"""Documents of our own: numbers without a gap, payments once, nothing edited."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections

from billing.documents import services
from billing.documents.balance import credit_of
from billing.documents.models import Invoice, Kind, NumberSeries, Payment, Status
from billing.models import MoneyEntry
from billing.pricing import Line, quote
from crm_platform.db import sides
from crm_platform.kernel import clock
from crm_platform.kernel.errors import Forbidden
from crm_platform.kernel.permissions import Actor

from .conftest import NOW, OPERATOR, Books, books_of


def credit(books: Books) -> int:
    account = books.account
    with sides.control_unit():
        return credit_of(account, "EUR")


def test_a_bill_is_numbered_and_says_what_to_write(books: Books, seller: str) -> None:
    with clock.frozen(NOW):
        bill = books.issue(operation="one")
        again = books.issue(operation="one")
    assert (bill.number, bill.status, bill.total_minor, bill.due_minor) == ("KP-2027-00001", "open", 12_584, 12_584)
    assert bill.reference.startswith("KT")
    assert len(bill.reference) == 10
    assert again.pk == bill.pk
    assert bill.seller["bank"] == ["IBAN NL02 ABNA 0123 4567 89", "BIC ABNANL2A"]
    with sides.control_unit():
        assert MoneyEntry.objects.filter(account_id=books.pk, name="proforma.issued", actor=OPERATOR.name).count() == 1


def test_a_paid_bill_is_stated_by_an_invoice(books: Books) -> None:
    with clock.frozen(NOW):
        bill = books.issue()
        books.pay(bill, 12_584)
    (stated,) = books.of_kind(Kind.INVOICE)
    assert (books.now(bill).status, stated.number, stated.status, stated.bill_id, stated.lines) == ("paid", "K-2027-00001", "paid", bill.pk, bill.lines)
    assert books.account.currency == "EUR"


def test_case_79_partial_over_and_recorded_twice(books: Books) -> None:
    bill = books.issue()
    books.pay(bill, 5_000, operation="bank-1")
    books.pay(bill, 5_000, operation="bank-1")
    assert (books.now(bill).status, books.now(bill).due_minor) == ("open", 7_584)
    assert books.of_kind(Kind.INVOICE) == []
    books.pay(bill, 8_000, operation="bank-2")
    assert (books.now(bill).status, books.now(bill).paid_minor, credit(books), books.account.balance_minor) == ("paid", 12_584, 416, -416)
    books.pay(bill, 100, operation="bank-3")
    assert credit(books) == 516


def test_credit_is_used_by_the_next_bill(books: Books) -> None:
    books.pay(books.issue(), 13_000)
    after = books.issue()
    assert (after.paid_minor, books.now(after).due_minor, credit(books)) == (416, 12_168, 0)
    with sides.control_unit():
        assert Payment.objects.get(invoice=after).method == "balance"


def test_case_74_a_bill_of_nothing_is_paid_at_once_and_asks_for_no_card(books: Books) -> None:
    bill = books.issue([Line("plan:team:1:seats", 5, 1_900, 9_500, discount=9_500)], tax_bp=0)
    free = books.issue([Line("plan:team:1:seats", 5, 0, 0)])
    assert free.total_minor == 0
    assert (free.status, free.paid_at is not None, books.of_kind(Kind.INVOICE)) == ("paid", True, [])
    assert bill.total_minor == 9_500  # the quote gives discounts, a line cannot bring its own


@pytest.mark.parametrize("amount", [0, -1, 10**12])
def test_what_nobody_can_pay_is_refused(books: Books, amount: int) -> None:
    bill = books.issue()
    with pytest.raises(services.BadAmount):
        books.pay(bill, amount)
    assert books.now(bill).paid_minor == 0


def test_a_firms_owner_records_nothing(books: Books) -> None:
    bill = books.issue()
    with pytest.raises(Forbidden):
        books.pay(bill, 100, actor=Actor(user_id=1, name="Olga", role="owner", everything=True))
    assert books.now(bill).paid_minor == 0


def test_a_bill_is_taken_back_unless_money_came(books: Books) -> None:
    bill, other = books.issue(), books.issue()
    books.pay(other, 1)
    with sides.control_unit():
        services.void(services.locked(books.pk), bill, actor=OPERATOR, reason="a change")
    with pytest.raises(services.PartlyPaid), sides.control_unit():
        services.void(services.locked(books.pk), other, actor=OPERATOR, reason="a change")
    assert [books.now(one).status for one in (bill, other)] == [Status.VOID, Status.OPEN]


def test_money_for_a_bill_that_was_taken_back_is_credit_first_for_what_is_open(books: Books) -> None:
    bill, other = books.issue(), books.issue()
    with sides.control_unit():
        services.void(services.locked(books.pk), bill, actor=OPERATOR, reason="a change")
    books.pay(bill, other.total_minor + 500, operation="late")
    assert [(books.now(one).status, books.now(one).paid_minor) for one in (bill, other)] == [(Status.VOID, 0), (Status.PAID, other.total_minor)]
    assert books.account.balance_minor == -500
    with sides.control_unit():
        assert MoneyEntry.objects.filter(account_id=books.pk, name="payment.late").count() == 1


def test_case_77_two_at_the_same_instant_have_consecutive_numbers(make_door: Any, seller: str) -> None:
    both = [books_of(make_door()), books_of(make_door())]

    def issued(at: int) -> list[str]:
        try:
            with clock.frozen(NOW):
                return [both[at % 2].issue().number for _ in range(5)]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        numbers = [number for found in pool.map(issued, range(4)) for number in found]
    assert sorted(numbers) == [f"KP-2027-{number:05d}" for number in range(1, 21)]


def test_case_77_a_rolled_back_issue_leaves_no_hole(books: Books, seller: str) -> None:
    with clock.frozen(NOW):
        first = books.issue()
        with pytest.raises(RuntimeError):
            lost(books)
        second = books.issue()
    assert [first.number, second.number] == ["KP-2027-00001", "KP-2027-00002"]
    with sides.control_unit():
        assert NumberSeries.objects.get(seller=seller, kind="proforma").last == 2
        assert not Invoice.objects.filter(operation="lost").exists()


def lost(books: Books) -> None:
    with sides.control_unit():
        wish = services.Wish(Kind.PROFORMA, quote([Line("plan:team:1:seats", 1, 1_900, 1_900)], "EUR"), "lost")
        services.issue(services.locked(books.pk), wish, actor=OPERATOR)
        raise RuntimeError


def test_each_kind_and_year_counts_from_one(books: Books) -> None:
    with clock.frozen(NOW):
        books.pay(books.issue(), 12_584)
    with clock.frozen(NOW.replace(year=2028)):
        later = books.issue()
    assert [one.number for one in books.of_kind(Kind.INVOICE)] == ["K-2027-00001"]
    assert later.number == "KP-2028-00001"
