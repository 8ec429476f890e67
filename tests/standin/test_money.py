"""Money: steps, currencies, discounts, tax, refunds, disputes, credit notes, the balance."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
import stripe

from billing.standin import Running, pricing

from .conftest import DAY, NEW_YEAR, Shop, item


def test_rounding_is_half_up_and_a_credit_mirrors_its_charge() -> None:
    assert [pricing.rounded(Fraction(value, 2)) for value in (1, 3, -1, -3, 0)] == [1, 2, -1, -2, 0]
    assert pricing.shared_out(100, [1, 1, 1]) == [34, 33, 33]
    assert sum(pricing.shared_out(-101, [5, 7, 11])) == -101
    assert pricing.shared_out(10, [0, 0]) == [0, 0]


@pytest.mark.parametrize(("mode", "quantity", "wanted"), [
    ("volume", 1, 1000), ("volume", 10, 10000), ("volume", 11, 8800), ("volume", 0, 0),
    ("graduated", 10, 10000), ("graduated", 11, 10800), ("graduated", 60, 10000 + 40 * 800 + 10 * 500 + 300),
])  # fmt: skip
def test_steps(shop: Shop, mode: str, quantity: int, wanted: int) -> None:
    product = shop.client.v1.products.create({"name": "Steps"})
    tiers: Any = [{"up_to": 10, "unit_amount": 1000}, {"up_to": 50, "unit_amount": 800}, {"up_to": "inf", "unit_amount": 500, "flat_amount": 300}]
    price = shop.client.v1.prices.create({"product": product.id, "currency": "eur", "billing_scheme": "tiered", "tiers_mode": mode, "tiers": tiers, "recurring": {"interval": "month"}, "expand": ["tiers"]})  # type: ignore[typeddict-item]
    assert price.tiers is not None
    assert price.tiers[1].unit_amount_decimal == Decimal(800)
    sub = shop.subscribed(price=price, quantity=quantity)
    assert shop.invoices(sub.id)[0].total == wanted


def test_steps_that_make_no_sense_are_refused(shop: Shop) -> None:
    product = shop.client.v1.products.create({"name": "Steps"})
    for tiers in ([{"up_to": 10, "unit_amount": 1}], [{"up_to": "inf", "unit_amount": 1}, {"up_to": 10, "unit_amount": 1}], [{"up_to": 10, "unit_amount": 1}, {"up_to": 5, "unit_amount": 1}, {"up_to": "inf", "unit_amount": 1}]):
        with pytest.raises(stripe.InvalidRequestError):
            shop.client.v1.prices.create({"product": product.id, "currency": "eur", "billing_scheme": "tiered", "tiers_mode": "volume", "tiers": tiers, "recurring": {"interval": "month"}})  # type: ignore[typeddict-item]


@pytest.mark.parametrize(("currency", "amount", "shown"), [("jpy", 999, "2,997 JPY"), ("kwd", 9990, "29.970 KWD"), ("uzs", 9900000, "297,000.00 UZS"), ("rub", 89000, "2,670.00 RUB")])
def test_currencies_keep_their_digits_and_totals_equal_lines(shop: Shop, currency: str, amount: int, shown: str) -> None:
    coupon = shop.client.v1.coupons.create({"percent_off": 17, "duration": "forever"})
    rate = shop.client.v1.tax_rates.create({"display_name": "VAT", "percentage": 20, "inclusive": False})
    sub = shop.subscribed(price=shop.price(amount, currency=currency), quantity=3, discounts=[{"coupon": coupon.id}], default_tax_rates=[rate.id])
    [invoice] = shop.invoices(sub.id)
    [line] = invoice.lines.data
    assert pricing.money(line.amount, currency) == shown
    assert line.discount_amounts is not None
    assert line.taxes is not None
    assert invoice.total == line.amount - line.discount_amounts[0].amount + line.taxes[0].amount
    assert line.discount_amounts[0].amount == pricing.rounded(Fraction(amount * 3 * 17, 100))


def test_another_currency_is_refused_while_one_lives(shop: Shop) -> None:
    sub = shop.subscribed()
    dollars = shop.price(2000, currency="usd")
    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.subscriptions.create({"customer": str(sub.customer), "items": [{"price": dollars.id}]})
    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.subscriptions.update(sub.id, {"items": [{"id": item(sub).id, "price": dollars.id}]})


def test_one_price_in_several_currencies(shop: Shop) -> None:
    product = shop.client.v1.products.create({"name": "Seat"})
    price = shop.client.v1.prices.create({"product": product.id, "currency": "eur", "unit_amount": 1900, "recurring": {"interval": "month"}, "currency_options": {"uzs": {"unit_amount": 20900000}}, "expand": ["currency_options"]})
    assert price.currency_options is not None
    assert price.currency_options["uzs"].unit_amount == 20900000
    customer = shop.customer()
    sub = shop.client.v1.subscriptions.create({"customer": customer.id, "currency": "uzs", "items": [{"price": price.id, "quantity": 2}]})
    assert (sub.currency, shop.invoices(sub.id)[0].total) == ("uzs", 41800000)


@pytest.mark.parametrize("wrong", [-1, 1_000_000])
def test_a_quantity_without_sense_is_refused(shop: Shop, wrong: int) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        shop.subscribed(quantity=wrong)


def test_an_archived_price_is_not_sold_but_kept_by_its_holders(shop: Shop) -> None:
    sub = shop.subscribed()
    shop.client.v1.prices.update(item(sub).price.id, {"active": False})
    with pytest.raises(stripe.InvalidRequestError):
        shop.subscribed(price=item(sub).price)
    changed = shop.client.v1.subscriptions.update(sub.id, {"items": [{"id": item(sub).id, "price": item(sub).price.id, "quantity": 6}]})
    assert item(changed).quantity == 6


def test_a_lookup_key_moves_to_the_next_price(shop: Shop) -> None:
    first = shop.price(lookup_key="team_month")
    with pytest.raises(stripe.InvalidRequestError):
        shop.price(2000, lookup_key="team_month")
    second = shop.price(2000, lookup_key="team_month", transfer_lookup_key=True)
    found = shop.client.v1.prices.list({"lookup_keys": ["team_month"]})
    assert [one.id for one in found.data] == [second.id]
    assert shop.client.v1.prices.retrieve(first.id).lookup_key is None


# Discounts.


def test_a_discount_lasts_as_long_as_it_says(shop: Shop, standin: Running) -> None:
    totals = {}
    for duration, more in (("once", {}), ("repeating", {"duration_in_months": 2}), ("forever", {})):
        coupon = shop.client.v1.coupons.create({"percent_off": 50, "duration": duration, **more})  # type: ignore[typeddict-item]
        totals[duration] = shop.subscribed(discounts=[{"coupon": coupon.id}])
    standin.advance(100 * DAY)
    found = {name: [invoice.total for invoice in shop.invoices(sub.id)][::-1] for name, sub in totals.items()}
    assert found == {"once": [4750, 9500, 9500, 9500], "repeating": [4750, 4750, 9500, 9500], "forever": [4750] * 4}
    assert len(shop.events("customer.discount.deleted")) == 2


def test_a_coupon_is_used_up_expires_and_knows_its_currency(shop: Shop, standin: Running) -> None:
    last = shop.client.v1.coupons.create({"percent_off": 10, "max_redemptions": 1})
    shop.subscribed(discounts=[{"coupon": last.id}])
    assert not shop.client.v1.coupons.retrieve(last.id).valid
    late = shop.client.v1.coupons.create({"percent_off": 10, "redeem_by": NEW_YEAR + DAY})
    dollars = shop.client.v1.coupons.create({"amount_off": 100, "currency": "usd"})
    standin.advance(2 * DAY)
    for coupon in (last, late, dollars):
        with pytest.raises(stripe.InvalidRequestError):
            shop.subscribed(discounts=[{"coupon": coupon.id}])
    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.coupons.create({"percent_off": 10, "amount_off": 100, "currency": "eur"})


def test_a_code_for_the_first_purchase(shop: Shop) -> None:
    coupon = shop.client.v1.coupons.create({"percent_off": 100, "duration": "once"})
    code = shop.client.v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "SPRING", "restrictions": {"first_time_transaction": True}})
    assert [one.id for one in shop.client.v1.promotion_codes.list({"code": "spring"}).data] == [code.id]
    price = shop.price()
    free = shop.subscribed(price=price, discounts=[{"promotion_code": code.id}])
    assert (free.status, shop.invoices(free.id)[0].total) == ("active", 0)
    paid = shop.subscribed(price=price)
    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.subscriptions.create({"customer": str(paid.customer), "items": [{"price": price.id}], "discounts": [{"promotion_code": code.id}]})


# Tax.


def test_tax_on_top_within_and_reversed(shop: Shop) -> None:
    on_top = shop.client.v1.tax_rates.create({"display_name": "VAT", "percentage": 21, "inclusive": False})
    within = shop.client.v1.tax_rates.create({"display_name": "VAT", "percentage": 21, "inclusive": True})
    price = shop.price(12100)
    one = shop.invoices(shop.subscribed(price=price, quantity=1, default_tax_rates=[on_top.id]).id)[0]
    two = shop.invoices(shop.subscribed(price=price, quantity=1, default_tax_rates=[within.id]).id)[0]
    assert (one.total, one.total_excluding_tax) == (14641, 12100)
    assert (two.total, two.total_excluding_tax) == (12100, 10000)
    abroad = shop.customer(tax_exempt="reverse")
    sub = shop.client.v1.subscriptions.create({"customer": abroad.id, "items": [{"price": price.id}], "default_tax_rates": [on_top.id]})
    assert shop.invoices(sub.id)[0].total == 12100


def test_a_tax_number_is_judged(shop: Shop) -> None:
    customer = shop.customer()
    good = shop.client.v1.customers.tax_ids.create(customer.id, {"type": "eu_vat", "value": "NL123456789B01"})
    assert good.verification is not None
    assert good.verification.status == "verified"
    shop.fault("tax_ids", value="NL999999999B01", status="pending")
    late = shop.client.v1.customers.tax_ids.create(customer.id, {"type": "eu_vat", "value": "NL999999999B01"})
    shop.fault("tax_id", id=late.id, status="unverified")
    assert {row["data"]["object"]["verification"]["status"] for row in shop.events("customer.tax_id.updated")} == {"verified", "unverified"}
    shop.client.v1.customers.tax_ids.delete(customer.id, late.id)
    assert [one.id for one in shop.client.v1.customers.tax_ids.list(customer.id).data] == [good.id]


# Giving back.


def intent_of(shop: Shop, subscription: str) -> str:
    [payment] = shop.client.v1.invoice_payments.list({"invoice": shop.invoices(subscription)[0].id}).data
    return str(payment.payment.payment_intent)


def test_refunds_never_pass_what_was_paid(shop: Shop) -> None:
    intent = intent_of(shop, shop.subscribed().id)
    shop.client.v1.refunds.create({"payment_intent": intent, "amount": 9000})
    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.refunds.create({"payment_intent": intent, "amount": 501})
    rest = shop.client.v1.refunds.create({"payment_intent": intent})
    assert (rest.amount, rest.status) == (500, "succeeded")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.client.v1.refunds.create({"payment_intent": intent})
    assert refused.value.code == "charge_already_refunded"


def test_a_refund_may_wait_and_fail(shop: Shop) -> None:
    intent = intent_of(shop, shop.subscribed().id)
    shop.fault("refunds", status="pending")
    made = shop.client.v1.refunds.create({"payment_intent": intent})
    assert made.status == "pending"
    shop.fault("refund", id=made.id, status="failed")
    charge = shop.client.v1.charges.retrieve(str(made.charge))
    assert (shop.client.v1.refunds.retrieve(made.id).status, charge.amount_refunded, charge.refunded) == ("failed", 0, False)
    assert len(shop.events("refund.failed")) == 1


def test_a_dispute_is_opened_and_lost_or_won(shop: Shop) -> None:
    intent = intent_of(shop, shop.subscribed().id)
    made = shop.fault("dispute", payment_intent=intent)
    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.refunds.create({"payment_intent": intent})
    shop.fault("dispute", id=made["id"], status="won")
    assert shop.client.v1.refunds.create({"payment_intent": intent}).status == "succeeded"
    assert [row["type"] for row in shop.events() if "dispute" in row["type"]] == ["charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.updated", "charge.dispute.closed", "charge.dispute.funds_reinstated"]
    shop.subscribed(card="pm_card_createDispute")
    assert len(shop.events("charge.dispute.created")) == 2


def test_credit_notes_refund_credit_and_reduce(shop: Shop) -> None:
    rate = shop.client.v1.tax_rates.create({"display_name": "VAT", "percentage": 20, "inclusive": False})
    paid = shop.invoices(shop.subscribed(default_tax_rates=[rate.id]).id)[0]
    assert paid.total == 11400
    preview = shop.client.v1.credit_notes.preview({"invoice": paid.id, "lines": [{"type": "invoice_line_item", "invoice_line_item": paid.lines.data[0].id, "quantity": 2}], "refund_amount": 4560})
    assert preview.total == 4560
    note = shop.client.v1.credit_notes.create({"invoice": paid.id, "lines": [{"type": "invoice_line_item", "invoice_line_item": paid.lines.data[0].id, "quantity": 2}], "refund_amount": 4000, "credit_amount": 560})
    assert (note.total, note.subtotal, note.number, len(note.refunds)) == (4560, 3800, f"{paid.number}-CN-01", 1)
    assert shop.client.v1.customers.retrieve(str(paid.customer)).balance == -560
    assert shop.client.v1.invoices.retrieve(paid.id).post_payment_credit_notes_amount == 4560
    for wrong in ({"amount": 6841, "credit_amount": 6841}, {"amount": 100, "credit_amount": 99}):
        with pytest.raises(stripe.InvalidRequestError):
            shop.client.v1.credit_notes.create({"invoice": paid.id, **wrong})  # type: ignore[typeddict-item]
    unpaid = shop.invoices(shop.subscribed(payment_behavior="default_incomplete").id)[0]
    less = shop.client.v1.credit_notes.create({"invoice": unpaid.id, "amount": 9000})
    assert shop.client.v1.invoices.retrieve(unpaid.id).amount_remaining == 500
    shop.client.v1.credit_notes.void_credit_note(less.id)
    assert shop.client.v1.invoices.retrieve(unpaid.id).amount_remaining == 9500


def test_a_balance_is_used_by_the_next_invoice(shop: Shop) -> None:
    customer = shop.customer()
    shop.client.v1.customers.balance_transactions.create(customer.id, {"amount": -3000, "currency": "eur"})
    sub = shop.client.v1.subscriptions.create({"customer": customer.id, "items": [{"price": shop.price().id, "quantity": 2}]})
    [invoice] = shop.invoices(sub.id)
    assert (invoice.total, invoice.amount_due, invoice.starting_balance, invoice.ending_balance) == (3800, 800, -3000, 0)
    assert [one.amount for one in shop.client.v1.customers.balance_transactions.list(customer.id).data] == [3000, -3000]


def test_an_invoice_by_hand(shop: Shop) -> None:
    customer = shop.customer()
    shop.client.v1.invoice_items.create({"customer": customer.id, "amount": 5000, "currency": "eur", "description": "Setting up"})
    draft = shop.client.v1.invoices.create({"customer": customer.id, "pending_invoice_items_behavior": "include", "collection_method": "send_invoice", "days_until_due": 7})
    assert (draft.status, draft.total) == ("draft", 5000)
    shop.client.v1.invoice_items.create({"customer": customer.id, "invoice": draft.id, "amount": 250, "currency": "eur"})
    final = shop.client.v1.invoices.finalize_invoice(draft.id)
    assert (final.status, final.total, final.due_date) == ("open", 5250, NEW_YEAR + 7 * DAY)
    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.invoices.finalize_invoice(draft.id)
    assert shop.client.v1.invoices.void_invoice(draft.id).status == "void"
    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.invoices.pay(draft.id)


def test_cards_are_kept_replaced_and_let_go(shop: Shop) -> None:
    customer = shop.customer()
    with pytest.raises(stripe.CardError):
        shop.client.v1.payment_methods.attach("pm_card_chargeDeclined", {"customer": customer.id})
    setup = shop.client.v1.setup_intents.create({"customer": customer.id, "payment_method": "pm_card_mastercard", "confirm": True})
    assert setup.status == "succeeded"
    asked = shop.client.v1.setup_intents.create({"customer": customer.id, "payment_method": "pm_card_threeDSecure2Required", "confirm": True})
    assert asked.status == "requires_action"
    kept = shop.client.v1.customers.payment_methods.list(customer.id).data
    assert [one.card.brand for one in kept if one.card] == ["mastercard", "visa"]
    shop.client.v1.payment_methods.detach(kept[1].id)
    found = shop.client.v1.customers.retrieve(customer.id)
    assert found.invoice_settings is not None
    assert found.invoice_settings.default_payment_method is None
