"""What a provider bills and corrects beside a subscription's periods: asked of all of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import stripe

from billing.pricing import Line
from billing.providers.protocol import ProviderUnavailable

from .conftest import target
from .rigs import Firm
from .test_contract import RIGS


@pytest.fixture(params=RIGS, ids=str)
def firm(request: pytest.FixtureRequest, house: None, django_db_blocker: Any) -> Iterator[Firm]:
    with django_db_blocker.unblock(), RIGS[request.param]() as rig:
        yield Firm(rig)


def test_a_bill_apart_is_charged_at_once_with_what_waited_for_a_next_one(firm: Firm) -> None:
    bought = firm.buy(target(5))
    kept, last = Line("days:team:1", 3, 190, 570), Line("days:team:1", 2, 190, 380)
    firm.rig.advance(timedelta(days=1))
    firm.provider.charge(firm.customer, bought.external_id, kept, name="Three days", key=firm.key())
    firm.provider.cancel(bought.external_id, at_end=False, key=firm.key())
    before, key = firm.rig.charged(firm.customer), firm.key()
    made = [firm.provider.bill_apart(firm.customer, bought.external_id, last, name="Two days", key=key) for _twice in range(2)]
    assert made[0] == made[1]
    assert firm.rig.charged(firm.customer) - before == 570 + 380
    bill = next(one for one in firm.invoices() if one.external_id == made[0])
    assert (bill.status, bill.quote.total, {line.ref for line in bill.quote.lines}) == ("paid", 950, {"days:team:1"})
    assert firm.provider.bill_apart(firm.customer, bought.external_id, None, name="", key=firm.key()) == ""
    assert len(firm.invoices()) == 2


def test_a_bill_apart_that_the_card_does_not_pay_stays_open(firm: Firm) -> None:
    bought = firm.buy(target(5))
    firm.provider.cancel(bought.external_id, at_end=False, key=firm.key())
    firm.rig.decline_next()
    made = firm.provider.bill_apart(firm.customer, bought.external_id, Line("days:team:1", 2, 190, 380), name="Two days", key=firm.key())
    assert [(one.status, one.due) for one in firm.invoices() if one.external_id == made] == [("open", 380)]
    assert firm.provider.pay(made, key=firm.key()).applied
    assert [(one.status, one.due) for one in firm.invoices() if one.external_id == made] == [("paid", 0)]


def test_tax_of_a_paid_invoice_comes_back_as_credit_by_a_credit_note(firm: Firm) -> None:
    bought = firm.buy(target(5))
    [invoice] = firm.invoices()
    key = firm.key()
    made = [firm.provider.untax(invoice.external_id, amount=1_649, reason="The number is right", key=key) for _twice in range(2)]
    assert made[0] == made[1]
    seen = firm.seen()
    [note] = seen.notes
    assert (note.external_id, note.invoice, note.status, note.quote.total, note.quote.tax, note.quote.currency, note.reason) == (made[0], invoice.external_id, "paid", -1_649, -1_649, "EUR", "The number is right")
    assert seen.balance == -1_649
    assert [(one.status, one.quote.total, one.paid, one.refunded) for one in seen.invoices] == [("paid", 9_500, 9_500, 0)]
    before = firm.rig.charged(firm.customer)
    firm.rig.advance(bought.period_end - bought.period_start + timedelta(hours=2))
    assert firm.rig.charged(firm.customer) - before == 9_500 - 1_649


def test_a_bill_apart_whose_call_was_lost_between_two_lines_is_made_once(house: None, django_db_blocker: Any, monkeypatch: Any) -> None:
    with django_db_blocker.unblock(), RIGS["stripe"]() as rig:
        firm = Firm(rig)
        bought = firm.buy(target(5))
        for count in (3, 2):
            firm.provider.charge(firm.customer, bought.external_id, Line("days:team:1", count, 190, count * 190), name="Days", key=firm.key())
        firm.provider.cancel(bought.external_id, at_end=False, key=firm.key())
        dropping, dropped = stripe.InvoiceItemService.delete, []

        def lost(*given: Any, **more: Any) -> Any:
            if dropped:
                raise stripe.APIConnectionError("no answer")
            dropped.append(given)
            return dropping(*given, **more)

        monkeypatch.setattr(stripe.InvoiceItemService, "delete", lost)
        key, last, before = firm.key(), Line("days:team:1", 1, 190, 190), rig.charged(firm.customer)
        with pytest.raises(ProviderUnavailable):
            firm.provider.bill_apart(firm.customer, bought.external_id, last, name="A day", key=key)
        monkeypatch.setattr(stripe.InvoiceItemService, "delete", dropping)
        made = firm.provider.bill_apart(firm.customer, bought.external_id, last, name="A day", key=key)
        assert rig.charged(firm.customer) - before == 6 * 190
        assert [one.quote.total for one in firm.invoices() if one.external_id == made] == [6 * 190]
        assert len(firm.invoices()) == 2
