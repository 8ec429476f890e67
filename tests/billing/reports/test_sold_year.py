"""Two hundred workspaces buy, change, fail, pay, pause, cancel and come back for a year at a payment service: each day's figures add up to the cent, and the reconciliation at its end finds nothing."""

from __future__ import annotations

import faulthandler
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from billing import ports
from billing.documents.models import Invoice, Refund
from billing.dunning.models import Told
from billing.models import BillingAccount, MoneyEntry, SeatEntry, Subscription
from billing.pricing import Interval
from billing.providers import reconciling, registry, syncing
from billing.providers.fake import FakeProvider
from billing.providers.models import Drift, ProviderEvent, ProviderOp
from billing.providers.protocol import Payer, Target
from billing.reports import daily, figures
from billing.reports.models import Day, Movement, MrrLine, TrialStart
from crm_platform.db import sides
from crm_platform.jobs.models import Job
from crm_platform.kernel import clock
from tenants.models import State, Workspace
from tests.conftest import Door

from .test_year import _any_two_looks_add_up, _every_day_adds_up
from .year import BEGINS, CURRENCIES, SOLD, subscription

MANY, REAL, DAYS = 200, 3, 366


class Buyer:
    """Someone who does one thing or another at the provider on a day, by its verbs alone; what comes of it here is what a look brings."""

    def __init__(self, row: Subscription, provider: FakeProvider, lot: random.Random) -> None:
        self.workspace, self.provider, self.lot = row.workspace, provider, lot
        self.currency = lot.choice(CURRENCIES)
        self.begins = BEGINS + timedelta(days=lot.randint(0, 200))
        with sides.control_unit():
            account, _made = BillingAccount.objects.get_or_create(workspace=row.workspace, defaults={"slug": row.workspace.slug or ""})
            account.provider, account.external_id = provider.code, provider.ensure_customer(Payer(account.public_id, "Firm", "f@firm.example"), external_id=None, key=account.public_id)
            account.save()
        self.account, self.customer, self.count = account.pk, account.external_id, 0

    def held(self) -> Any:
        """Its subscription that lives."""
        return next((one for one in self.provider.books.subscriptions.values() if one.customer == self.customer and one.status not in ("canceled", "incomplete")), None)

    def key(self) -> str:
        self.count += 1
        return f"{self.customer}.{self.count}"

    def target(self) -> Target:
        plan = self.lot.choice(SOLD)
        packets = {"contacts_10k:1": self.lot.randint(1, 3)} if self.lot.random() < 0.3 else {}
        return Target(plan, 1, 1 if plan == "everyone" else self.lot.randint(1, 15), Interval(self.lot.choice(("month", "year"))), self.currency, packets)

    def act(self, now: datetime) -> None:
        """One deed, if any."""
        one = self.held()
        if one is None:
            if now >= self.begins and self.lot.random() < 0.08:
                self._buy()
        elif self.lot.random() < 0.03:
            self.lot.choice((self._change, self._change, self._seats, self._at_end, self._cancel, self._cancel, self._resume, self._pause, self._give_back, self._credit))(one, now)
        if self.lot.random() < 0.004:
            self.provider.decline_next()

    def _buy(self) -> None:
        page = self.provider.start_checkout(self.customer, self.target(), success_url="", cancel_url="", key=self.key())
        self.provider.pay_checkout(page.reference)

    def _change(self, one: Any, now: datetime) -> None:
        self._apply(one, self.target(), now)

    def _seats(self, one: Any, now: datetime) -> None:
        if one.target.plan != "everyone":
            self._apply(one, replace(one.target, seats=max(1, one.target.seats + self.lot.randint(-3, 5))), now)

    def _apply(self, one: Any, target: Target, now: datetime) -> None:
        if one.status == "active" and one.paused_until is None:
            self.provider.apply_change(one.id, target, as_of=now, key=self.key())

    def _at_end(self, one: Any, _now: datetime) -> None:
        self.provider.change_at_end(one.id, self.target(), key=self.key())

    def _cancel(self, one: Any, _now: datetime) -> None:
        self.provider.cancel(one.id, at_end=self.lot.random() < 0.8, key=self.key())

    def _resume(self, one: Any, _now: datetime) -> None:
        self.provider.resume(one.id, key=self.key())

    def _pause(self, one: Any, now: datetime) -> None:
        self.provider.pause(one.id, until=now + timedelta(days=self.lot.randint(20, 120)), key=self.key())

    def _give_back(self, one: Any, _now: datetime) -> None:
        paid = [bill for bill in self.provider.books.invoices.values() if bill.subscription == one.id and bill.status == "paid" and bill.paid - bill.refunded > 100]
        if paid:
            made = self.provider.refund(paid[-1].external_id, amount=self.lot.randint(1, 100), reason="sorry", key=self.key())
            if self.lot.random() < 0.3:
                self.provider.fail_refund(made)

    def _credit(self, _one: Any, _now: datetime) -> None:
        self.provider.credit(self.customer, amount=self.lot.randint(1, 5_000), currency=self.currency, reason="sorry", key=self.key())


def a_day(buyers: dict[str, Buyer], provider: FakeProvider, lot: random.Random) -> None:
    """Renewals, ends and pauses, deeds, and some of those who owe pay; then a look at whomever the events of the day name."""
    seen = len(provider.books.events)
    provider.pass_time()
    for buyer in buyers.values():
        buyer.act(clock.now())
    for bill in [one for one in provider.books.invoices.values() if one.status == "open"]:
        if lot.random() < 0.12:
            provider.pay(bill.external_id, key=f"{bill.external_id}.{len(provider.calls)}")
    for customer in {event.customer for event in provider.books.events[seen:]}:
        syncing.sync_account(buyers[customer].account)


@pytest.fixture
def alone(house: None, django_db_blocker: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeProvider]:
    """A control side on which nobody else has bought; afterwards nothing of the year is left."""
    provider = FakeProvider()
    monkeypatch.delitem(registry._makers, "manual_invoice")
    monkeypatch.delitem(registry._made, "manual_invoice", raising=False)
    with django_db_blocker.unblock(), registry.stand_in(provider):
        with sides.control_unit():
            Subscription.objects.all().delete()
            for model in (Movement, MrrLine, Day, TrialStart, Drift):
                model.objects.all().delete()
        yield provider
        with sides.control_unit():
            for model in (Movement, MrrLine, Day, TrialStart, Drift, ProviderEvent, ProviderOp):
                model.objects.all().delete()
            accounts = BillingAccount.objects.filter(provider="stripe")
            for rows in (Refund.objects.filter(invoice__account__in=accounts), Invoice.objects.filter(account__in=accounts), MoneyEntry.objects.filter(account__in=accounts)):
                rows.delete()
            SeatEntry.objects.all().delete()
            accounts.delete()
            Subscription.objects.all().delete()
            Workspace.objects.filter(schema_name__startswith="w_sim_").delete()
            Job.objects.filter(state="waiting").delete()


@pytest.mark.live
def test_case_80_a_year_of_two_hundred_at_a_provider_adds_up_and_nothing_differs_afterwards(alone: FakeProvider, make_door: Callable[..., Door], monkeypatch: pytest.MonkeyPatch) -> None:
    faulthandler.cancel_dump_traceback_later()  # some minutes on two quiet cores, twenty where six others work
    lot, told = random.Random(2027), ports.told._answerer  # noqa: S311 (a simulation)
    doors = [make_door() for _number in range(REAL)]
    real = {door.workspace.pk for door in doors}
    monkeypatch.setattr(ports.told, "_answerer", lambda workspace: told(workspace) if told and workspace.pk in real else True)
    monkeypatch.setattr(reconciling, "others", list)
    with clock.frozen(BEGINS):
        with sides.control_unit():
            rows = [subscription(BEGINS, number=number, trial_ends_at=BEGINS + timedelta(days=lot.randint(1, 60))) for number in range(MANY - REAL)]
            # They have no schema to be entered; that they are on their way out bars the reconciliation from trying, and changes no figure.
            Workspace.objects.filter(pk__in=[row.workspace_id for row in rows]).update(state=State.LEAVING)
            rows += Subscription.objects.select_related("workspace").filter(workspace__in=real)
        buyers = {buyer.customer: buyer for buyer in (Buyer(row, alone, lot) for row in rows)}
    for number in range(DAYS):
        with clock.frozen(BEGINS + timedelta(days=number)):
            a_day(buyers, alone, lot)
            with sides.control_unit():
                assert daily.take() is not None
    with sides.control_unit():
        assert (Day.objects.count(), Subscription.objects.count()) == (DAYS, MANY)
        _every_day_adds_up()
        _any_two_looks_add_up(lot)
        assert MrrLine.objects.values("workspace").distinct().count() > MANY / 2
        assert {flow.difference for flow in figures.flows(Day.objects.earliest("day"), Day.objects.latest("day"))} == {0}
    with clock.frozen(BEGINS + timedelta(days=DAYS - 1, hours=1)):
        _nothing_differs()
    with sides.control_unit():
        assert Told.objects.filter(workspace__in=real, told_at__isnull=False).count() == REAL


def _nothing_differs() -> None:
    """Every account, invoice and real workspace is compared; then one of each is spoilt, and found."""
    found = reconciling.reconcile(full=True, fix=False)
    assert [one for one in found if one["kind"] != "inbox"] == []
    with sides.control_unit():
        bought = Subscription.objects.exclude(external_id="").first()
        assert bought is not None
        Subscription.objects.filter(pk=bought.pk).update(period_end=BEGINS)
        bill = Invoice.objects.filter(status="paid").latest("pk")
        Invoice.objects.filter(pk=bill.pk).update(total_minor=1)
    assert sorted(one["kind"] for one in reconciling.reconcile(full=True, fix=False) if one["kind"] != "inbox") == ["differs", "invoices"]
    assert [one for one in reconciling.reconcile(full=True, fix=True) if one["kind"] != "inbox"] == []
