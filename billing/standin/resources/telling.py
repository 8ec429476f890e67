"""Events, the endpoints that hear of them, and test clocks."""

from __future__ import annotations

import fnmatch
import secrets

import stripe

from billing.standin.errors import invalid
from billing.standin.shapes import Obj
from billing.standin.timeline import Timeline
from billing.standin.world import World

from .listing import deleted, fits, merged, page


def events(world: World, asked: Obj) -> Obj:
    """Events, newest first: of some types, delivered or not."""
    kinds = asked.get("types") or ([asked["type"]] if "type" in asked else None)
    delivered = asked.get("delivery_success")
    rows = [
        row for row in world.store.all("event")
        if fits(row, {"created": asked["created"]} if "created" in asked else {})
        and (kinds is None or any(fnmatch.fnmatchcase(row["type"], kind) for kind in kinds))
        and delivered in (None, row["pending_webhooks"] == 0)
    ]  # fmt: skip
    return page(world, rows, asked, url="/v1/events")


# Endpoints.


def create_endpoint(world: World, asked: Obj) -> Obj:
    """One more address to tell; its secret is shown this once."""
    row = world.new(
        "webhook_endpoint", "we", livemode=False, status="enabled", url=asked["url"], enabled_events=asked["enabled_events"], description=asked.get("description"),
        metadata=merged({}, asked.get("metadata")), api_version=asked.get("api_version", stripe.api_version), _secret=f"whsec_{secrets.token_urlsafe(24)}",
    )  # fmt: skip
    del row["secret"]
    world.store.add(row)
    return row | {"secret": row["_secret"]}


def update_endpoint(world: World, asked: Obj, endpoint: str) -> Obj:
    """Change an endpoint."""
    world.store.get("webhook_endpoint", endpoint)
    with world.changing(endpoint) as row:
        row |= {name: asked[name] for name in ("url", "enabled_events", "description") if name in asked}
        row["metadata"] = merged(row["metadata"], asked.get("metadata"))
        row["status"] = "disabled" if asked.get("disabled") else "enabled"
    return row


def delete_endpoint(world: World, _asked: Obj, endpoint: str) -> Obj:
    """Tell an address no more."""
    row = world.store.edit(world.store.get("webhook_endpoint", endpoint)["id"])
    row["_gone"] = True
    return deleted(row)


# Clocks of their own, for customers that are made with one.


def create_clock(world: World, asked: Obj) -> Obj:
    """A clock that stands until it is advanced."""
    row = world.new(
        "test_helpers.test_clock", "clock", livemode=False, name=asked.get("name"), frozen_time=asked["frozen_time"], status="ready",
        deletes_after=world.today() + 30 * 86_400, status_details={"advancing": None},
    )  # fmt: skip
    return world.add(row, event="test_helpers.test_clock.created")


def advance_clock(world: World, timeline: Timeline, asked: Obj, clock: str) -> Obj:
    """Move a clock on; whatever falls due on the way happens."""
    row = world.store.get("test_helpers.test_clock", clock)
    if asked["frozen_time"] <= row["frozen_time"]:
        raise invalid("The frozen_time must be after the clock's present time.", param="frozen_time")
    timeline.run(asked["frozen_time"], clock=clock)
    with world.store.unit(), world.changing(clock, "test_helpers.test_clock.ready") as row:
        row |= {"frozen_time": asked["frozen_time"], "status": "ready"}
    return row


def delete_clock(world: World, _asked: Obj, clock: str) -> Obj:
    """Delete a clock with the customers that live by it."""
    row = world.store.edit(world.store.get("test_helpers.test_clock", clock)["id"])
    row["_gone"] = True
    for customer in world.store.all("customer", test_clock=clock):
        world.store.edit(customer["id"])["_gone"] = True
        for subscription in world.store.all("subscription", customer=customer["id"]):
            world.store.edit(subscription["id"]).update({"status": "canceled", "_gone": True})
    world.announce("test_helpers.test_clock.deleted", row)
    return deleted(row)
