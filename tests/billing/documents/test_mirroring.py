"""A provider's invoices: kept once, followed, never made twice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from billing.documents.mirroring import mirror
from billing.documents.models import Invoice
from billing.models import BillingAccount, MoneyEntry
from billing.pricing import quote
from billing.providers.protocol import InvoiceSeen
from crm_platform.db import sides
from crm_platform.kernel import ids

from .conftest import LINES, NOW, Books, books_of


@pytest.fixture
def stripe(make_door: Any) -> Books:
    return books_of(make_door(), provider="stripe")


def seen(**values: Any) -> InvoiceSeen:
    base = InvoiceSeen(f"in_{ids.random_id()}", "F-7", "open", quote(LINES, "EUR", tax_bp=2_100), 0, 12_584, NOW, hosted_url="https://pay.example/7")
    return replace(base, **values)


def kept(books: Books, *found: InvoiceSeen) -> list[Invoice]:
    with sides.control_unit():
        for one in found:
            mirror(BillingAccount.objects.get(pk=books.pk), one)
        return list(Invoice.objects.filter(account_id=books.pk).order_by("pk"))


def test_an_invoice_is_kept_once_and_follows(stripe: Books) -> None:
    one = seen()
    stripe.payer(name="Atelier Veldhuis")
    (row,) = kept(stripe, one, one)
    assert (row.number, row.status, row.total_minor, row.lines[0]["ref"], row.buyer["name"]) == ("F-7", "open", 12_584, "plan:team:1:seats", "Atelier Veldhuis")
    stripe.payer(name="Veldhuis & Daughters")
    (row,) = kept(stripe, replace(one, status="paid", paid=12_584, due=0, paid_at=NOW))
    assert (row.status, row.paid_minor, row.paid_at, row.buyer["name"]) == ("paid", 12_584, NOW, "Atelier Veldhuis")


def test_a_status_nobody_knows_is_owed_and_not_lost(stripe: Books) -> None:
    (row,) = kept(stripe, seen(status="frozen"))
    assert row.status == "open"


def test_another_accounts_invoice_is_not_taken(stripe: Books, make_door: Any) -> None:
    one = seen()
    kept(stripe, one)
    other = books_of(make_door(), provider="stripe")
    assert kept(other, replace(one, status="void")) == []
    assert kept(stripe)[0].status == "open"


def test_our_own_documents_are_the_truth_and_no_mirror(books: Books) -> None:
    bill = books.issue()
    kept(books, seen(external_id=bill.external_id, status="void"))
    assert books.now(bill).status == "open"


def test_case_72_a_dispute_is_flagged_and_noted_once(stripe: Books) -> None:
    one = seen(status="paid", paid=12_584, due=0)
    kept(stripe, one)
    kept(stripe, replace(one, disputed="open"), replace(one, disputed="open"))
    (row,) = kept(stripe, replace(one, disputed="lost"))
    assert row.disputed == "lost"
    with sides.control_unit():
        found = MoneyEntry.objects.filter(account_id=stripe.pk, name="invoice.disputed").order_by("pk")
        assert [entry.after["disputed"] for entry in found] == ["open", "lost"]
