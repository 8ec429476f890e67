"""Events: told once, signed, tried again; lost, doubled, late, turned round and forged where the control says so."""

from __future__ import annotations

import http.client
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import stripe

from billing.standin import Running, serve
from billing.standin.delivering import Deliveries

from .conftest import DAY, NEW_YEAR, Ear, Shop, client_of, item


def ctl(standin: Running, name: str, /, **asked: Any) -> tuple[int, Any]:
    """The control by plain HTTP."""
    connection = http.client.HTTPConnection(urlsplit(standin.url).netloc, timeout=5)
    connection.request("POST" if asked else "GET", f"/_ctl/{name}", json.dumps(asked) if asked else None)
    answer = connection.getresponse()
    found = answer.status, json.loads(answer.read())
    connection.close()
    return found


def test_every_event_is_told_signed_and_in_order(shop: Shop, standin: Running, ear: Ear) -> None:
    shop.subscribed()
    assert standin.deliver() == len(ear.heard) == len(shop.events())
    assert ear.types == [row["type"] for row in shop.events()]
    assert ear.refused == []
    assert {event.api_version for event in ear.heard} == {stripe.api_version}
    assert not any(event.livemode for event in ear.heard)
    assert {row["pending_webhooks"] for row in shop.events()} == {0}
    assert standin.deliver() == 0


def test_a_failed_telling_is_tried_again(shop: Shop, standin: Running, ear: Ear) -> None:
    ear.status = 503
    shop.client.v1.customers.create({})
    assert standin.deliver() == 1
    assert [one.id for one in shop.client.v1.events.list({"delivery_success": False}).data] == [row["id"] for row in shop.events()]
    assert standin.deliver() == 0
    ear.status = 200
    assert standin.deliver(everything=True) == 1
    assert shop.client.v1.events.list({"delivery_success": False}).data == []
    assert ear.heard[0].id == ear.heard[1].id


def test_registered_endpoints_hear_what_they_asked_for(shop: Shop, standin: Running, ear: Ear) -> None:
    made = shop.client.v1.webhook_endpoints.create({"url": ear.url + "?second", "enabled_events": ["product.created"], "api_version": "2020-08-27"})
    assert made.secret
    assert made.secret.startswith("whsec_")
    assert "secret" not in shop.client.v1.webhook_endpoints.retrieve(made.id)
    shop.client.v1.customers.create({})
    shop.client.v1.products.create({"name": "x"})
    standin.deliver()
    assert ear.types == ["customer.created", "product.created"]
    assert len(ear.refused) == 1  # signed by the endpoint's own secret
    shop.client.v1.webhook_endpoints.delete(made.id)
    shop.client.v1.products.create({"name": "y"})
    standin.deliver()
    assert len(ear.refused) == 1


@pytest.mark.parametrize(("fault", "heard", "refused"), [
    ({"kind": "drop"}, 1, 0), ({"kind": "duplicate", "times": 3}, 4, 0), ({"kind": "delay", "seconds": 60}, 1, 0),
    ({"kind": "sign", "secret": "wrong"}, 1, 1), ({"kind": "sign", "secret": "old"}, 1, 1), ({"kind": "sign", "age": 360}, 1, 1), ({"kind": "drop", "types": ["invoice.*"]}, 2, 0),
])  # fmt: skip
def test_the_next_telling_goes_astray(shop: Shop, standin: Running, ear: Ear, fault: dict[str, Any], heard: int, refused: int) -> None:
    shop.fault("webhooks", **fault)
    shop.client.v1.customers.create({"name": "one"})
    shop.client.v1.customers.create({"name": "two"})
    standin.deliver()
    assert (len(ear.heard), len(ear.refused)) == (heard, refused)
    ear.refused.clear()
    standin.deliver(everything=True)
    assert {event.data.object["name"] for event in ear.heard} == {"one", "two"}


def test_three_come_in_reverse(shop: Shop, standin: Running, ear: Ear) -> None:
    shop.fault("webhooks", kind="reorder", count=3)
    for name in "abcd":
        shop.client.v1.customers.create({"name": name})
    standin.deliver()
    assert [event.data.object["name"] for event in ear.heard] == ["c", "b", "a", "d"]


def test_held_back_and_let_go(shop: Shop, standin: Running, ear: Ear) -> None:
    shop.fault("freeze")
    shop.client.v1.customers.create({})
    assert standin.deliver() == 0
    shop.fault("freeze", frozen=False)
    assert standin.deliver() == 1


def test_other_versions_unknown_types_and_live_ones(shop: Shop, standin: Running, ear: Ear) -> None:
    sub = shop.subscribed()
    standin.deliver()
    ear.bodies.clear()
    shop.fault("emit", type="customer.subscription.updated", id=sub.id, api_version="2020-08-27", set={"current_period_end": 1, "status": "frozen"})
    shop.fault("emit", type="invented.by.somebody", object={"id": "x", "object": "thing"}, extra={"surprise": True})
    shop.fault("emit", type="customer.invented", object={"id": "cus_other", "object": "customer"}, livemode=True, created=NEW_YEAR - 40 * DAY)
    standin.deliver()
    old, unknown, live = ear.bodies
    assert (old["api_version"], old["data"]["object"]["status"]) == ("2020-08-27", "frozen")
    assert (unknown["type"], unknown["surprise"]) == ("invented.by.somebody", True)
    assert (live["livemode"], live["created"]) == (True, NEW_YEAR - 40 * DAY)
    shop.fault("resend", id=old["id"])
    standin.deliver()
    assert ear.bodies[-1]["id"] == old["id"]


def test_events_are_listed_by_type_and_from_one_on(shop: Shop) -> None:
    shop.subscribed()
    events = shop.client.v1.events.list({"types": ["customer.*", "invoice.paid"]})
    assert {event.type for event in events.data} <= {"customer.created", "customer.updated", "customer.subscription.created", "customer.subscription.updated", "invoice.paid"}
    first = shop.events()[0]["id"]
    later = shop.client.v1.events.list({"ending_before": first, "limit": 3})
    assert [event.id for event in later.data] == [row["id"] for row in shop.events()[3:0:-1]]


def test_events_say_what_was_before(shop: Shop) -> None:
    sub = shop.subscribed()
    shop.client.v1.subscriptions.update(sub.id, {"metadata": {"op": "1"}, "items": [{"id": item(sub).id, "quantity": 6}], "proration_behavior": "none"})
    one, two = shop.events("customer.subscription.updated")[-2:]
    assert one["data"]["previous_attributes"] == {"metadata": {}}
    assert two["data"]["previous_attributes"]["items"]["data"][0]["quantity"] == 5
    assert one["request"]["idempotency_key"]


# In the dashboard, and calls that fail.


def test_somebody_edits_in_the_dashboard(shop: Shop, standin: Running) -> None:
    sub = shop.subscribed()
    shop.fault("edit", id=sub.id, set={"items.data.0.quantity": 9})
    assert item(shop.sub(sub.id)).quantity == 9
    assert len(shop.events("customer.subscription.updated")) == 2
    shop.fault("edit", id=item(sub).price.id, set={"unit_amount": 1, "unit_amount_decimal": "1"}, silent=True)
    assert item(shop.sub(sub.id)).price.unit_amount == 1
    assert shop.events("price.updated") == []
    shop.fault("delete", id=sub.id)
    assert shop.sub(sub.id).status == "canceled"
    shop.fault("delete", id=str(sub.customer))
    assert shop.client.v1.customers.retrieve(str(sub.customer)).deleted
    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.subscriptions.create({"customer": str(sub.customer), "items": [{"price": item(sub).price.id}]})


@pytest.mark.parametrize(("fault", "error", "made"), [
    ({"status": 500}, stripe.APIError, 0), ({"status": 500, "when": "after"}, stripe.APIError, 1), ({"status": 429}, stripe.RateLimitError, 0),
    ({"timeout": True}, stripe.APIConnectionError, 0), ({"timeout": True, "when": "after"}, stripe.APIConnectionError, 1),
])  # fmt: skip
def test_a_call_fails_before_or_after_it_is_done(shop: Shop, standin: Running, fault: dict[str, Any], error: type[Exception], made: int) -> None:
    shop.fault("calls", path="/v1/customers", method="POST", **fault)
    with pytest.raises(error):
        shop.client.v1.customers.create({"name": "x"}, {"idempotency_key": "k"})
    assert len(standin.world.store.all("customer")) == made
    if fault.get("timeout") or not made:
        assert shop.client.v1.customers.create({"name": "x"}, {"idempotency_key": "k"}).name == "x"
    else:
        with pytest.raises(error):  # what failed after it was done stays failed for its key
            shop.client.v1.customers.create({"name": "x"}, {"idempotency_key": "k"})
    assert len(standin.world.store.all("customer")) == 1


def test_the_library_tries_again_by_itself(shop: Shop, standin: Running) -> None:
    shop.fault("calls", path="/v1/customers", timeout=True, when="after")
    assert client_of(standin, retries=2).v1.customers.create({"name": "x"}).name == "x"
    assert len(standin.world.store.all("customer")) == 1


def test_a_finalisation_that_fails(shop: Shop, standin: Running) -> None:
    sub = shop.subscribed()
    shop.fault("payments", finalisation=True)
    standin.advance_to(item(sub).current_period_end + 3601)
    stuck = shop.invoices(sub.id)[0]
    assert (stuck.status, len(shop.events("invoice.finalization_failed"))) == ("draft", 1)
    shop.fault("finalize", id=stuck.id)
    assert shop.invoices(sub.id)[0].status == "open"


def test_a_debit_takes_days(shop: Shop, standin: Running) -> None:
    shop.fault("payments", pending=True)
    sub = shop.subscribed()
    assert sub.status == "incomplete"
    standin.advance(3 * DAY)
    assert shop.sub(sub.id).status in ("active", "incomplete_expired")


# The control itself, and what stays.


def test_the_control_speaks_json(standin: Running) -> None:
    assert ctl(standin, "clock")[1]["now"] == NEW_YEAR
    assert ctl(standin, "clock", advance=60)[1]["now"] == NEW_YEAR + 60
    for name, asked in (("clock", {"now": NEW_YEAR - 1}), ("clock", {"advance": -1}), ("webhooks", {"kind": "explode"}), ("webhooks", {"colour": "red"}), ("calls", {"path": 7}), ("payments", {"x": 1}), ("settings", {"after_retries": "x"}), ("scenario", {"name": "x"})):
        assert ctl(standin, name, **asked)[0] == 400
    assert ctl(standin, "nonsense", x=1)[0] == 404
    assert ctl(standin, "edit", id="none")[0] == 404
    state = ctl(standin, "state")[1]
    assert (state["livemode"], state["errors"]) == (False, [])


@pytest.mark.parametrize(("name", "status"), [("active", "active"), ("trial_ending", "trialing"), ("past_due", "past_due"), ("unfinished", "incomplete")])
def test_scenarios(shop: Shop, standin: Running, name: str, status: str) -> None:
    made = shop.fault("scenario", name=name)
    assert shop.sub(made["subscription"]).status == status == made["status"]
    assert shop.fault("reset", x=1)["objects"] == {}


def test_it_survives_a_restart(tmp_path: Path, ear: Ear) -> None:
    path = tmp_path / "state.sqlite3"
    with serve(path=path, now=NEW_YEAR) as first:
        shop = Shop(client_of(first), first)
        sub = shop.subscribed()
        first.advance(DAY)
    with serve(path=path, webhook_url=ear.url) as second:
        again = Shop(client_of(second), second)
        assert second.world.today() == NEW_YEAR + DAY
        assert item(again.sub(sub.id)).quantity == 5
        second.advance(40 * DAY)
        assert len(again.invoices(sub.id)) == 2
        assert again.client.v1.customers.create({"name": "x"}).name == "x"
        assert second.deliver() > 0


def test_time_and_events_move_by_themselves(ear: Ear) -> None:
    with serve(webhook_url=ear.url, background=True) as running:
        client_of(running).v1.customers.create({})
        until = time.monotonic() + 5
        while not ear.heard and time.monotonic() < until:
            time.sleep(0.02)
        assert ear.types == ["customer.created"]
        assert abs(running.world.today() - time.time()) < 5


def test_what_is_still_to_be_told_is_remembered_however_far_the_clock_moves(shop: Shop, standin: Running, ear: Ear) -> None:
    shop.subscribed()
    standin.deliver()
    shop.fault("freeze", frozen=True)
    waiting = len(ear.heard)
    shop.customer("")
    ctl(standin, "clock", advance=200 * DAY)
    shop.fault("freeze", frozen=False)
    standin.deliver()
    assert "customer.created" in ear.types[waiting:]
    ctl(standin, "clock", advance=1)
    assert all(row["type"] != "customer.created" for row in shop.events())  # told, and older than the service remembers


def test_an_event_that_is_gone_while_it_is_told_stops_nobody(shop: Shop, standin: Running, ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.subscribed()
    posted = Deliveries._posted

    def emptied(deliveries: Deliveries, event: Any, *given: Any) -> Any:
        found = posted(deliveries, event, *given)
        with standin.world.store.lock:
            standin.world.store.forget([event["id"]])
        return found

    monkeypatch.setattr(Deliveries, "_posted", emptied)
    assert standin.deliver() == len(ear.heard)
