"""A workspace that pays, a provider in memory, and ways to let events arrive."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client

from billing import ports
from billing.models import BillingAccount, Subscription
from billing.pricing import Interval
from billing.providers import inbox, reconciling, registry
from billing.providers.fake import FakeProvider, sign
from billing.providers.models import Cursor, Drift, ProviderEvent, ProviderOp
from billing.providers.protocol import Event, Payer, Target
from crm_platform.db import sides
from crm_platform.jobs import serving
from tests.conftest import Door


def target(seats: int = 5, *, plan: str = "team", **more: Any) -> Target:
    return Target(plan, 1, seats, more.pop("interval", Interval.MONTH), more.pop("currency", "EUR"), **more)


@dataclass
class Paying:
    """A workspace with its account and the provider in memory."""

    door: Door
    account_id: int
    provider: FakeProvider

    @property
    def account(self) -> BillingAccount:
        with sides.control_unit():
            return BillingAccount.objects.get(pk=self.account_id)

    @property
    def row(self) -> Subscription:
        with sides.control_unit():
            return Subscription.objects.select_related("plan", "workspace").get(workspace=self.door.workspace)

    @property
    def customer(self) -> str:
        return self.account.external_id

    def buy(self, wanted: Target | None = None) -> Any:
        """Checkout, paid at the page; the events stand in the provider's list."""
        started = self.provider.start_checkout(self.customer, wanted or target(), success_url="", cancel_url="", key=f"cs{len(self.provider.calls)}")
        return self.provider.pay_checkout(started.reference)

    def told(self, kind: str) -> Event:
        """The last event of a kind."""
        return [event for event in self.provider.books.events if event.kind == kind][-1]

    def deliver(self, event: Event, **headers: str) -> Any:
        """Post an event as the provider does."""
        raw = self.provider.raw(event)
        return post(raw, **(headers or {"fake-signature": sign(raw)}))

    def status_of(self, event: Event) -> str:
        with sides.control_unit():
            return ProviderEvent.objects.get(external_id=event.external_id).status


def post(raw: bytes, **headers: str) -> Any:
    client = Client(HTTP_HOST="localhost", raise_request_exception=False)
    return client.post("/webhooks/in/stripe", raw, content_type="application/json", headers=headers)


def work() -> None:
    """Serve what is due on the control side, and first what other tests have left there, however many slices it takes."""
    for _slice in range(30):
        if serving.serve_side(sides.control_unit, seconds=60):
            return


@pytest.fixture(autouse=True)
def no_transfers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who pays by transfer is kept in our own tables, and what the tests of that have left there is not to be compared here."""
    monkeypatch.delitem(registry._makers, "manual_invoice")
    monkeypatch.delitem(registry._made, "manual_invoice", raising=False)


@pytest.fixture(autouse=True)
def no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor are the workspaces of other tests, which have nothing at a provider."""
    monkeypatch.setattr(reconciling, "others", list)


@pytest.fixture
def fake() -> Iterator[FakeProvider]:
    provider = FakeProvider()
    with registry.stand_in(provider):
        yield provider


@pytest.fixture
def paying(make_door: Callable[..., Door], fake: FakeProvider, monkeypatch: pytest.MonkeyPatch) -> Iterator[Paying]:
    """On trial, with a customer at the provider, and nothing bought yet. Events are looked at without waiting for more."""
    monkeypatch.setattr(inbox, "GATHER", inbox.GATHER * 0)
    yield customer_of(make_door(), fake)
    clear()


@pytest.fixture
def shop(make_door: Callable[..., Door], monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The same by the real adapter, over the sandbox: a `shops.Shop`."""
    from .rigs import StripeRig, stripe_rig
    from .shops import Shop

    monkeypatch.setattr(inbox, "GATHER", inbox.GATHER * 0)
    door = make_door()
    with stripe_rig() as rig, registry.stand_in(rig.provider):
        assert isinstance(rig, StripeRig)
        with sides.control_unit():
            Cursor.objects.all().delete()
        yield Shop(rig, door)
        clear()


def customer_of(door: Door, fake: FakeProvider) -> Paying:
    with sides.control_unit():
        account, _made = BillingAccount.objects.get_or_create(workspace=door.workspace, defaults={"slug": door.workspace.slug or ""})
        account.provider = fake.code
        account.external_id = fake.ensure_customer(Payer(account.public_id, "Atelier Veldhuis", "olga@veldhuis.example"), external_id=None, key=account.public_id)
        account.save()
    return Paying(door, account.pk, fake)


def lose_events() -> None:
    """As if none had arrived."""
    with sides.control_unit():
        ProviderEvent.objects.all().delete()


def clear() -> None:
    """What one test left is none of the next one's."""
    lose_events()
    with sides.control_unit():
        ProviderOp.objects.all().delete()
        Subscription.objects.exclude(external_id="").update(external_id="")
        Drift.objects.all().delete()
        BillingAccount.objects.exclude(external_id="").update(external_id="", dirty_at=None)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The workspaces that were told."""
    heard: list[Any] = []
    monkeypatch.setattr(ports.told, "_answerer", heard.append)
    return heard
