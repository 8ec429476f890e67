"""A workspace that pays by Stripe, over the sandbox payment service on a port of this machine."""

from __future__ import annotations

import time
from typing import Any

import stripe

from billing import telling
from billing.models import BillingAccount, Subscription
from billing.providers import syncing
from billing.providers.protocol import Payer, Started
from billing.standin.errors import ApiError
from billing.standin.resources import checkout
from crm_platform.db import sides
from crm_platform.kernel import clock
from tenants.lifecycle.billing_state import standing
from tests.conftest import Door

from .conftest import post, target
from .rigs import StripeRig


def signed(raw: bytes, secret: str, *, at: int | None = None) -> dict[str, str]:
    """The header that the library makes."""
    return {"stripe-signature": stripe.WebhookSignature.generate_signature_header(raw.decode("utf-8", "replace"), secret, at or int(time.time()))}


class Shop:
    """A workspace that pays by Stripe, over the sandbox."""

    def __init__(self, rig: StripeRig, door: Door) -> None:
        self.rig, self.door, self.provider = rig, door, rig.provider
        with sides.control_unit():
            account = BillingAccount.objects.get_or_create(workspace=door.workspace, defaults={"slug": door.workspace.slug or ""})[0]
        account.provider = "stripe"
        account.external_id = self.provider.ensure_customer(Payer(account.public_id, "Atelier Veldhuis", "olga@veldhuis.example"), external_id=None, key=account.public_id)
        with sides.control_unit():
            account.save()
        self.account_id, self.customer = account.pk, account.external_id

    @property
    def row(self) -> Subscription:
        with sides.control_unit():
            return Subscription.objects.select_related("plan", "workspace").get(workspace=self.door.workspace)

    def start(self, seats: int = 5, **more: Any) -> Started:
        """A page to pay at."""
        return self.provider.start_checkout(self.customer, target(seats, **more), success_url="https://crm.example", cancel_url="https://crm.example", key=f"cs{time.time_ns()}")

    def buy(self, seats: int = 5) -> None:
        assert self.rig.pay(self.start(seats))

    def pay_at(self, started: Started, *, authenticated: bool = False) -> str:
        """The payer at the page: ok, action (the bank asks), or the decline's code."""
        world = self.rig.standin.world
        try:
            with world.store.lock, world.store.unit():
                return str(checkout.complete(world, started.reference, fixture="pm_card_visa", authenticated=authenticated).kind)
        except ApiError as error:
            return error.code or "refused"

    def look(self) -> None:
        """What an event of theirs leads to."""
        syncing.sync_account(self.account_id)

    def state(self) -> str:
        """What its people may do, by the moments that are kept."""
        return str(standing(telling.facts(self.row), now=clock.now()).state)

    def had(self) -> str:
        """The plan whose limits hold: its trial is long over."""
        with sides.control_unit():
            return str(telling.values_of(Subscription.objects.select_related("plan", "workspace").get(workspace=self.door.workspace))["plan"])

    def standin(self, name: str, **asked: Any) -> Any:
        """The sandbox's control."""
        return self.rig._do(name, **asked)

    def events(self) -> list[Any]:
        return [event for event in self.provider.events() if event.customer == self.customer]

    def deliver(self, raw: bytes) -> int:
        return int(post(raw, **signed(raw, self.rig.standin.webhook_secret)).status_code)
