"""What is paid by transfer reaches the subscription as a card's payment does: bought, overdue, paid by the statement."""

from __future__ import annotations

from datetime import timedelta

from billing.documents.models import Invoice
from billing.models import BillingAccount, Subscription
from billing.providers.manual_invoice import renewing
from billing.providers.manual_invoice.adapter import TransferProvider
from billing.providers.manual_invoice.statements import matching
from billing.providers.protocol import Payer
from billing.providers.syncing import sync_account
from billing.subscribing import checkout, targets
from crm_platform.accounts.actors import actor_of
from crm_platform.accounts.models import User
from crm_platform.db import sides
from crm_platform.jobs.models import Job
from crm_platform.kernel import clock
from tests.billing.providers.conftest import target

from .conftest import NOW, OPERATOR, Books
from .test_statements import csv_of


def row(books: Books) -> Subscription:
    with sides.control_unit():
        return Subscription.objects.select_related("plan").get(workspace=books.door.workspace)


def bills(books: Books) -> list[Invoice]:
    return [one for one in books.of_kind("proforma") if one.status == "open"]  # type: ignore[arg-type]


def from_bank(bill: Invoice) -> None:
    paid = matching.load(csv_of((f"{bill.due_minor / 100:.2f}", "", bill.reference, bill.public_id)), name="x", actor=OPERATOR)
    assert paid.states == {"paid": 1}


def test_bought_overdue_and_paid_by_the_statement(books: Books) -> None:
    with clock.frozen(NOW):
        provider = TransferProvider()
        account = books.account
        customer = provider.ensure_customer(Payer(account.public_id, "Atelier Veldhuis", "olga@veldhuis.example", language="nl"), external_id=None, key=account.public_id)
        with sides.control_unit():
            BillingAccount.objects.filter(pk=account.pk).update(external_id=customer)
        started = provider.start_checkout(customer, target(5), success_url="", cancel_url="", key=f"s{account.public_id}")
        sync_account(account.pk)
        bought = row(books)
        assert (bought.plan.code, bought.seats, bought.status, bought.external_id, bought.past_due_since) == ("team", 5, "active", started.reference, None)
        [bill] = bills(books)
        assert (bill.public_id, bill.language) == (started.document, "nl")
        from_bank(bill)
    renewal = row(books).period_end
    assert renewal is not None
    with clock.frozen(renewal + timedelta(days=6)):
        renewing.bring_to(clock.now(), customer=customer)
        sync_account(account.pk)
        assert (row(books).status, row(books).past_due_since) == ("past_due", renewal + timedelta(days=5))
        from_bank(bills(books)[0])
        assert (row(books).status, row(books).past_due_since, row(books).period_start) == ("active", None, renewal)


def test_bought_at_the_page_it_works_at_once_and_a_late_round_still_sees_what_fell_due(books: Books) -> None:
    """The verb itself looks, since nobody calls from outside; and a round that comes two days late finds the overdue bill."""
    with sides.unit(books.door.place):
        owner = actor_of(User.objects.select_related("role", "group").get(role__code="owner"))
    with clock.frozen(NOW):
        wanted = targets.target_from(books.door.place, {"plan": "team", "seats": "2", "currency": "EUR", "begin": "now"})
        started = checkout.begin_checkout(books.door.place, wanted, provider="manual_invoice", actor=owner, success_url="", cancel_url="")
        assert (row(books).status, row(books).seats, row(books).external_id) == ("active", 2, started.reference)
        from_bank(bills(books)[0])
    renewal = row(books).period_end
    assert renewal is not None
    for days in (-1, 7):
        with clock.frozen(renewal + timedelta(days=days)):
            renewing.bring_to(clock.now(), customer=books.account.external_id)
            with sides.control_unit():
                asked = Job.objects.filter(name="billing.look", target=books.pk).exists()
            sync_account(books.pk)
    assert asked
    assert row(books).past_due_since == renewal + timedelta(days=5)
