"""Documents on paper: made once, in the reader's language, the same bytes for ever."""

from __future__ import annotations

import hashlib
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import connections
from django.utils import translation

from billing.documents import paper, tasks
from billing.documents.mirroring import mirror
from billing.documents.models import Invoice, Kind
from billing.documents.paper.printing import pdf_of, set_on_paper
from billing.documents.paper.wording import wording
from billing.documents.tax import Tax
from billing.models import BillingAccount
from crm_platform.db import sides
from crm_platform.kernel.errors import NotFound, Unavailable

from .conftest import Books, books_of
from .test_mirroring import seen

LONG = "Общество с ограниченной ответственностью «Северо-Западное Машиностроительное Предприятие имени Орджоникидзе» и сыновья"


def said(row: Invoice) -> dict[str, Any]:
    with translation.override(row.language):
        return wording(row)


def test_case_78_another_name_later_leaves_the_bytes(books: Books) -> None:
    books.payer(name="Atelier Veldhuis")
    bill = books.issue()
    first = pdf_of(bill.public_id, account_id=books.pk)
    books.payer(name="Veldhuis & Daughters")
    assert first.startswith(b"%PDF")
    assert pdf_of(bill.public_id, account_id=books.pk) == first
    row = books.now(bill)
    assert (row.buyer["name"], row.sha256) == ("Atelier Veldhuis", hashlib.sha256(first).hexdigest())


def test_ten_readers_at_once_have_the_same_bytes(books: Books) -> None:
    bill = books.issue()

    def read(_at: int) -> bytes:
        try:
            return pdf_of(bill.public_id, account_id=books.pk)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(5) as pool:
        assert len(set(pool.map(read, range(10)))) == 1


def test_it_is_made_after_the_issue_by_a_job(books: Books) -> None:
    bill = books.issue()
    with sides.outside():
        tasks.print_document(bill.pk, lease=None)  # type: ignore[arg-type]
    assert books.now(bill).file.startswith("control/documents/")


@pytest.mark.parametrize(("language", "title"), [("en", "Bill"), ("ru", "Счёт на оплату"), ("fr", "Facture pro forma"), ("nl", "Rekening (pro forma)"), ("uz", "Toʻlov uchun hisob")])
def test_in_the_language_of_its_issue_with_long_names(books: Books, language: str, title: str) -> None:
    books.payer(name=LONG, country="RU", address="190000, Санкт-Петербург\nМойка, 112", tax_id="7801234567", details={"КПП": "780101001"})
    bill = books.issue(language=language)
    words = said(bill)
    assert (words["title"], words["buyer"]["name"]) == (title, LONG)
    assert any("7801234567" in line for line in words["buyer"]["lines"])
    assert bill.reference in str(words["pay"])
    assert set_on_paper(bill).startswith(b"%PDF")


def test_a_reverse_charge_is_said(books: Books) -> None:
    bill = books.issue(tax_bp=0, tax=Tax(0, "reverse_charge"))
    assert any("Article 196" in note for note in said(bill)["notes"])


def test_what_is_written_cannot_be_markup(books: Books) -> None:
    books.payer(name='#panic("x") $ * _ \\ <b> "')
    assert set_on_paper(books.issue()).startswith(b"%PDF")


def test_totals_on_paper_are_the_rows(books: Books) -> None:
    bill = books.issue()
    assert [sum_[1] for sum_ in said(bill)["sums"]] == ["€104.00", "€21.84", "€125.84"]


def test_another_accounts_document_is_not_there(books: Books, make_door: Any) -> None:
    bill, other = books.issue(), books_of(make_door())
    with pytest.raises(NotFound):
        pdf_of(bill.public_id, account_id=other.pk)
    assert books.now(bill).file == ""


def test_a_providers_bill_is_confirmed_once_paid_and_not_issued_again(make_door: Any) -> None:
    stripe = books_of(make_door(), provider="stripe")
    with sides.control_unit():
        row = mirror(BillingAccount.objects.get(pk=stripe.pk), seen())
    assert row is not None
    with pytest.raises(NotFound):
        pdf_of(row.public_id, account_id=stripe.pk)
    with sides.control_unit():
        row = mirror(BillingAccount.objects.get(pk=stripe.pk), seen(external_id=row.external_id, status="paid", paid=12_584))
    assert row is not None
    assert said(row)["title"] == "Receipt"
    assert pdf_of(row.public_id, account_id=stripe.pk).startswith(b"%PDF")


def test_a_file_that_was_changed_is_not_handed_out(books: Books) -> None:
    bill = books.issue(kind=Kind.PROFORMA)
    pdf_of(bill.public_id, account_id=books.pk)
    with sides.outside():
        Path(default_storage.path(books.now(bill).file)).write_bytes(b"%PDF another")
    with pytest.raises(Unavailable):
        pdf_of(bill.public_id, account_id=books.pk)


def test_the_typeface_is_what_it_says() -> None:
    folder = Path(paper.__file__).parent / "fonts"
    for entry in tomllib.loads((folder / "VENDORED.toml").read_text())["file"]:
        assert hashlib.sha256((folder / entry["name"]).read_bytes()).hexdigest() == entry["sha256"]
        assert entry["licence"]
        assert entry["version"]
    assert {path.name for path in folder.iterdir()} == {"VENDORED.toml", "LICENSE-OFL.txt", "IBMPlexSans.ttf"}
