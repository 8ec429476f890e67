"""Which tax stands on a document, and how it is mended when a tax id turns out to be right."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from billing.documents import commands as of_documents  # noqa: F401 (registers it)
from billing.documents import correcting, refunding, services, tax
from billing.documents.balance import credit_of
from billing.documents.models import Kind
from billing.models import MoneyEntry, Payer
from billing.providers import registry
from billing.providers.manual_invoice.adapter import TransferProvider
from crm_platform.db import sides
from crm_platform.kernel import commands
from crm_platform.kernel.errors import Forbidden
from crm_platform.kernel.permissions import Actor

from .conftest import OPERATOR, Books


@pytest.mark.parametrize(
    ("buyer", "bp", "note"),
    [
        ({}, 2_100, ""), ({"country": "NL", "tax_id": "NL1", "tax_state": "verified"}, 2_100, ""), ({"country": "DE", "tax_id": "DE1", "tax_state": "verified"}, 0, "reverse_charge"),
        ({"country": "DE", "tax_id": "DE1", "tax_state": "pending"}, 2_100, ""), ({"country": "DE", "tax_id": "DE1", "tax_state": "refused"}, 2_100, ""),
        ({"country": "DE"}, 2_100, ""), ({"country": "RU", "tax_id": "77"}, 0, "outside"), ({"country": "uz"}, 0, "outside"),
    ],
)  # fmt: skip
def test_case_75_the_tax_is_by_who_buys_and_what_was_verified(buyer: dict[str, Any], bp: int, note: str) -> None:
    assert tax.of(buyer) == tax.Tax(bp, note)


def correct(books: Books) -> int:
    with sides.control_unit():
        return len(correcting.correct_tax(services.locked(books.pk), actor=OPERATOR))


@pytest.mark.parametrize("state", ["pending", "refused", ""])
def test_case_75_while_it_is_not_verified_nothing_is_mended(books: Books, state: str) -> None:
    books.payer(country="DE", tax_id="DE123", tax_state=state)
    books.pay(books.issue(), 12_584)
    assert correct(books) == 0
    assert books.of_kind(Kind.CREDIT_NOTE) == []


def test_case_75_once_it_is_a_credit_note_and_a_new_invoice(books: Books) -> None:
    books.payer(country="DE", tax_id="DE123", tax_state="pending")
    books.pay(books.issue(), 12_584)
    with sides.control_unit():
        Payer.objects.filter(account_id=books.pk).update(tax_state="verified")
    assert [correct(books), correct(books)] == [1, 0]
    [note], [old, new] = books.of_kind(Kind.CREDIT_NOTE), books.of_kind(Kind.INVOICE)
    assert (note.total_minor, note.corrects_id, new.total_minor, new.tax_minor, new.terms["note"]) == (-12_584, old.pk, 10_400, 0, "reverse_charge")
    account = books.account
    with sides.control_unit():
        assert credit_of(account, "EUR") == 2_184


def test_tax_that_came_back_as_credit_is_not_given_back_a_second_time(books: Books, settings: Any) -> None:
    settings.CRM_REFUND_APPROVAL = 10**9
    books.payer(country="DE", tax_id="DE123", tax_state="pending")
    bill = books.issue()
    books.pay(bill, 12_584)
    with sides.control_unit():
        Payer.objects.filter(account_id=books.pk).update(tax_state="verified")
    assert correct(books) == 1
    with registry.stand_in(TransferProvider()):
        with pytest.raises(refunding.TooMuch, match="104"):
            refunding.refund(bill.public_id, 10_401, reason="sold twice", actor=OPERATOR, operation="more-than-is-left")
        refunding.refund(bill.public_id, 10_400, reason="sold twice", actor=OPERATOR, operation="what-is-left")
    assert sum(row.total_minor for kind in (Kind.INVOICE, Kind.CREDIT_NOTE) for row in books.of_kind(kind)) == 0


def judged(books: Books, tax_id: str, state: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(CliRunner().invoke(commands.group, ["billing-tax-id", "--workspace", books.door.workspace.slug or "", tax_id, "--state", state, "--json"]).output.splitlines()[-1])
    return found


def test_case_75_what_the_registry_says_is_noted_by_command_and_mends_what_was_charged(books: Books) -> None:
    books.payer(country="DE", tax_id="DE123", tax_state="pending")
    books.pay(books.issue(), 12_584)
    assert judged(books, "DE999", "verified")["error"] == "not_found"
    assert judged(books, "DE123", "refused")["invoices"] == []
    with sides.control_unit():
        assert Payer.objects.get(account_id=books.pk).tax_state == "refused"
    assert books.of_kind(Kind.CREDIT_NOTE) == []
    made = judged(books, "de 123", "verified")["invoices"]  # it turned out to be right after all
    assert [row.number for row in books.of_kind(Kind.INVOICE)][-1:] == made
    assert judged(books, "DE123", "verified")["invoices"] == []
    assert [note.total_minor for note in books.of_kind(Kind.CREDIT_NOTE)] == [-12_584]
    account = books.account
    with sides.control_unit():
        assert credit_of(account, "EUR") == 2_184
        assert list(MoneyEntry.objects.filter(account=account, name__startswith="tax_id.").order_by("pk").values_list("name", flat=True)) == ["tax_id.refused", "tax_id.verified"]


def test_only_who_handles_money_judges(books: Books) -> None:
    books.payer(country="DE", tax_id="DE123", tax_state="pending")
    with pytest.raises(Forbidden):
        correcting.judge(books.pk, "DE123", "verified", actor=Actor(user_id=1, name="Olga", role="owner", everything=True))
    with sides.control_unit():
        assert Payer.objects.get(account_id=books.pk).tax_state == "pending"
