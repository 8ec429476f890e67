"""The stand-in, asked by the real library; every answer and every event is held against the library's own annotations."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
import stripe

from billing.standin import Running, serve, shapes
from billing.standin.door import Call, Reply
from billing.standin.present import whole

# Friday, 1 January 2027, noon.
NEW_YEAR = 1_798_804_800
DAY = 86_400


@dataclass
class Ear:
    """An address that hears what is told."""

    url: str = ""
    heard: list[stripe.Event] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200

    @property
    def types(self) -> list[str]:
        """What it heard, in order."""
        return [event.type for event in self.heard]


@pytest.fixture
def ear() -> Iterator[Ear]:
    """Somebody who listens and verifies."""
    found = Ear()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                found.heard.append(stripe.Webhook.construct_event(body, self.headers["Stripe-Signature"], "whsec_standin"))
                found.bodies.append(json.loads(body))
            except stripe.SignatureVerificationError as error:
                found.refused.append(str(error))
            self.send_response(found.status if not found.refused else 400)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_address[1]}/webhooks/in/stripe"
    yield found
    server.shutdown()
    server.server_close()
    thread.join(5)


def _checked(running: Running) -> list[shapes.Complaint]:
    """Complaints about all that is answered from now on."""
    found: list[shapes.Complaint] = []
    answer = running.service.door.answer

    def answered(call: Call) -> Reply:
        reply = answer(call)
        if reply.status == 200:
            body = json.loads(reply.body)
            found.extend(shapes.complaints(body) if body.get("object") != "search_result" else [one for row in body["data"] for one in shapes.complaints(row)])
        return reply

    running.service.door.answer = answered  # type: ignore[method-assign]
    return found


@pytest.fixture
def standin(ear: Ear) -> Iterator[Running]:
    """The service, its clock standing at New Year; nothing it says may differ from the library's annotations."""
    with serve(now=NEW_YEAR, webhook_url=ear.url) as running:
        wrong = _checked(running)
        yield running
        assert running.world.faults.errors == []
        assert wrong == []
        for event in running.world.store.all("event"):
            if not event.get("_api_version") and "invented" not in event["type"]:
                assert shapes.complaints(whole(running.world, event)) == []
                assert [one for one in shapes.complaints(event["data"]["object"]) if one.kind != "unknown-object"] == [], event["type"]


@pytest.fixture
def client(standin: Running) -> stripe.StripeClient:
    """The real library; it does not try again by itself."""
    return client_of(standin)


def client_of(standin: Running, *, retries: int = 0) -> stripe.StripeClient:
    """A client of a service."""
    return stripe.StripeClient(standin.secret_key, base_addresses={"api": standin.url}, max_network_retries=retries)


@dataclass
class Shop:
    """What most stories need: prices, and customers with cards."""

    client: stripe.StripeClient
    standin: Running

    def price(self, amount: int = 1900, *, currency: str = "eur", interval: str = "month", name: str = "Seat", **more: Any) -> stripe.Price:
        """A price per seat."""
        product = self.client.v1.products.create({"name": name})
        return self.client.v1.prices.create({"product": product.id, "currency": currency, "unit_amount": amount, "recurring": {"interval": interval}, **more})  # type: ignore[typeddict-item]

    def customer(self, card: str = "pm_card_visa", **more: Any) -> stripe.Customer:
        """A customer whose card is kept; none with an empty name."""
        made = self.client.v1.customers.create({"email": "olga@veldhuis.example", "name": "Atelier Veldhuis", **more})  # type: ignore[typeddict-item]
        if card:
            method = self.client.v1.payment_methods.attach(card, {"customer": made.id})
            self.client.v1.customers.update(made.id, {"invoice_settings": {"default_payment_method": method.id}})
        return made

    def subscribed(self, *, card: str = "pm_card_visa", quantity: int = 5, price: stripe.Price | None = None, **more: Any) -> stripe.Subscription:
        """A subscription of so many seats."""
        found = price or self.price()
        return self.client.v1.subscriptions.create({"customer": self.customer(card).id, "items": [{"price": found.id, "quantity": quantity}], **more})  # type: ignore[typeddict-item]

    def sub(self, subscription: str, **more: Any) -> stripe.Subscription:
        """A subscription as it is now."""
        return self.client.v1.subscriptions.retrieve(subscription, more or None)  # type: ignore[arg-type]

    def invoices(self, subscription: str) -> list[stripe.Invoice]:
        """Its invoices, newest first."""
        return self.client.v1.invoices.list({"subscription": subscription, "limit": 100}).data

    def fault(self, name: str, /, **asked: Any) -> Any:
        """Something that the control is asked for."""
        return self.standin.service.control.do(name, asked)

    def events(self, *types: str) -> list[dict[str, Any]]:
        """Events of these types, the oldest first."""
        return [row for row in self.standin.world.store.all("event") if row["type"] in types or not types]


@pytest.fixture
def shop(client: stripe.StripeClient, standin: Running) -> Shop:
    """What most stories need."""
    return Shop(client, standin)


def item(subscription: stripe.Subscription, number: int = 0) -> Any:
    """One item of a subscription."""
    return subscription["items"].data[number]
