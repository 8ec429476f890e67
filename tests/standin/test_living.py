"""Subscriptions from their first payment to their end, with their invoices to the cent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import stripe

from billing.standin import Running, periods

from .conftest import DAY, NEW_YEAR, Shop, item


def moment(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def dated(value: int) -> str:
    return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d}"


def test_it_begins_paid_and_renews(shop: Shop, standin: Running) -> None:
    sub = shop.subscribed()
    assert (sub.status, item(sub).current_period_end) == ("active", moment("2027-02-01T12:00"))
    [first] = shop.invoices(sub.id)
    assert (first.status, first.total, first.billing_reason) == ("paid", 9500, "subscription_create")
    standin.advance_to(item(sub).current_period_end + 60)
    assert shop.invoices(sub.id)[0].status == "draft"
    standin.advance(3600)
    second = shop.invoices(sub.id)[0]
    assert (second.status, second.billing_reason, second.number) == ("paid", "subscription_cycle", f"{str(first.number)[:-4]}0002")
    assert item(shop.sub(sub.id)).current_period_end == moment("2027-03-01T12:00")
    told = [row["type"] for row in shop.events()]
    assert "invoice.upcoming" in told
    assert told.index("invoice.upcoming") < len(told) - told[::-1].index("invoice.paid") - 1


@pytest.mark.parametrize(
    ("start", "interval", "wanted"),
    [
        ("2027-01-31T10:00", "month", ["2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31"]),
        ("2028-02-29T10:00", "year", ["2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]),
        ("2027-03-14T01:30", "week", ["2027-03-21", "2027-03-28", "2027-04-04", "2027-04-11"]),
    ],
)  # fmt: skip
def test_anchors_keep_their_day(shop: Shop, standin: Running, start: str, interval: str, wanted: list[str]) -> None:
    standin.advance_to(moment(start))
    sub = shop.subscribed(price=shop.price(interval=interval))
    ends = [item(sub).current_period_end]
    for _ in wanted[1:]:
        standin.advance_to(ends[-1] + 7200)
        ends.append(item(shop.sub(sub.id)).current_period_end)
    assert [dated(end) for end in ends] == wanted


def test_boundaries_are_found_from_anywhere() -> None:
    anchor = moment("2027-01-31T10:00")
    assert periods.boundary(anchor, anchor, interval="month", count=1) == moment("2027-02-28T10:00")
    assert periods.boundary(anchor, anchor - 1, interval="month", count=1) == anchor
    assert periods.boundary(anchor, moment("2027-02-28T10:00"), interval="month", count=1) == moment("2027-03-31T10:00")
    assert periods.before(anchor, moment("2027-03-01T00:00"), interval="month", count=1) == moment("2027-02-28T10:00")
    assert periods.before(anchor, anchor + 15 * DAY, interval="week", count=2) == anchor + 14 * DAY


@pytest.mark.parametrize("behaviour", ["always_invoice", "create_prorations", "none"])
@pytest.mark.parametrize(("quantity", "extra"), [(9, {}), (2, {}), (5, {"discounts": True}), (7, {"tax": True})])
def test_a_preview_is_the_charge(shop: Shop, standin: Running, behaviour: str, quantity: int, extra: dict[str, bool]) -> None:
    more: dict[str, Any] = {}
    if extra.get("discounts"):
        more["discounts"] = [{"coupon": shop.client.v1.coupons.create({"percent_off": 17, "duration": "forever"}).id}]
        quantity = 8
    if extra.get("tax"):
        more["default_tax_rates"] = [shop.client.v1.tax_rates.create({"display_name": "VAT", "percentage": 21, "inclusive": False}).id]
    sub = shop.subscribed(price=shop.price(999), **more)
    standin.advance(11 * DAY + 12345)
    at = standin.world.today()
    change = {"items": [{"id": item(sub).id, "quantity": quantity}], "proration_behavior": behaviour} | ({"proration_date": at} if behaviour != "none" else {})
    preview = shop.client.v1.invoices.create_preview({"subscription": sub.id, "subscription_details": change})  # type: ignore[typeddict-item]
    assert len(shop.invoices(sub.id)) == 1
    standin.advance(90)
    shop.client.v1.subscriptions.update(sub.id, change)  # type: ignore[arg-type]
    if behaviour != "always_invoice":
        standin.advance_to(item(sub).current_period_end + 7200)
    charged = shop.invoices(sub.id)[0]
    assert [line.amount for line in preview.lines.data] == [line.amount for line in charged.lines.data]
    assert (preview.total, preview.amount_due) == (charged.total, charged.amount_due)
    assert charged.status == "paid"
    if behaviour == "always_invoice":
        credit, charge = (line.amount for line in charged.lines.data)
        assert credit < 0 < charge


@pytest.mark.parametrize("coupon", [{}, {"percent_off": 10, "duration": "forever"}, {"amount_off": 500, "currency": "eur", "duration": "forever"}])
def test_from_month_to_year_begins_anew(shop: Shop, standin: Running, coupon: dict[str, Any]) -> None:
    more = {"discounts": [{"coupon": shop.client.v1.coupons.create(coupon).id}]} if coupon else {}  # type: ignore[arg-type]
    sub = shop.subscribed(**more)
    year = shop.price(18000, interval="year")
    standin.advance(10 * DAY)
    at = standin.world.today()
    details: Any = {"items": [{"id": item(sub).id, "price": year.id, "quantity": 5}], "proration_date": at, "proration_behavior": "always_invoice"}
    preview = shop.client.v1.invoices.create_preview({"subscription": sub.id, "subscription_details": details})
    changed = shop.client.v1.subscriptions.update(sub.id, details)
    charged = shop.invoices(sub.id)[0]
    assert preview.total == charged.total
    assert (item(changed).current_period_start, item(changed).current_period_end) == (at, periods.added(at, interval="year", count=1))
    off = sum(one.amount for one in charged.total_discount_amounts or [])
    assert off == {(): 0}.get(tuple(coupon), 9000 if "percent_off" in coupon else 500)


def test_added_and_taken_back_at_once_costs_nothing(shop: Shop, standin: Running) -> None:
    sub = shop.subscribed()
    standin.advance(3 * DAY)
    for quantity in (6, 5):
        shop.client.v1.subscriptions.update(sub.id, {"items": [{"id": item(sub).id, "quantity": quantity}], "proration_behavior": "always_invoice"})
    back, forth, _first = shop.invoices(sub.id)
    assert forth.total == -back.total > 0
    customer = shop.client.v1.customers.retrieve(str(sub.customer))
    assert customer.balance == back.total
    standin.advance(30 * DAY)
    renewal = shop.invoices(sub.id)[0]
    assert (renewal.total, renewal.amount_due) == (9500, 9500 + back.total)
    assert shop.client.v1.customers.retrieve(str(sub.customer)).balance == 0


def test_a_declined_addition_can_be_refused_whole(shop: Shop, standin: Running) -> None:
    sub = shop.subscribed()
    before = len(shop.events())
    standin.advance(DAY)
    shop.fault("payments", decline="insufficient_funds")
    with pytest.raises(stripe.CardError) as refused:
        shop.client.v1.subscriptions.update(sub.id, {"items": [{"id": item(sub).id, "quantity": 6}], "proration_behavior": "always_invoice", "payment_behavior": "error_if_incomplete"})
    assert refused.value.error is not None
    assert refused.value.error.decline_code == "insufficient_funds"
    assert item(shop.sub(sub.id)).quantity == 5
    assert len(shop.invoices(sub.id)) == 1
    assert len(shop.events()) == before


def test_a_declined_addition_can_wait_and_be_paid(shop: Shop, standin: Running) -> None:
    sub = shop.subscribed()
    shop.fault("payments", decline="generic_decline")
    change: Any = {"items": [{"id": item(sub).id, "quantity": 6}], "proration_behavior": "always_invoice", "payment_behavior": "pending_if_incomplete"}
    held = shop.client.v1.subscriptions.update(sub.id, change)
    assert held.pending_update is not None
    assert (held.status, item(held).quantity, held.pending_update.expires_at) == ("active", 5, standin.world.today() + 23 * 3600)
    shop.client.v1.invoices.pay(str(held.latest_invoice))
    paid = shop.sub(sub.id)
    assert (paid.status, item(paid).quantity, paid.pending_update) == ("active", 6, None)
    assert len(shop.events("customer.subscription.pending_update_applied")) == 1


def test_a_declined_addition_lapses(shop: Shop, standin: Running) -> None:
    sub = shop.subscribed()
    shop.fault("payments", **{"3ds": True})
    change: Any = {"items": [{"id": item(sub).id, "quantity": 6}], "proration_behavior": "always_invoice", "payment_behavior": "pending_if_incomplete"}
    held = shop.client.v1.subscriptions.update(sub.id, change)
    standin.advance(23 * 3600 + 1)
    assert (item(shop.sub(sub.id)).quantity, shop.sub(sub.id).pending_update) == (5, None)
    assert shop.client.v1.invoices.retrieve(str(held.latest_invoice)).status == "void"
    assert len(shop.events("customer.subscription.pending_update_expired")) == 1
    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.subscriptions.update(sub.id, change | {"metadata": {"a": "b"}})


def test_a_refused_renewal_is_tried_again_on_its_days(shop: Shop, standin: Running) -> None:
    sub = shop.subscribed(card="pm_card_visa")
    shop.fault("payments", decline="generic_decline", count=6)
    standin.advance_to(item(sub).current_period_end + 3601)
    first = standin.world.today() - 1
    assert shop.sub(sub.id).status == "past_due"
    due = []
    while (invoice := shop.invoices(sub.id)[0]).next_payment_attempt:
        due.append((invoice.next_payment_attempt - first) // DAY)
        standin.advance_to(invoice.next_payment_attempt)
    assert due == [1, 3, 5, 7, 10, 14]
    assert (shop.invoices(sub.id)[0].status, shop.sub(sub.id).status, shop.invoices(sub.id)[0].attempt_count) == ("paid", "active", 7)
    assert len(shop.events("invoice.payment_failed")) == 6


@pytest.mark.parametrize(("setting", "status"), [("leave", "past_due"), ("cancel", "canceled"), ("unpaid", "unpaid")])
def test_after_the_last_retry(shop: Shop, standin: Running, setting: str, status: str) -> None:
    sub = shop.subscribed()
    shop.fault("settings", after_retries=setting)
    shop.fault("payments", decline="generic_decline", count=7)
    standin.advance_to(item(sub).current_period_end + 16 * DAY)
    assert shop.sub(sub.id).status == status
    if setting != "cancel":
        shop.client.v1.invoices.pay(str(shop.sub(sub.id).latest_invoice))
        assert shop.sub(sub.id).status == "active"


def test_a_first_payment_may_be_refused_asked_for_or_lapse(shop: Shop, standin: Running) -> None:
    with pytest.raises(stripe.CardError):
        shop.subscribed(card="pm_card_chargeCustomerFail", payment_behavior="error_if_incomplete")
    assert standin.world.store.all("subscription") == []
    refused = shop.subscribed(card="pm_card_chargeCustomerFail")
    asked = shop.subscribed(card="pm_card_authenticationRequired", expand=["latest_invoice.payments"])
    assert (refused.status, asked.status) == ("incomplete", "incomplete")
    invoice: Any = asked.latest_invoice
    intent = shop.client.v1.payment_intents.retrieve(invoice.payments.data[0].payment.payment_intent)
    assert intent.next_action is not None
    assert intent.next_action.redirect_to_url is not None
    assert str(intent.next_action.redirect_to_url.url).startswith(standin.url)
    standin.advance(23 * 3600 + 1)
    assert (shop.sub(refused.id).status, shop.sub(asked.id).status) == ("incomplete_expired", "incomplete_expired")
    with pytest.raises(stripe.InvalidRequestError):
        shop.subscribed(card="")


@pytest.mark.parametrize(("wish", "status"), [("cancel", "canceled"), ("pause", "paused"), ("create_invoice", "past_due")])
def test_a_trial_without_a_card_ends_as_wished(shop: Shop, standin: Running, wish: str, status: str) -> None:
    sub = shop.subscribed(card="", trial_period_days=21, trial_settings={"end_behavior": {"missing_payment_method": wish}})
    assert sub.status == "trialing"
    assert shop.invoices(sub.id)[0].total == 0
    standin.advance_to(NEW_YEAR + 18 * DAY)
    assert len(shop.events("customer.subscription.trial_will_end")) == 1
    standin.advance_to(NEW_YEAR + 21 * DAY + 3601)
    assert shop.sub(sub.id).status == status


def test_a_trial_with_a_card_becomes_active(shop: Shop, standin: Running) -> None:
    sub = shop.subscribed(trial_end=NEW_YEAR + 5 * DAY)
    changed = shop.client.v1.subscriptions.update(sub.id, {"items": [{"id": item(sub).id, "quantity": 8}]})
    assert (changed.status, len(shop.invoices(sub.id))) == ("trialing", 1)
    standin.advance(5 * DAY + 3601)
    assert (shop.sub(sub.id).status, shop.invoices(sub.id)[0].total) == ("active", 8 * 1900)
    again = shop.subscribed(trial_end=NEW_YEAR + 25 * DAY)
    now = shop.client.v1.subscriptions.update(again.id, {"trial_end": "now"})
    assert (now.status, shop.invoices(again.id)[0].total) == ("active", 9500)


def test_cancelled_at_the_end_resumed_and_cancelled_again(shop: Shop, standin: Running) -> None:
    sub = shop.subscribed()
    end = item(sub).current_period_end
    for wish in (True, False, True):
        changed = shop.client.v1.subscriptions.update(sub.id, {"cancel_at_period_end": wish})
        assert (changed.cancel_at_period_end, changed.cancel_at) == (wish, end if wish else None)
    standin.advance_to(end - 1)
    assert shop.sub(sub.id).status == "active"
    standin.advance_to(end)
    ended = shop.sub(sub.id)
    assert (ended.status, ended.ended_at, len(shop.invoices(sub.id))) == ("canceled", end, 1)
    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.subscriptions.update(sub.id, {"cancel_at_period_end": False})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.client.v1.subscriptions.cancel(sub.id)
    assert refused.value.http_status == 404


def test_cancelled_now_with_a_credit(shop: Shop, standin: Running) -> None:
    sub = shop.subscribed()
    standin.advance_to((item(sub).current_period_start + item(sub).current_period_end) // 2)
    ended = shop.client.v1.subscriptions.cancel(sub.id, {"prorate": True, "invoice_now": True})
    assert ended.status == "canceled"
    assert shop.client.v1.customers.retrieve(str(sub.customer)).balance == -4750


def test_paused_in_three_ways(shop: Shop, standin: Running) -> None:
    one, two = shop.subscribed(), shop.subscribed()
    shop.client.v1.subscriptions.update(one.id, {"pause_collection": {"behavior": "void", "resumes_at": NEW_YEAR + 40 * DAY}})
    paused = shop.client.v1.subscriptions.pause(two.id, {"bill_for": {"unused_time_from": {"type": "none"}, "outstanding_usage_through": {"type": "none"}}})
    assert (paused.status, len(shop.events("customer.subscription.paused"))) == ("paused", 1)
    standin.advance_to(NEW_YEAR + 35 * DAY)
    assert [invoice.status for invoice in shop.invoices(one.id)] == ["void", "paid"]
    assert len(shop.invoices(two.id)) == 1
    back = shop.client.v1.subscriptions.resume(two.id, {"billing_cycle_anchor": {"type": "now"}})
    assert (back.status, shop.invoices(two.id)[0].total) == ("active", 9500)
    standin.advance_to(NEW_YEAR + 41 * DAY)
    assert shop.sub(one.id).pause_collection is None


def test_sent_invoices_are_due_and_then_overdue(shop: Shop, standin: Running) -> None:
    sub = shop.subscribed(card="", collection_method="send_invoice", days_until_due=14)
    assert sub.status == "active"
    standin.advance(3601)
    invoice = shop.invoices(sub.id)[0]
    assert (invoice.status, invoice.due_date) == ("open", standin.world.today() - 1 + 14 * DAY)
    standin.advance(15 * DAY)
    assert shop.sub(sub.id).status == "past_due"
    shop.client.v1.invoices.pay(invoice.id, {"paid_out_of_band": True})
    assert shop.sub(sub.id).status == "active"


def test_the_next_period_can_be_scheduled(shop: Shop, standin: Running) -> None:
    sub = shop.subscribed()
    small = shop.price(900, name="Small")
    schedule = shop.client.v1.subscription_schedules.create({"from_subscription": sub.id})
    present = schedule.phases[0]
    shop.client.v1.subscription_schedules.update(schedule.id, {"phases": [
        {"items": [{"price": str(present["items"][0].price), "quantity": 5}], "start_date": present.start_date, "end_date": present.end_date},
        {"items": [{"price": small.id, "quantity": 3}], "proration_behavior": "none", "duration": {"interval": "month"}},
    ]})  # fmt: skip
    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.subscriptions.update(sub.id, {"items": [{"id": item(sub).id, "quantity": 9}]})
    standin.advance_to(item(sub).current_period_end + 3601)
    changed = shop.sub(sub.id)
    assert (item(changed).price.id, item(changed).quantity, item(changed).id) == (small.id, 3, item(sub).id)
    assert [line.amount for line in shop.invoices(sub.id)[0].lines.data] == [2700]
    standin.advance(32 * DAY)
    assert shop.client.v1.subscription_schedules.retrieve(schedule.id).status == "released"
    assert shop.sub(sub.id).schedule is None


def test_from_year_to_month_at_the_end(shop: Shop, standin: Running) -> None:
    sub = shop.subscribed(price=shop.price(18000, interval="year"))
    month = shop.price(1900)
    schedule = shop.client.v1.subscription_schedules.create({"from_subscription": sub.id})
    shop.client.v1.subscription_schedules.update(schedule.id, {"end_behavior": "release", "phases": [
        {"items": [{"price": item(sub).price.id, "quantity": 5}], "start_date": schedule.phases[0].start_date, "end_date": schedule.phases[0].end_date},
        {"items": [{"price": month.id, "quantity": 5}], "duration": {"interval": "month"}},
    ]})  # fmt: skip
    standin.advance_to(item(sub).current_period_end + 3601)
    changed = item(shop.sub(sub.id))
    assert dated(changed.current_period_end) == "2028-02-01"
    assert [line.amount for line in shop.invoices(sub.id)[0].lines.data] == [9500]


def test_a_clock_of_its_own_moves_its_customers_alone(shop: Shop, client: stripe.StripeClient) -> None:
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": NEW_YEAR - 100 * DAY})
    own = client.v1.customers.create({"test_clock": clock.id, "name": "Slow"})
    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": own.id})
    price = shop.price()
    sub = client.v1.subscriptions.create({"customer": own.id, "items": [{"price": price.id}], "default_payment_method": method.id})
    other = shop.subscribed(price=price)
    assert sub.created == NEW_YEAR - 100 * DAY
    moved = client.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": NEW_YEAR - 30 * DAY})
    assert moved.status == "ready"
    assert len(shop.invoices(sub.id)) == 3
    assert len(shop.invoices(other.id)) == 1
