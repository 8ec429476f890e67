"""Of a document its readers are told once: a bill for a transfer with all that a transfer needs, a receipt of what was paid."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from billing.documents.models import Invoice, Kind
from billing.dunning import papers
from billing.models import BillingAccount
from crm_platform.accounts.models import User
from crm_platform.db import sides
from crm_platform.jobs.models import Job
from crm_platform.kernel import clock
from crm_platform.letters.models import Letter
from tests.billing.buying import Firm

from .conftest import NOW, Books

LEASE: Any = SimpleNamespace(beat=lambda: None)


def told(books: Books, bill: Invoice) -> list[tuple[str, str, str]]:
    """(to, subject, text) of the letters that this document brings."""
    with books.door.unit():
        before = Letter.objects.count()
    papers.tell(bill.pk, lease=LEASE)
    with books.door.unit():
        return list(Letter.objects.order_by("pk").values_list("to", "subject", "text")[before:])


def test_a_bill_is_told_once_with_all_that_a_transfer_needs(books: Books) -> None:
    with clock.frozen(NOW):
        bill = books.issue(due_at=NOW + timedelta(days=5), period=(NOW, NOW + timedelta(days=31)))
        [(to, subject, text)] = told(books, bill)
        assert told(books, bill) == []
    with books.door.unit():
        assert to == User.objects.get(role__code="owner").email
    assert subject.endswith("€125.84 until 15 March 2027")
    for words in (bill.number, f"Write on the transfer: {bill.reference}", "IBAN NL02 ABNA 0123 4567 89", "/settings/plan/invoices"):
        assert words in text, words
    with sides.control_unit():
        assert Job.objects.filter(name="bills.told", target=bill.pk).exists()


def test_what_is_paid_brings_its_receipt_to_whom_the_firm_named_and_no_second_bill(books: Books) -> None:
    with sides.control_unit():
        BillingAccount.objects.filter(pk=books.pk).update(contacts=[{"email": "Books@veldhuis.example", "name": "", "language": "nl"}])
    with clock.frozen(NOW):
        bill = books.issue()
        books.pay(bill, bill.due_minor)
        assert told(books, bill) == []
        [invoice] = books.of_kind(Kind.INVOICE)
        [(to, subject, text)] = told(books, invoice)
    assert (to, subject.endswith("betaald"), invoice.number in text) == ("books@veldhuis.example", True, True)


def test_what_was_paid_long_ago_is_no_news(books: Books) -> None:
    with clock.frozen(NOW):
        bill = books.issue()
        books.pay(bill, bill.due_minor)
    with clock.frozen(NOW + timedelta(days=40)):
        assert told(books, books.of_kind(Kind.INVOICE)[0]) == []


def test_a_card_that_pays_brings_a_receipt(firm: Firm) -> None:
    firm.buy()
    account = firm.account()
    with sides.control_unit():
        [row] = Invoice.objects.filter(account=account)
        assert Job.objects.filter(name="bills.told", target=row.pk).count() == 1
    [(_to, subject, _text)] = told(Books(firm.door, row.account_id), row)
    assert "has paid" in subject
