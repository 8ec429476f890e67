"""Refunds: bounded, agreed to by a second person, linked, and free again when they fail."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from billing.documents import refunding
from billing.documents.mirroring import mirror
from billing.documents.models import Invoice, Refund
from billing.models import BillingAccount, MoneyEntry
from billing.providers import registry
from billing.providers.protocol import AccountSeen, Declined, ProviderUnavailable, RefundSeen
from crm_platform.config import env
from crm_platform.db import sides
from crm_platform.kernel.errors import CrmError, Forbidden, Invalid
from crm_platform.kernel.permissions import Actor
from tests.billing.buying import Firm

from .conftest import OPERATOR, SECOND, Books, books_of
from .test_mirroring import seen


class Giver:
    """A provider that gives back, or does not."""

    code = "stripe"

    def __init__(self) -> None:
        self.given: dict[str, int] = {}
        self.error: CrmError | None = None

    def refund(self, invoice: str, *, amount: int, reason: str, key: str) -> str:
        if self.error is not None:
            raise self.error
        self.given.setdefault(key, amount)
        return f"re_{key}"


@pytest.fixture
def giver() -> Any:
    made = Giver()
    with registry.stand_in(made):  # type: ignore[arg-type]
        yield made


@pytest.fixture
def paid(make_door: Any, giver: Giver) -> Invoice:
    books = books_of(make_door(), provider="stripe")
    with sides.control_unit():
        row = mirror(BillingAccount.objects.get(pk=books.pk), seen(status="paid", paid=12_584, due=0))
    assert row is not None
    return row


def back(row: Invoice, amount: int, *, operation: str, actor: Actor = OPERATOR, reason: str = "sold twice") -> Refund:
    return refunding.refund(row.public_id, amount, reason=reason, actor=actor, operation=operation)


def now(row: Invoice) -> Invoice:
    with sides.control_unit():
        return Invoice.objects.get(pk=row.pk)


def test_case_71_a_double_click_gives_back_once(paid: Invoice, giver: Giver) -> None:
    first, second = back(paid, 5_000, operation=f"a{paid.pk}"), back(paid, 5_000, operation=f"a{paid.pk}")
    assert (first.pk, first.state, now(paid).refunded_minor, sum(giver.given.values())) == (second.pk, "done", 5_000, 5_000)


def test_case_71_partial_three_times_and_never_more_than_was_paid(paid: Invoice, giver: Giver) -> None:
    for at in range(3):
        back(paid, 4_000, operation=f"{at}b{paid.pk}")
    with pytest.raises(refunding.TooMuch):
        back(paid, 585, operation=f"c{paid.pk}")
    back(paid, 584, operation=f"d{paid.pk}")
    assert (now(paid).refunded_minor, sum(giver.given.values())) == (12_584, 12_584)


def test_case_71_ten_at_once_stay_within_what_was_paid(paid: Invoice, giver: Giver) -> None:
    def ask(at: int) -> bool:
        try:
            back(paid, 3_000, operation=f"{at}e{paid.pk}")
        except refunding.TooMuch:
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(5) as pool:
        assert sum(pool.map(ask, range(10))) == 4
    assert (now(paid).refunded_minor, sum(giver.given.values())) == (12_000, 12_000)


def test_case_71_one_that_fails_later_is_free_again(firm: Firm) -> None:
    firm.buy()
    with sides.control_unit():
        row = Invoice.objects.get(account__workspace=firm.door.workspace)
    lost, kept = back(row, 6_000, operation=f"f{row.pk}"), back(row, 1_000, operation=f"f2{row.pk}")
    firm.look()
    assert now(row).refunded_minor == 7_000
    firm.provider.fail_refund(lost.external_id)
    assert firm.provider.books.events[-1].kind == "refund.failed"
    for _time in range(2):  # told twice, followed once
        firm.look()
    assert now(row).refunded_minor == 1_000
    with sides.control_unit():
        assert {one.pk: (one.state, one.error) for one in Refund.objects.filter(invoice=row)} == {lost.pk: ("failed", "expired_or_canceled_card"), kept.pk: ("done", "")}
        assert MoneyEntry.objects.filter(account_id=row.account_id, name="refund.failed").count() == 1
    again = back(row, 8_500, operation=f"f3{row.pk}")
    firm.look()
    assert (again.state, now(row).refunded_minor) == ("done", 9_500)


def test_another_accounts_refund_is_not_followed(paid: Invoice) -> None:
    made = back(paid, 5_000, operation=f"o{paid.pk}")
    seen = AccountSeen("x", False, (), (), {}, 0, paid.created_at, refunds=(RefundSeen(made.external_id, "failed", 5_000),))
    with sides.control_unit():
        refunding.follow(BillingAccount.objects.exclude(pk=paid.account_id)[0], seen)
        assert Refund.objects.get(pk=made.pk).state == "done"
        refunding.follow(BillingAccount.objects.get(pk=paid.account_id), seen)
        assert Refund.objects.get(pk=made.pk).state == "failed"


def test_a_refusal_of_the_provider_frees_the_sum_and_a_lost_answer_holds_it(paid: Invoice, giver: Giver) -> None:
    giver.error = Declined(reason="no")
    with pytest.raises(Declined):
        back(paid, 5_000, operation=f"g{paid.pk}")
    assert now(paid).refunded_minor == 0
    giver.error = ProviderUnavailable()
    with pytest.raises(ProviderUnavailable):
        back(paid, 5_000, operation=f"h{paid.pk}")
    assert now(paid).refunded_minor == 5_000
    giver.error = None
    assert refunding.ask_again() >= 1
    with sides.control_unit():
        assert Refund.objects.get(operation=f"h{paid.pk}").state == "done"


def test_above_the_threshold_a_second_person_agrees(paid: Invoice, giver: Giver, settings: Any) -> None:
    settings.CRM_REFUND_APPROVAL = 10_000
    asked = back(paid, 10_000, operation=f"i{paid.pk}")
    assert (asked.state, giver.given, now(paid).refunded_minor) == ("waiting", {}, 10_000)
    with pytest.raises(refunding.SecondPerson):
        refunding.approve_refund(asked.public_id, agree=True, actor=OPERATOR)
    assert refunding.approve_refund(asked.public_id, agree=True, actor=SECOND).state == "done"
    with pytest.raises(refunding.Decided):
        refunding.approve_refund(asked.public_id, agree=True, actor=SECOND)
    assert sum(giver.given.values()) == 10_000


def test_small_parts_of_a_large_sum_need_the_second_person_too(paid: Invoice, giver: Giver, settings: Any) -> None:
    settings.CRM_REFUND_APPROVAL = 10_000
    states = [back(paid, 4_000, operation=f"{at}p{paid.pk}").state for at in range(3)]
    assert (states, sum(giver.given.values()), now(paid).refunded_minor) == (["done", "done", "waiting"], 8_000, 12_000)


@pytest.mark.parametrize(("held", "state"), [({"EUR": 10_001}, "done"), ({"EUR": 10_000}, "waiting"), ({"UZS": 1_000_000}, "waiting"), (10_001, "done")])
def test_the_threshold_is_of_a_currency_and_where_none_is_named_two_decide(paid: Invoice, giver: Giver, settings: Any, held: Any, state: str) -> None:
    settings.CRM_REFUND_APPROVAL = held
    assert back(paid, 10_000, operation=f"y{paid.pk}").state == state


@pytest.mark.parametrize(
    ("given", "found"), [("", {"EUR": 1}), ("700", 700), ("EUR: 50000; UZS: 600000000", {"EUR": 50_000, "UZS": 600_000_000}), ("EUR", None), ("EUR: a lot", None), ("0", None), ("eur: 5", None)]
)
def test_the_threshold_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch, given: str, found: Any) -> None:
    monkeypatch.setenv("CRM_REFUND_APPROVAL", given)
    if found is None:
        with pytest.raises(ImproperlyConfigured, match="CRM_REFUND_APPROVAL"):
            env.by_currency("CRM_REFUND_APPROVAL", {})
    else:
        assert env.by_currency("CRM_REFUND_APPROVAL", {"EUR": 1}) == found


def test_a_second_person_may_refuse(paid: Invoice, giver: Giver, settings: Any) -> None:
    settings.CRM_REFUND_APPROVAL = 10_000
    asked = back(paid, 12_584, operation=f"j{paid.pk}")
    assert refunding.approve_refund(asked.public_id, agree=False, actor=SECOND).state == "refused"
    assert (now(paid).refunded_minor, giver.given) == (0, {})


def test_case_72_nothing_is_given_back_while_the_bank_decides(paid: Invoice, giver: Giver) -> None:
    with sides.control_unit():
        Invoice.objects.filter(pk=paid.pk).update(disputed="open")
    with pytest.raises(refunding.Disputed):
        back(paid, 100, operation=f"k{paid.pk}")
    assert (now(paid).refunded_minor, giver.given) == (0, {})


def test_refusals_change_nothing(paid: Invoice, giver: Giver) -> None:
    for amount, reason, actor, error in (
        (0, "x", OPERATOR, refunding.TooMuch), (-5, "x", OPERATOR, refunding.TooMuch), (10**12, "x", OPERATOR, refunding.TooMuch), (100, " ", OPERATOR, Invalid),
        (100, "x", Actor(user_id=1, name="Olga", role="owner", everything=True), Forbidden),
    ):  # fmt: skip
        with pytest.raises(error):
            back(paid, amount, reason=reason, actor=actor, operation=f"l{paid.pk}")
    assert (now(paid).refunded_minor, giver.given) == (0, {})


def test_a_transfers_refund_is_stated_by_a_credit_note(books: Books) -> None:
    giver = Giver()
    giver.code = "manual_invoice"
    bill = books.issue()
    books.pay(bill, 12_584)
    with registry.stand_in(giver):  # type: ignore[arg-type]
        done = back(bill, 1_000, operation=f"m{bill.pk}")
        whole = back(bill, 11_584, operation=f"n{bill.pk}")
    with sides.control_unit():
        notes = [Refund.objects.select_related("credit_note__corrects").get(pk=one.pk).credit_note for one in (done, whole)]
    assert [(note.total_minor, note.corrects.bill_id, note.number[:3]) for note in notes if note and note.corrects] == [(-1_000, bill.pk, "KC-"), (-11_584, bill.pk, "KC-")]
    assert all(note and sum(line["amount"] - line["discount"] + line["tax"] for line in note.lines) == note.total_minor for note in notes)
