"""Buying by transfer: five days of work before the money, once; what was never paid is owed by nobody, earns nothing, and bars nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from billing.documents import services as documents
from billing.documents.models import Invoice, Kind, Status
from billing.providers import registry, syncing
from billing.providers.manual_invoice import renewing
from billing.providers.manual_invoice.adapter import TransferProvider
from billing.providers.protocol import Started
from billing.reports import mrr
from billing.subscribing import checkout, life
from crm_platform.db import sides
from crm_platform.kernel import clock, ids
from crm_platform.kernel.permissions import robot
from tests.billing.buying import URLS, Firm, later, operation
from tests.billing.providers.conftest import work

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def transfers(settings: Any) -> Iterator[None]:
    settings.CRM_SELLER_NAME, settings.CRM_SELLER_BANK = "Kartoteka B.V.", "EUR: IBAN NL02 ABNA 0123 4567 89"
    with registry.stand_in(TransferProvider()):
        yield


def buy(firm: Firm, **values: str) -> Started:
    return checkout.begin_checkout(firm.place, firm.target(**values), provider="manual_invoice", actor=firm.owner, **URLS)


def bills(firm: Firm) -> list[Invoice]:
    with sides.control_unit():
        return list(Invoice.objects.filter(account__workspace=firm.door.workspace, kind=Kind.PROFORMA).order_by("pk"))


def pay(firm: Firm, bill: Invoice, amount: int | None = None) -> None:
    with sides.control_unit():
        documents.record_payment(documents.locked(bill.account_id), bill, bill.total_minor if amount is None else amount, actor=robot("operator"), operation=ids.random_id())
    renewing.bring_to(clock.now(), customer=firm.account().external_id)
    syncing.sync_account(bill.account_id)


def look(firm: Firm) -> None:
    syncing.sync_account(firm.account().pk)


def had(firm: Firm) -> tuple[str, int, str]:
    row = firm.row()
    return (row.plan.code, row.seats, row.status)


def monthly(firm: Firm) -> int:
    row = firm.row()
    with sides.control_unit():
        return mrr.monthly(row, mrr.prices(), now=clock.now())


def lapsed(firm: Firm, **values: str) -> datetime:
    """A plan by transfer, begun at once and never paid: the moment after."""
    buy(firm, **values)
    moment = clock.now() + 5 * DAY + timedelta(minutes=5)
    with later(moment):
        look(firm)
    return moment


def test_the_page_of_the_plan_says_what_is_to_be_transferred(firm: Firm) -> None:
    """All works before the money is there; the page does not call it paid, and says what, until when and with which words."""
    buy(firm)
    [bill] = bills(firm)
    page = firm.door.client().get("/settings/plan").content.decode()
    assert f"Write {bill.reference} on it." in page
    assert "Everything works while your transfer is on its way." in page
    assert ("To be paid" in page, ">Paid<" in page) == (True, False)
    pay(firm, bill)
    page = firm.door.client().get("/settings/plan").content.decode()
    assert bill.reference not in page
    assert "Everything works. The next bill comes on" in page


def test_the_first_bill_lets_work_for_five_days_and_earns_once_it_is_paid(firm: Firm) -> None:
    buy(firm)
    assert (had(firm), monthly(firm), checkout.pays_first(firm.place)) == (("team", 5, "active"), 0, True)
    pay(firm, *bills(firm))
    assert (monthly(firm), checkout.pays_first(firm.place)) == (9_500, False)


def test_what_is_left_of_a_trial_outlives_a_bill_that_nobody_paid(firm: Firm) -> None:
    ends = firm.row().trial_ends_at
    after = lapsed(firm)
    row = firm.row()
    assert (had(firm), row.trial_ends_at, row.ended_at) == (("business", 0, "none"), ends, None)
    assert "trial.goes_on" in firm.journal()
    with later(after):
        look(firm)
        assert firm.door.client().get("/api/billing/state").status_code in (200, 401)
    assert firm.row().trial_ends_at == ends


def test_a_trial_that_was_bought_up_and_paid_is_over(firm: Firm) -> None:
    buy(firm)
    pay(firm, *bills(firm))
    with later(clock.now() + 60 * DAY):
        look(firm)
    assert firm.row().trial_ends_at is None


def test_after_a_bill_that_nobody_paid_the_next_begins_with_its_money(firm: Firm) -> None:
    after = lapsed(firm, plan="business", seats="100")
    for later_by in range(3):
        with later(after + later_by * 6 * DAY):
            buy(firm, plan="business", seats="100")
            assert (had(firm), monthly(firm)) == (("business", 0, "incomplete"), 0)
    first, second = bills(firm)  # pressed again, the same bill: its number may be on its way
    assert (first.status, second.status) == (Status.VOID, Status.OPEN)
    with later(after + 20 * DAY):
        pay(firm, second)
        row = firm.row()
        assert (had(firm), monthly(firm), row.period_start) == (("business", 100, "active"), 288_000, clock.now())


def test_a_purchase_that_is_paid_clears_what_lapsed_before_it(firm: Firm) -> None:
    after = lapsed(firm)
    with later(after):
        buy(firm)
        assert checkout.pays_first(firm.place)
        pay(firm, bills(firm)[-1])
        assert not checkout.pays_first(firm.place)
    with later(after + DAY):
        life.cancel(firm.place, actor=firm.owner, operation=operation(), at_end=False)
        buy(firm, seats="7")
        assert had(firm) == ("team", 7, "active")  # once more, and only once
    with later(after + 7 * DAY):
        look(firm)
        buy(firm, seats="8")
        assert had(firm)[2] == "incomplete"


def test_what_waits_for_its_money_gives_way_to_another_choice_and_is_forgotten_after_a_month(firm: Firm) -> None:
    after = lapsed(firm)
    with later(after):
        buy(firm)
        buy(firm, seats="7")
        assert [one.status for one in bills(firm)] == [Status.VOID, Status.VOID, Status.OPEN]
        pay(firm, bills(firm)[-1], 100)
        assert had(firm) == ("business", 0, "incomplete")
    with later(after + 36 * DAY):
        renewing.bring_to(clock.now(), customer=firm.account().external_id)
        look(firm)
        assert ([one.status for one in bills(firm)], firm.row().status, firm.account().balance_minor) == ([Status.VOID] * 3, "none", -100)
        assert "checkout.failed" in firm.journal()


def test_credit_that_pays_the_bill_at_once_begins_at_once(firm: Firm) -> None:
    after = lapsed(firm)
    with later(after):
        pay(firm, bills(firm)[0])  # late, before another choice: it begins on this day
        assert had(firm) == ("team", 5, "active")


def test_the_page_says_when_the_plan_begins(firm: Firm) -> None:
    browser, says = firm.door.client(), "begins on the day on which the money comes"
    assert says not in browser.get("/settings/plan/choose?plan=team&seats=5").content.decode()
    after = lapsed(firm)
    with later(after):
        assert says in browser.get("/settings/plan/choose?plan=team&seats=5").content.decode()
        form = {"plan": "team", "seats": "5", "begin": "now", "provider": "manual_invoice"}
        assert browser.post("/settings/plan/checkout", form).status_code == 303
        assert had(firm) == ("business", 0, "incomplete")
        assert "A bill waits for your transfer" in browser.get("/settings/plan").content.decode()


def test_a_transfer_that_lands_after_the_card_is_credit_at_the_card(firm: Firm) -> None:
    after = lapsed(firm)
    with later(after):
        firm.buy()
        [bill] = bills(firm)
        assert (bill.status, had(firm)) == (Status.VOID, ("team", 5, "active"))
        pay(firm, bill)
        work()
        work()
    assert (firm.account().provider, firm.account().balance_minor) == ("stripe", -bill.total_minor)
    assert [name for name in firm.journal() if name in ("payment.late", "credit.carried")] == ["payment.late", "credit.carried"]
    charged = firm.charged()
    with later(firm.row().period_end + timedelta(hours=1)):
        firm.look()
        work()
    assert firm.charged() == charged


def test_a_transfer_that_lands_before_the_card_is_paid_goes_along_with_the_purchase(firm: Firm) -> None:
    after = lapsed(firm)
    with later(after):
        started = checkout.begin_checkout(firm.place, firm.target(), provider="stripe", actor=firm.owner, **URLS)
        [bill] = bills(firm)
        pay(firm, bill)
        work()
        assert "credit.carried" not in firm.journal()
        assert firm.provider.pay_checkout(started.reference) is not None
        assert checkout.finish_checkout(firm.place, started.reference)
        work()
    assert (firm.account().balance_minor, firm.journal().count("credit.carried")) == (-bill.total_minor, 1)


def test_a_late_payment_that_nobody_has_looked_at_is_no_reason_to_pay_twice(firm: Firm) -> None:
    after = lapsed(firm)
    with later(after):
        [bill] = bills(firm)
        with sides.control_unit():
            documents.record_payment(documents.locked(bill.account_id), bill, bill.total_minor, actor=robot("operator"), operation=ids.random_id())
        with pytest.raises(checkout.AlreadyBought):
            checkout.begin_checkout(firm.place, firm.target(), provider="stripe", actor=firm.owner, **URLS)
    assert (firm.charged(), firm.account().provider) == (0, "manual_invoice")


@pytest.mark.parametrize("provider", ["stripe", "manual_invoice"])
def test_while_a_first_payment_is_under_way_nothing_else_begins(firm: Firm, provider: str) -> None:
    started = checkout.begin_checkout(firm.place, firm.target(), provider="stripe", actor=firm.owner, **URLS)
    paid = firm.provider.pay_checkout(started.reference)
    assert paid is not None
    paid.status = "incomplete"
    firm.look()
    before = firm.state()
    with pytest.raises(checkout.PaymentUnderWay):
        checkout.begin_checkout(firm.place, firm.target(seats="6"), provider=provider, actor=firm.owner, **URLS)
    assert (firm.state(), bills(firm), firm.row().status) == (before, [], "incomplete")
    paid.status = "active"
    firm.look()
    assert had(firm) == ("team", 5, "active")
