"""A firm with its owner and the provider in memory: what every test of buying begins with."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from billing import subscribing  # noqa: F401  (the package of the verbs)
from billing.models import BillingAccount, DayStretch, MoneyEntry, PendingChange, SeatEntry, Subscription
from billing.providers import registry
from billing.providers.fake import FakeProvider
from billing.providers.protocol import Target
from billing.subscribing import changing, checkout, pricing_of, targets
from crm_platform.accounts.actors import actor_of
from crm_platform.accounts.models import User
from crm_platform.db import sides
from crm_platform.kernel import clock
from crm_platform.kernel.permissions import Actor
from crm_platform.kernel.workspace import Place
from tests.conftest import Door

URLS: dict[str, Any] = {"success_url": "https://firm.example/back", "cancel_url": "https://firm.example/plan"}


def operation() -> str:
    """What a form carries."""
    return uuid.uuid4().hex


@dataclass
class Firm:
    """A committed workspace, its owner, and who takes its money."""

    door: Door
    provider: FakeProvider
    owner: Actor

    @property
    def place(self) -> Place:
        return self.door.place

    def target(self, **values: str) -> Target:
        return targets.target_from(self.place, {"plan": "team", "seats": "5", "currency": "EUR", "begin": "now", **values})

    def buy(self, **values: str) -> None:
        """A plan, paid for."""
        started = checkout.begin_checkout(self.place, self.target(**values), provider="stripe", actor=self.owner, **URLS)
        assert self.provider.pay_checkout(started.reference) is not None
        assert checkout.finish_checkout(self.place, started.reference)

    def change(self, *, at_end: bool | None = None, **values: str) -> Any:
        """Another choice, as the page does it: looked at, then confirmed."""
        target = targets.target_from(self.place, values)
        seen = pricing_of.preview(self.place, target, at_end=at_end)
        return changing.change(self.place, target, as_of=seen.as_of, at_end=at_end, actor=self.owner, operation=operation())

    def row(self) -> Subscription:
        with sides.control_unit():
            return Subscription.objects.select_related("plan").get(workspace=self.door.workspace)

    def account(self) -> BillingAccount:
        with sides.control_unit():
            return BillingAccount.objects.get(workspace=self.door.workspace)

    def ledger(self) -> list[tuple[int, int]]:
        with sides.control_unit():
            return list(SeatEntry.objects.filter(workspace=self.door.workspace).order_by("id").values_list("change", "seats"))

    def journal(self) -> list[str]:
        with sides.control_unit():
            return list(MoneyEntry.objects.filter(account__workspace=self.door.workspace).order_by("id").values_list("name", flat=True))

    def events(self) -> list[str]:
        from crm_platform.events.models import Event

        with sides.unit(self.place):
            return list(Event.objects.order_by("id").values_list("name", flat=True))

    def look(self) -> None:
        """What an event of the provider's leads to."""
        from billing.providers import syncing

        self.provider.pass_time()
        syncing.sync_account(self.account().pk)

    def charged(self) -> int:
        return sum(amount for _customer, amount in self.provider.books.charges)

    def state(self) -> tuple[Any, ...]:
        """What must not change where something is refused."""
        row = self.row()
        return (row.plan_id, row.seats, row.interval, row.add_ons, row.cancel_at, row.paused_until, row.discount, self.charged(), len(self.provider.books.subscriptions))


@contextmanager
def firm_at(door: Door, *, tax_bp: int = 0) -> Iterator[Firm]:
    """A firm whose money goes to the provider in memory."""
    provider = FakeProvider(tax_bp=tax_bp)
    with registry.stand_in(provider):
        with sides.unit(door.place):
            owner = actor_of(User.objects.select_related("role", "group").get(role__code="owner"))
        try:
            yield Firm(door, provider, owner)
        finally:  # its books are gone with it: whoever looks at all that waits must not ask for it there
            with sides.control_unit():
                PendingChange.objects.filter(subscription__workspace=door.workspace, state="waiting").update(state="lapsed")
                DayStretch.objects.filter(account__workspace=door.workspace, settled_at=None).update(settled_at=clock.now())


def later(moment: Any) -> Any:
    """Business time held at a moment."""
    return clock.frozen(moment)
