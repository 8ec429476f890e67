"""Cases that only a payment service with hours and banks of its own can show: the real adapter over the sandbox."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing.dunning import parting, walking
from billing.models import BillingAccount, Checkout, MoneyEntry
from billing.providers import reconciling
from billing.providers.models import Drift
from billing.providers.protocol import ProviderUnavailable, Target
from billing.providers.stripe_adapter import prices
from billing.subscribing import checkout, paying
from billing.subscribing.checkout import NotPaid
from crm_platform.accounts.actors import actor_of
from crm_platform.accounts.models import User
from crm_platform.db import sides
from crm_platform.kernel import clock
from crm_platform.kernel.permissions import Actor
from crm_platform.letters.models import Letter
from tests.billing.buying import URLS

from .conftest import target, work
from .shops import Shop

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def test_what_is_erased_is_ended_there_and_its_open_bill_is_collected_no_more(shop: Shop) -> None:
    shop.buy()
    shop.look()
    shop.standin("payments", decline="insufficient_funds", count=2)
    shop.rig.advance(33 * DAY)  # the renewal is declined, and will be tried again
    charged = shop.rig.charged(shop.customer)
    with sides.control_unit():
        account = BillingAccount.objects.select_related("workspace__subscription").get(pk=shop.account_id)
    shop.standin("calls", path="/v1/subscriptions/", method="DELETE", timeout=True, when="after", count=2)
    with pytest.raises(ProviderUnavailable):
        parting._end_all(account)
    assert parting._end_all(account) == 0
    assert [one.status for one in shop.provider.fetch(shop.customer).subscriptions] == ["canceled"]
    shop.standin("clear")
    shop.rig.advance(90 * DAY)
    assert shop.rig.charged(shop.customer) == charged


def owner_of(shop: Shop) -> Actor:
    with sides.unit(shop.door.place):
        return actor_of(User.objects.select_related("role", "group").get(role__code="owner"))


def begin(shop: Shop, wanted: Target | None = None) -> str:
    """A checkout as a person begins it."""
    return checkout.begin_checkout(shop.door.place, wanted or target(), provider="stripe", actor=owner_of(shop), **URLS).reference


def states(shop: Shop) -> list[str]:
    with sides.control_unit():
        return list(Checkout.objects.filter(account_id=shop.account_id).order_by("pk").values_list("state", flat=True))


def hear(shop: Shop) -> None:
    """Every event arrives, and is worked through."""
    for event in shop.events():
        shop.deliver(event.raw.encode())
    work()


def test_case_30_a_session_that_ran_out_grants_nothing_and_says_so(shop: Shop) -> None:
    reference = begin(shop)
    shop.rig.advance(26 * HOUR)
    assert "checkout.session.expired" in [event.kind for event in shop.events()]
    hear(shop)
    assert (shop.row.external_id, shop.row.status, shop.had()) == ("", "none", "free")
    with pytest.raises(NotPaid, match="Nothing was charged"):
        checkout.finish_checkout(shop.door.place, reference)
    assert begin(shop) != reference
    assert states(shop) == ["closed", "open"]


def test_case_30_a_debit_under_way_grants_nothing_and_when_it_fails_says_so(shop: Shop) -> None:
    reference = begin(shop)
    shop.standin("payments", pending=True)
    assert shop.pay_at(checkout.Started(reference)) == "ok"
    hear(shop)
    assert (shop.row.status, shop.row.external_id, shop.had()) == ("incomplete", "", "free")
    assert not checkout.finish_checkout(shop.door.place, reference)
    shop.rig.advance(2 * DAY)  # longer than a session lives: the bank has not answered
    assert not checkout.finish_checkout(shop.door.place, reference)
    [intent] = [row for row in shop.rig.standin.world.store.all("payment_intent") if row["status"] == "processing"]
    shop.standin("debit", id=intent["id"], status="failed")
    shop.rig.advance(HOUR)
    assert "checkout.session.async_payment_failed" in [event.kind for event in shop.events()]
    hear(shop)
    assert (shop.row.status, shop.row.external_id, shop.rig.charged(shop.customer), states(shop)) == ("none", "", 0, ["closed"])
    with sides.control_unit():
        assert MoneyEntry.objects.filter(account_id=shop.account_id, name="checkout.failed").count() == 1
    with pytest.raises(NotPaid):
        checkout.finish_checkout(shop.door.place, reference)
    again = begin(shop)
    assert shop.pay_at(checkout.Started(again)) == "ok"
    assert checkout.finish_checkout(shop.door.place, again)
    assert (shop.row.plan.code, shop.row.status) == ("team", "active")


def test_case_30_a_debit_that_arrives_after_days_is_active(shop: Shop) -> None:
    reference = begin(shop)
    shop.standin("payments", pending=True)
    shop.pay_at(checkout.Started(reference))
    hear(shop)
    shop.rig.advance(3 * DAY + HOUR)
    hear(shop)
    assert (shop.row.plan.code, shop.row.status, states(shop)) == ("team", "active", ["finished"])
    assert checkout.finish_checkout(shop.door.place, reference)


def first_payment(shop: Shop) -> str:
    """A subscription whose first payment the bank wants confirmed; its invoice."""
    card = shop.provider.client.v1.payment_methods.attach("pm_card_authenticationRequired", {"customer": shop.customer}).id
    shop.provider.client.v1.customers.update(shop.customer, {"invoice_settings": {"default_payment_method": card}})
    items = [{"price": price, "quantity": count} for _ref, price, count in prices.lines(shop.provider.client, target())]
    made = shop.provider.client.v1.subscriptions.create({"customer": shop.customer, "items": items, "payment_behavior": "default_incomplete"})  # type: ignore[typeddict-item]
    return str(made.latest_invoice)


def test_case_34_a_first_payment_that_was_abandoned_lapses_and_may_be_tried_again(shop: Shop) -> None:
    first_payment(shop)
    hear(shop)
    assert (shop.row.status, shop.row.external_id, shop.had()) == ("incomplete", "", "free")
    shop.rig.advance(24 * HOUR)
    hear(shop)
    assert (shop.row.status, shop.had(), shop.rig.charged(shop.customer)) == ("none", "free", 0)
    reference = begin(shop)
    assert shop.pay_at(checkout.Started(reference)) == "ok"
    assert checkout.finish_checkout(shop.door.place, reference)
    assert (shop.row.status, shop.row.plan.code) == ("active", "team")


def test_case_34_completed_after_22_hours_it_is_active(shop: Shop) -> None:
    invoice = first_payment(shop)
    hear(shop)
    shop.rig.advance(22 * HOUR)
    card = shop.provider.client.v1.payment_methods.attach("pm_card_visa", {"customer": shop.customer}).id
    shop.provider.client.v1.invoices.pay(invoice, {"payment_method": card})
    hear(shop)
    assert (shop.row.status, shop.row.plan.code, shop.row.past_due_since) == ("active", "team", None)
    shop.rig.advance(2 * HOUR)
    hear(shop)
    assert shop.row.status == "active"


def test_case_34_at_the_page_the_bank_asks_and_the_payer_leaves(shop: Shop) -> None:
    reference = begin(shop)
    shop.standin("payments", **{"3ds": True})
    assert shop.pay_at(checkout.Started(reference)) == "action"
    hear(shop)
    assert (shop.row.status, shop.row.external_id, shop.had(), shop.rig.charged(shop.customer)) == ("none", "", "free", 0)
    assert begin(shop) == reference  # the same page, to be tried again
    assert shop.pay_at(checkout.Started(reference), authenticated=True) == "ok"
    assert checkout.finish_checkout(shop.door.place, reference)
    assert shop.row.status == "active"


def test_case_81_a_bill_that_cannot_be_made_is_an_alarm_a_question_and_no_free_year(shop: Shop) -> None:
    with sides.control_unit():
        BillingAccount.objects.filter(pk=shop.account_id).update(contacts=[{"email": "bills@veldhuis.example", "language": "en"}])
    shop.buy()
    shop.look()
    shop.rig.leave_unmade()
    shop.rig.advance(31 * DAY + 3 * HOUR)
    drawn = shop.row.period_end
    hear(shop)
    assert shop.row.status == "active"  # as the provider sees it
    assert (shop.row.past_due_since, shop.state()) == (drawn, "past_due")
    with sides.control_unit():
        [alarm] = Drift.objects.filter(account_id=shop.account_id, kind="invoices", closed_at=None)
    assert (alarm.facts["problem"], alarm.money_minor) == ("customer_tax_location_invalid", 9_500)
    assert [one["kind"] for one in reconciling.reconcile(full=True, fix=True)] == ["invoices"]
    walking.look(shop.door.workspace)
    with shop.door.unit():
        letter = Letter.objects.get(to="bills@veldhuis.example")
    assert "cannot be made" in letter.subject
    assert "/settings/plan/payers" in letter.text
    assert "Amount due: " in letter.text
    assert "95" in letter.text
    shop.rig.advance(16 * DAY)
    shop.look()
    assert (shop.state(), shop.row.past_due_since) == ("limited", drawn)
    paying.add_payer(shop.door.place, {"name": "Atelier Veldhuis B.V.", "country": "NL", "address": "Singel 5"}, actor=owner_of(shop))
    work()
    assert (shop.row.past_due_since, shop.state(), shop.rig.charged(shop.customer)) == (None, "active", 19_000)
    assert shop.rig.standin.world.store.rows[shop.customer]["address"]["country"] == "NL"
    with sides.control_unit():
        assert not Drift.objects.filter(account_id=shop.account_id, closed_at=None).exists()
    assert reconciling.reconcile(full=True, fix=False) == []
    assert clock.now() > drawn
