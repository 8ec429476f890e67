"""The bill to come with its days: what the page shows is what is charged, to the cent."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.documents import services as documents
from billing.documents.models import Invoice, Kind
from billing.models import BillingAccount
from billing.providers import registry, syncing
from billing.providers.manual_invoice import renewing
from billing.providers.manual_invoice.adapter import TransferProvider
from billing.seats import buying, days
from billing.subscribing import checkout, overview, pausing
from crm_platform.db import sides
from crm_platform.kernel.permissions import robot
from tests.billing.buying import URLS, Firm, firm_at, later, operation
from tests.billing.seats.test_days import BEGIN, END, by_the_day, rounds, sold, worked  # noqa: F401  (the fixture)
from tests.conftest import Door


def told(firm: Firm) -> list[int]:
    return [amount for _at, amount in overview.forecast(firm.place)]


def shown(firm: Firm) -> dict[str, str]:
    page = firm.door.client().get("/settings/plan").content.decode()
    return dict(re.findall(r'data-total="(\w+)"><data value="(-?[\d.]+)"', page))


def test_what_is_shown_is_charged_before_and_after_the_month_is_over(sold: Firm) -> None:  # noqa: F811
    worked(sold, (3, 11), (3, 12), (3, 31))
    for at in (datetime(2027, 3, 31, 12, tzinfo=UTC), datetime(2027, 4, 1, 0, 1, tzinfo=UTC)):
        with later(at):
            assert told(sold)[:3] == [9_500 + 3 * 190, 9_500, 9_500]
    rounds(sold, datetime(2027, 4, 1, 12, tzinfo=UTC))
    worked(sold, (4, 2), (4, 3))
    with later(END - timedelta(hours=1)):
        seen = overview.overview(sold.place).next_bill
        assert told(sold)[:3] == [9_500 + 3 * 190, 9_500 + 2 * 190, 9_500]  # April's are charged on 1 May
        assert seen is not None
        assert shown(sold)["next"] == "100.70"
    before = sold.charged()
    rounds(sold, END + timedelta(minutes=1))
    assert sold.charged() - before == seen.amount
    with later(END + timedelta(minutes=2)):
        assert told(sold)[:2] == [9_500 + 2 * 190, 9_500]
    rounds(sold, datetime(2027, 5, 1, 12, tzinfo=UTC))
    before = sold.charged()
    rounds(sold, datetime(2027, 5, 10, 9, 1, tzinfo=UTC))
    assert sold.charged() - before == 9_500 + 2 * 190


def test_the_tax_and_the_credit_are_reckoned(doors: Door) -> None:
    with firm_at(doors, tax_bp=2_100) as firm:
        by_the_day(firm)
        with sides.control_unit():
            BillingAccount.objects.filter(workspace=doors.workspace).update(tax_bp=2_100)
        worked(firm, (3, 11), (3, 12))
        rounds(firm, datetime(2027, 4, 1, 12, tzinfo=UTC))
        firm.provider.credit(firm.account().external_id, amount=100, currency="EUR", reason="sorry", key="credit")
        firm.look()
        with later(END - timedelta(hours=1)):
            due = told(firm)[0]
        before = firm.charged()
        rounds(firm, END + timedelta(minutes=1))
        assert (firm.charged() - before, due) == (due, 9_500 * 121 // 100 + round(380 * 1.21) - 100)


def test_days_that_went_on_a_bill_of_their_own_are_not_told_again(sold: Firm) -> None:  # noqa: F811
    worked(sold, (3, 11), (4, 2))
    rounds(sold, datetime(2027, 4, 1, 12, tzinfo=UTC))
    with later(datetime(2027, 4, 3, 12, tzinfo=UTC)):
        assert told(sold)[0] == 9_500 + 190
        pausing.pause(sold.place, 1, actor=sold.owner, operation=operation())
    rounds(sold, datetime(2027, 4, 3, 12, 10, tzinfo=UTC))
    assert sold.charged() == 9_500 + 2 * 190
    with later(datetime(2027, 4, 4, 12, tzinfo=UTC)):
        assert told(sold)[0] == 9_500
        pausing.unpause(sold.place, actor=sold.owner, operation=operation())  # nobody else's round finds it
        assert told(sold)[0] == 9_500


def test_by_transfer_what_comes_after_the_bill_was_written_is_on_the_one_after(firm: Firm, settings: Any) -> None:
    settings.CRM_SELLER_NAME, settings.CRM_SELLER_BANK = "Kartoteka B.V.", "EUR: IBAN NL02"
    with registry.stand_in(TransferProvider()):
        with later(BEGIN):
            checkout.begin_checkout(firm.place, firm.target(), provider="manual_invoice", actor=firm.owner, **URLS)
            buying.set_occasional_ceiling(firm.place, 20, actor=firm.owner)
            account = firm.account().pk
            with sides.control_unit():
                [bill] = Invoice.objects.filter(account_id=account, kind=Kind.PROFORMA)
                documents.record_payment(documents.locked(account), bill, bill.due_minor, actor=robot("test"), operation=operation())
        worked(firm, (3, 11))
        with later(datetime(2027, 3, 31, 12, tzinfo=UTC)):  # the bill of 10 April is written on this day
            renewing.bring_to(datetime(2027, 3, 31, 12, tzinfo=UTC), customer=firm.account().external_id)
            assert told(firm)[:3] == [9_500, 9_500 + 190, 9_500]
        with later(datetime(2027, 4, 1, 12, tzinfo=UTC)):
            assert days.charge_last_month() >= 1
            syncing.sync_account(firm.account().pk)
            assert told(firm)[:3] == [9_500, 9_500 + 190, 9_500]


@pytest.mark.parametrize("bought", [False, True])
def test_without_a_ceiling_there_are_none(firm: Firm, bought: bool) -> None:
    with later(BEGIN):
        if bought:
            firm.buy()
        worked(firm, (3, 11))
        assert told(firm)[:2] == ([9_500] * 2 if bought else [])
