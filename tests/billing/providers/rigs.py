"""The same questions to every provider: a rig lets the payer pay, the bank refuse and time pass.

A further adapter brings its own `Rig`, adds it to `RIGS` in `test_contract`, and is asked all of it.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from billing.providers.fake import FakeProvider
from billing.providers.protocol import AccountSeen, InvoiceSeen, Payer, Provider, Started, SubscriptionSeen, Target
from crm_platform.kernel import clock

BEGIN = datetime(2027, 3, 10, 9, tzinfo=UTC)


class Rig(Protocol):
    """What the questions need beside the provider's own verbs."""

    provider: Provider

    def pay(self, started: Started) -> bool: ...
    def decline_next(self) -> None: ...
    def challenge_next(self) -> None: ...
    def lose_answer(self) -> None: ...
    def go_down(self) -> None: ...
    def advance(self, step: timedelta) -> None: ...
    def charged(self, customer: str) -> int: ...
    def fail_refund(self, refund: str) -> None: ...
    def leave_unmade(self) -> None: ...


class Time:
    """Business time that a rig moves on."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self.stack, self.now = stack, BEGIN
        stack.enter_context(clock.frozen(BEGIN))

    def move(self, step: timedelta) -> datetime:
        self.now += step
        self.stack.enter_context(clock.frozen(self.now))
        return self.now


class FakeRig:
    """The provider in memory."""

    def __init__(self, time: Time) -> None:
        self.time, self.provider = time, FakeProvider()

    def pay(self, started: Started) -> bool:
        page = self.provider.books.checkouts[started.reference]
        return page.state == "open" and self.provider.pay_checkout(started.reference) is not None

    def decline_next(self) -> None:
        self.provider.decline_next()

    def challenge_next(self) -> None:
        self.provider.outcomes.append("challenge")

    def lose_answer(self) -> None:
        self.provider.faults.append("after")

    def go_down(self) -> None:
        self.provider.down = True

    def advance(self, step: timedelta) -> None:
        self.time.move(step)
        self.provider.pass_time()

    def charged(self, customer: str) -> int:
        return sum(amount for who, amount in self.provider.books.charges if who == customer)

    def fail_refund(self, refund: str) -> None:
        self.provider.fail_refund(refund)

    def leave_unmade(self) -> None:
        self.provider.outcomes.append("unmade")


class StripeRig:
    """The real library, over the sandbox payment service on a port of this machine."""

    def __init__(self, time: Time, standin: Any) -> None:
        from billing.providers.stripe_adapter.adapter import StripeProvider

        self.time, self.standin = time, standin
        self.provider = StripeProvider(key=standin.secret_key, base=standin.url, secrets=[standin.webhook_secret])

    def _do(self, name: str, **asked: Any) -> Any:
        return self.standin.service.control.do(name, asked)

    def pay(self, started: Started) -> bool:
        from billing.standin.errors import ApiError
        from billing.standin.resources import checkout

        world = self.standin.world
        try:
            with world.store.lock, world.store.unit():
                return bool(checkout.complete(world, started.reference, fixture="pm_card_visa").kind == "ok")
        except ApiError:
            return False

    def decline_next(self) -> None:
        self._do("payments", decline="card_declined")

    def challenge_next(self) -> None:
        self._do("payments", **{"3ds": True})

    def lose_answer(self) -> None:
        # As often as the library tries by itself.
        self._do("calls", path="/v1/(subscriptions|checkout|customers|refunds)", method="POST", timeout=True, when="after", count=2)

    def go_down(self) -> None:
        self._do("calls", path="/v1/", status=503, count=1000)

    def advance(self, step: timedelta) -> None:
        self.standin.advance_to(int(self.time.move(step).timestamp()))

    def charged(self, customer: str) -> int:
        return sum(row["amount"] for row in self.standin.world.store.all("charge") if row["customer"] == customer and row["status"] == "succeeded")

    def fail_refund(self, refund: str) -> None:
        self._do("refund", id=refund, status="failed")

    def leave_unmade(self) -> None:
        self._do("payments", finalisation=True)


@contextlib.contextmanager
def fake_rig() -> Iterator[Rig]:
    with contextlib.ExitStack() as stack:
        yield FakeRig(Time(stack))


@contextlib.contextmanager
def stripe_rig() -> Iterator[Rig]:
    from billing.providers.models import ProviderPrice
    from billing.standin import serve
    from crm_platform.db import sides

    with contextlib.ExitStack() as stack:
        with sides.control_unit():  # the sandbox is new: it knows none of the prices of the one before
            ProviderPrice.objects.filter(provider="stripe").delete()
        time = Time(stack)
        yield StripeRig(time, stack.enter_context(serve(now=int(BEGIN.timestamp()))))


class Firm:
    """A customer, and short ways to ask about it."""

    def __init__(self, rig: Rig) -> None:
        self.rig, self.provider = rig, rig.provider
        self.payer = Payer(uuid.uuid4().hex, "Bakkerij De Wit", "olga@dewit.example")
        self.customer = self.provider.ensure_customer(self.payer, external_id=None, key=self.key())

    def key(self) -> str:
        return uuid.uuid4().hex

    def start(self, target: Target) -> Started:
        return self.provider.start_checkout(self.customer, target, success_url="https://crm.example/done", cancel_url="https://crm.example/back", key=self.key())

    def buy(self, target: Target) -> SubscriptionSeen:
        assert self.rig.pay(self.start(target))
        return self.sub()

    def seen(self) -> AccountSeen:
        return self.provider.fetch(self.customer)

    def sub(self) -> SubscriptionSeen:
        [found] = [one for one in self.seen().subscriptions if one.status != "incomplete"]
        return found

    def invoices(self) -> list[InvoiceSeen]:
        return [one for one in self.seen().invoices if one.status != "void"]

    def change(self, target: Target, *, as_of: datetime | None = None, key: str = "") -> Any:
        return self.provider.apply_change(self.sub().external_id, target, as_of=as_of or clock.now(), key=key or self.key())
