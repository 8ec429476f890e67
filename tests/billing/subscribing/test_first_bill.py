"""What the price page counts, what is shown before paying, and what the payment service itself bills are one sum, to the cent: bought through the sandbox by the real adapter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from billing import services
from billing.documents import correcting, refunding
from billing.documents import services as money
from billing.documents.models import Invoice
from billing.models import BillingAccount, Coupon, MoneyEntry, Redemption
from billing.pricing.quoting import part
from billing.providers import reconciling, registry, syncing
from billing.providers.manual_invoice.adapter import TransferProvider
from billing.providers.protocol import Started
from billing.seats import buying, days
from billing.seats.models import SeatDay
from billing.site import calculator
from billing.subscribing import checkout, life, pausing, paying, pricing_of, targets
from crm_platform.accounts.actors import actor_of
from crm_platform.accounts.models import User
from crm_platform.db import sides
from crm_platform.events.models import Event
from crm_platform.jobs.models import Job
from crm_platform.kernel import clock, ids, jobs
from crm_platform.kernel.permissions import Actor, robot
from tests.billing.buying import URLS, operation
from tests.billing.providers.conftest import clear, work
from tests.billing.providers.rigs import StripeRig, stripe_rig
from tests.conftest import Door


@dataclass
class Shopper:
    """A firm that buys at the sandbox."""

    door: Door
    rig: StripeRig
    owner: Actor

    def target(self, wish: dict[str, str], *, coupon: str = "") -> Any:
        return targets.target_from(self.door.place, {**wish, "begin": "now", "coupon": coupon})

    def buy(self, target: Any) -> None:
        reference = checkout.begin_checkout(self.door.place, target, provider="stripe", actor=self.owner, **URLS).reference
        assert self.rig.pay(Started(reference))
        assert checkout.finish_checkout(self.door.place, reference)

    def bills(self) -> list[dict[str, Any]]:
        """The sandbox's own rows, the oldest first."""
        with sides.control_unit():
            customer = BillingAccount.objects.get(workspace=self.door.workspace).external_id
        return [dict(row) for row in self.rig.standin.world.store.all("invoice", customer=customer)]


@pytest.fixture
def shopper(make_door: Callable[..., Door]) -> Iterator[Shopper]:
    door = make_door()
    with stripe_rig() as rig, registry.stand_in(rig.provider):
        assert isinstance(rig, StripeRig)
        with sides.unit(door.place):
            owner = actor_of(User.objects.select_related("role", "group").get(role__code="owner"))
        yield Shopper(door, rig, owner)
        clear()


@pytest.fixture
def coupon(house: None, django_db_blocker: Any) -> Iterator[Callable[..., str]]:
    made: list[Coupon] = []

    def make(**values: Any) -> str:
        with sides.control_unit():
            made.append(Coupon.objects.create(code=f"FIRST{ids.random_id(5).upper()}", **values))
        return made[-1].code

    with django_db_blocker.unblock():
        yield make
        with sides.control_unit():
            Redemption.objects.filter(coupon__in=made).delete()
            Coupon.objects.filter(pk__in=[row.pk for row in made]).delete()


def counted(wish: dict[str, str]) -> int:
    """What the price page says."""
    values = {name: value for name, value in wish.items() if name != "interval"} | ({"yearly": "1"} if wish["interval"] == "year" else {})
    with sides.control_unit():
        sold, packets = services.on_sale(special=True), services.add_ons()
        choice = calculator.read(values, add_ons=packets)
        return calculator.quote_of(calculator.target_of(choice, calculator.chosen(choice, sold), packets)).total


PLAN = {"plan": "team", "seats": "7", "addon:contacts_10k": "2", "addon:storage_50": "1", "addon:runs_50k": "3"}


@pytest.mark.parametrize("currency", ["EUR", "UZS"])
@pytest.mark.parametrize("interval", ["month", "year"])
@pytest.mark.parametrize("off", [None, {"percent_bp": 1_700, "duration": "forever"}, {"percent_bp": 10_000, "duration": "once"}], ids=["whole", "17 %", "free"])
def test_the_price_page_the_preview_and_the_sandboxs_invoice_are_one_sum(shopper: Shopper, coupon: Callable[..., str], currency: str, interval: str, off: dict[str, Any] | None) -> None:
    wish = {**PLAN, "currency": currency, "interval": interval}
    target = shopper.target(wish, coupon=coupon(**off) if off else "")
    quote, shown = pricing_of.price(shopper.door.place, target), pricing_of.preview(shopper.door.place, target)
    page = counted(wish)
    assert quote.subtotal == page
    assert shown.now.total == quote.total
    if off is None:
        assert quote.total == page
    shopper.buy(target)
    [bill] = shopper.bills()
    assert (bill["status"], bill["currency"], bill["subtotal"], bill["total"]) == ("paid", currency.lower(), page, quote.total)
    assert [made["amount"] for made in bill["lines"]["data"]] == [line.amount for line in quote.lines]


@pytest.mark.parametrize(("country", "bp"), [("", 2_100), ("NL", 2_100), ("DE", 2_100), ("US", 0)])
def test_the_sellers_tax_is_shown_before_and_billed(shopper: Shopper, settings: Any, country: str, bp: int) -> None:
    settings.CRM_SELLER_TAX_BP, settings.CRM_SELLER_COUNTRY = 2_100, "NL"
    place, wish = shopper.door.place, {**PLAN, "currency": "EUR", "interval": "month"}
    if country:
        paying.add_payer(place, {"name": "Atelier Veldhuis", "country": country}, actor=shopper.owner)
    target = shopper.target(wish)
    quote, shown = pricing_of.price(place, target), pricing_of.preview(place, target)
    assert (quote.subtotal, quote.total) == (counted(wish), sum(line.amount + part(line.amount, bp, 10_000) for line in quote.lines))
    shopper.buy(target)
    [bill] = shopper.bills()
    assert (bill["status"], bill["total"]) == ("paid", shown.now.total) == ("paid", quote.total)
    shopper.rig.advance(timedelta(days=11))
    more = buying.preview(place, 2)
    assert buying.add(place, 2, as_of=more.as_of, actor=shopper.owner, operation=operation()).applied
    assert shopper.bills()[-1]["total"] == more.now.total
    assert pricing_of.price(place, targets.present_at(place)).total == more.next.total


def test_a_tax_number_that_turns_out_right_is_untaxed_from_the_next_bill(shopper: Shopper, settings: Any) -> None:
    settings.CRM_SELLER_TAX_BP, settings.CRM_SELLER_COUNTRY = 2_100, "NL"
    place, number = shopper.door.place, f"DE{ids.random_id(9).upper()}"
    company = paying.add_payer(place, {"name": "Tischlerei", "country": "DE", "tax_id": number}, actor=shopper.owner)
    shopper.buy(shopper.target({**PLAN, "currency": "EUR", "interval": "month"}))
    with sides.control_unit():
        account = BillingAccount.objects.get(workspace=shopper.door.workspace)
    assert account.tax_bp == 2_100
    correcting.judge(account.pk, number, correcting.VERIFIED, actor=robot("registry"))
    work()
    shown = pricing_of.price(place, targets.present_at(place))
    shopper.rig.advance(timedelta(days=32))
    assert (shopper.bills()[-1]["total"], shown.tax) == (shown.total, 0)
    paying.change_payer(place, company, {"name": "Tischlerei", "country": "NL"}, actor=shopper.owner)
    work()
    taxed = pricing_of.price(place, targets.present_at(place))
    shopper.rig.advance(timedelta(days=32))
    assert shopper.bills()[-1]["total"] == taxed.total > shown.total


@dataclass
class Taxed:
    """A German company that was charged the Dutch tax while nobody had asked after its number."""

    shopper: Shopper
    number: str

    @property
    def account(self) -> BillingAccount:
        with sides.control_unit():
            return BillingAccount.objects.get(workspace=self.shopper.door.workspace)

    def judge(self, state: str = correcting.VERIFIED) -> None:
        correcting.judge(self.account.pk, self.number, state, actor=robot("registry"))
        work()

    def look_again(self) -> None:
        with sides.control_unit():
            jobs.later(correcting.RETAX, BillingAccount.objects.get(workspace=self.shopper.door.workspace).pk)
        work()

    def notes(self) -> list[tuple[int, int, str]]:
        with sides.control_unit():
            return [(row.total_minor, row.tax_minor, row.corrects.number) for row in Invoice.objects.select_related("corrects").filter(account__workspace=self.shopper.door.workspace, kind="credit_note").order_by("pk")]

    def drift(self) -> list[Any]:
        return reconciling.reconcile_account(self.account.pk, fix=False)

    def journal(self) -> int:
        with sides.control_unit():
            return MoneyEntry.objects.filter(account__workspace=self.shopper.door.workspace, name="tax.credited").count()

    def announced(self) -> int:
        with sides.unit(self.shopper.door.place):
            return Event.objects.filter(name="bill.untaxed").count()


@pytest.fixture
def taxed(shopper: Shopper, settings: Any) -> Taxed:
    settings.CRM_SELLER_TAX_BP, settings.CRM_SELLER_COUNTRY = 2_100, "NL"
    number = f"DE{ids.random_id(9).upper()}"
    paying.add_payer(shopper.door.place, {"name": "Tischlerei", "country": "DE", "tax_id": number}, actor=shopper.owner)
    shopper.buy(shopper.target({"plan": "team", "seats": "5", "currency": "EUR", "interval": "month"}))
    return Taxed(shopper, number)


def test_case_75_a_card_invoice_taxed_before_the_number_was_right_gets_a_credit_note_there(taxed: Taxed) -> None:
    [invoice] = taxed.shopper.bills()
    assert (invoice["total"], taxed.drift()) == (11_495, [])
    taxed.judge()
    taxed.look_again()
    [note] = taxed.shopper.rig.standin.world.store.all("credit_note", invoice=invoice["id"])
    assert (note["total"], note["status"], note["type"], note["metadata"]["ref"]) == (1_995, "issued", "post_payment", "untax")
    assert taxed.notes() == [(-1_995, -1_995, invoice["number"])]
    assert (taxed.account.balance_minor, taxed.journal(), taxed.announced(), taxed.drift()) == (-1_995, 1, 1, [])
    taxed.shopper.rig.advance(timedelta(days=32))
    bill = taxed.shopper.bills()[-1]
    assert (bill["total"], bill["amount_paid"]) == (9_500, 9_500 - 1_995)


@pytest.mark.parametrize("state", [correcting.REFUSED, ""])
def test_case_75_a_number_that_is_not_right_brings_no_tax_back(taxed: Taxed, state: str) -> None:
    if state:
        taxed.judge(state)
    assert (taxed.notes(), taxed.account.balance_minor, taxed.journal(), taxed.announced()) == ([], 0, 0, 0)


def test_case_75_what_was_given_back_or_credited_brings_its_tax_only_once(taxed: Taxed) -> None:
    """A fifth of the invoice was refunded, so a fifth of its tax; two seats were given back with theirs."""
    [row] = taxed.shopper.bills()
    with sides.control_unit():
        invoice = Invoice.objects.get(external_id=row["id"])
    buying.remove(taxed.shopper.door.place, 2, as_of=clock.now(), actor=taxed.shopper.owner, operation=operation())
    refunding.refund(invoice.public_id, invoice.total_minor // 5, reason="Service", actor=robot("operator"), operation=operation())
    credited = taxed.account.balance_minor
    taxed.judge()
    assert credited == -2 * 1_900 * 121 // 100
    assert taxed.notes() == [(-(1_995 - 399 - 798), -(1_995 - 399 - 798), row["number"])]


def test_case_75_tax_that_came_back_is_not_given_back_to_the_card_as_well(taxed: Taxed) -> None:
    taxed.judge()
    account = taxed.account
    with sides.control_unit():
        invoice = Invoice.objects.get(account=account, kind="invoice")
    with pytest.raises(refunding.TooMuch, match="95"):
        refunding.refund(invoice.public_id, invoice.total_minor, reason="Service", actor=robot("operator"), operation=operation())
    refunding.refund(invoice.public_id, 9_500, reason="Service", actor=robot("operator"), operation=operation())
    assert taxed.account.balance_minor == -1_995


def test_case_75_an_answer_that_was_lost_makes_no_second_note(taxed: Taxed) -> None:
    taxed.shopper.rig._do("calls", path="/v1/credit_notes", method="POST", timeout=True, when="after", count=2)
    taxed.judge()
    assert (taxed.journal(), taxed.announced()) == (0, 0)
    with sides.control_unit():
        Job.objects.filter(name=correcting.RETAX, state="waiting").update(at=clock.real_now())
    work()
    assert (len(taxed.notes()), taxed.journal(), taxed.announced(), taxed.drift()) == (1, 1, 1, [])


def test_case_75_a_note_that_somebody_made_in_their_dashboard_is_drift_until_it_is_kept(taxed: Taxed) -> None:
    [invoice] = taxed.shopper.bills()
    taxed.shopper.rig.provider.untax(invoice["id"], amount=100, reason="by hand", key=operation())
    [difference] = taxed.drift()
    assert (difference.kind, difference.money) == ("invoices", 100)
    reconciling.reconcile_account(taxed.account.pk, fix=True)
    assert (taxed.drift(), taxed.notes()) == ([], [(-100, -100, invoice["number"])])


def test_an_open_page_that_would_charge_the_old_tax_is_closed(shopper: Shopper, settings: Any) -> None:
    settings.CRM_SELLER_TAX_BP, settings.CRM_SELLER_COUNTRY = 2_100, "NL"
    place = shopper.door.place
    company = paying.add_payer(place, {"name": "Carpenter", "country": "NL"}, actor=shopper.owner)
    target = shopper.target({**PLAN, "currency": "EUR", "interval": "month"})
    begun = checkout.begin_checkout(place, target, provider="stripe", actor=shopper.owner, **URLS).reference
    paying.change_payer(place, company, {"name": "Carpenter B.V.", "country": "NL"}, actor=shopper.owner)
    work()
    assert checkout.begin_checkout(place, target, provider="stripe", actor=shopper.owner, **URLS).reference == begun  # the tax is the same: so is the page
    paying.change_payer(place, company, {"name": "Carpenter Inc.", "country": "US"}, actor=shopper.owner)
    work()
    assert not shopper.rig.pay(Started(begun))
    shown = pricing_of.price(place, target)
    shopper.buy(target)
    assert (shown.tax, shopper.bills()[-1]["total"]) == (0, shown.total)


def test_a_bill_by_transfer_comes_to_what_was_shown(shopper: Shopper, settings: Any) -> None:
    settings.CRM_SELLER_TAX_BP, settings.CRM_SELLER_COUNTRY, settings.CRM_SELLER_NAME, settings.CRM_SELLER_BANK = 2_100, "NL", "Kartoteka", "IBAN X"
    place, target = shopper.door.place, shopper.target({**PLAN, "currency": "EUR", "interval": "month"})
    shown = pricing_of.preview(place, target)
    with registry.stand_in(TransferProvider()):
        made = checkout.begin_checkout(place, target, provider="manual_invoice", actor=shopper.owner, **URLS)
        with sides.control_unit():
            bill = Invoice.objects.get(public_id=made.document)
        assert bill.tax_minor > 0
        assert (bill.total_minor, pricing_of.price(place, targets.present_at(place)).total) == (shown.now.total, shown.now.total)


def came_by_the_day(shopper: Shopper, *, months: int) -> None:
    """Two people by the day, one in this month and one in the next."""
    buying.set_occasional_ceiling(shopper.door.place, 20, actor=shopper.owner)
    today = clock.now().date()
    with sides.unit(shopper.door.place):
        SeatDay.objects.bulk_create([SeatDay(person=7, day=today + timedelta(days=1)), SeatDay(person=8, day=today + timedelta(days=months * 28))])


def closed(shopper: Shopper) -> int:
    with sides.control_unit():
        account = BillingAccount.objects.get(workspace=shopper.door.workspace)
    syncing.sync_account(account.pk)
    return days.settle_stretches()


def test_the_last_days_are_charged_to_the_card_with_their_tax_and_leave_no_drift(taxed: Taxed) -> None:
    shopper = taxed.shopper
    came_by_the_day(shopper, months=1)
    shopper.rig.advance(timedelta(days=22))
    assert days.charge_last_month() == 1  # it waits for a bill that does not come
    life.cancel(shopper.door.place, actor=shopper.owner, operation=operation())
    shopper.rig.advance(timedelta(days=11))
    assert [closed(shopper), closed(shopper)] == [1, 0]
    bill = shopper.bills()[-1]
    assert (bill["status"], bill["subtotal"], bill["total"], bill["billing_reason"]) == ("paid", 2 * 190, 2 * 230, "manual")
    assert taxed.drift() == []
    with sides.control_unit():
        kept = Invoice.objects.get(external_id=bill["id"])
    assert (kept.status, kept.total_minor, kept.tax_minor, [line["ref"] for line in kept.lines]) == ("paid", 460, 80, ["days:team:1"] * 2)


def test_a_pause_voids_no_days(taxed: Taxed) -> None:
    shopper = taxed.shopper
    came_by_the_day(shopper, months=1)
    shopper.rig.advance(timedelta(days=22))
    days.charge_last_month()  # it would stand on the first bill of the pause, which is voided
    pausing.pause(shopper.door.place, 2, actor=shopper.owner, operation=operation())
    assert days.settle_stretches() == 1
    assert [(bill["status"], bill["total"]) for bill in shopper.bills()[1:]] == [("paid", 230)]
    shopper.rig.advance(timedelta(days=20))
    assert [(bill["status"], bill["total"]) for bill in shopper.bills()[2:]] == [("void", 11_495)]


def test_the_last_days_of_who_pays_by_transfer_come_as_a_bill_with_tax(shopper: Shopper, settings: Any) -> None:
    settings.CRM_SELLER_TAX_BP, settings.CRM_SELLER_COUNTRY, settings.CRM_SELLER_NAME, settings.CRM_SELLER_BANK = 2_100, "NL", "Kartoteka", "IBAN X"
    place = shopper.door.place
    with registry.stand_in(TransferProvider()):
        first = checkout.begin_checkout(place, shopper.target({"plan": "team", "seats": "5", "currency": "EUR", "interval": "month"}), provider="manual_invoice", actor=shopper.owner, **URLS)
        assert checkout.finish_checkout(place, first.reference)
        came_by_the_day(shopper, months=1)
        life.cancel(place, actor=shopper.owner, operation=operation())
        shopper.rig.advance(timedelta(days=1))
        pay_all(shopper)
        shopper.rig.advance(timedelta(days=32))
        assert [closed(shopper), closed(shopper)] == [1, 0]
        with sides.control_unit():
            [bill] = Invoice.objects.filter(account__workspace=shopper.door.workspace, kind="proforma", status="open")
        assert (bill.subtotal_minor, bill.tax_minor, bill.total_minor, bill.due_at) == (380, 80, 460, clock.now() + timedelta(days=7))
        pay_all(shopper)
        assert closed(shopper) == 0


def pay_all(shopper: Shopper) -> None:
    with sides.control_unit():
        for bill in Invoice.objects.filter(account__workspace=shopper.door.workspace, kind="proforma", status="open"):
            money.record_payment(money.locked(bill.account_id), bill, bill.due_minor, actor=robot("operator"), operation=operation())


@pytest.mark.parametrize(("plan", "seats"), [("crew", "26"), ("everyone", "1"), ("start", "15"), ("business", "40")])
def test_every_kind_of_plan_is_billed_as_counted(shopper: Shopper, plan: str, seats: str) -> None:
    wish = {"plan": plan, "seats": seats, "currency": "EUR", "interval": "month"}
    target = shopper.target(wish)
    quote = pricing_of.price(shopper.door.place, target)
    shopper.buy(target)
    [bill] = shopper.bills()
    assert bill["total"] == counted(wish) == quote.total


@pytest.mark.parametrize("off", [None, {"percent_bp": 1_500, "duration": "forever"}], ids=["whole", "15 %"])
@pytest.mark.parametrize(("interval", "currency", "day"), [("month", "EUR", 11), ("year", "USD", 100)])
def test_seats_more_cost_what_was_shown_and_seats_fewer_bring_it(shopper: Shopper, coupon: Callable[..., str], interval: str, currency: str, day: int, off: dict[str, Any] | None) -> None:
    shopper.buy(shopper.target({**PLAN, "currency": currency, "interval": interval}, coupon=coupon(**off) if off else ""))
    shopper.rig.advance(timedelta(days=day, hours=5, seconds=7))
    place = shopper.door.place
    shown = buying.preview(place, 3)
    added = buying.add(place, 3, as_of=shown.as_of, actor=shopper.owner, operation=operation())
    assert added.applied
    _first, bill = shopper.bills()
    assert (bill["status"], bill["total"], bill["billing_reason"]) == ("paid", shown.now.total, "subscription_update")
    assert 0 < shown.now.total < counted({**PLAN, "currency": currency, "interval": interval})
    shopper.rig.advance(timedelta(days=2))
    back = buying.preview(place, -2)
    buying.remove(place, 2, as_of=back.as_of, actor=shopper.owner, operation=operation())
    *_before, credit = shopper.bills()
    assert (credit["total"], credit["status"]) == (back.now.total, "paid")
    assert back.now.total < 0
    with sides.control_unit():
        assert BillingAccount.objects.get(workspace=shopper.door.workspace).balance_minor == back.now.total
    assert clock.now() < back.next_at
