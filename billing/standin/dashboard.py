"""What somebody does "in the dashboard", behind the application's back, and what banks and registries answer."""

from __future__ import annotations

import copy
from collections.abc import Callable

import stripe

from . import disputes, invoicing, paying, subscribed
from .errors import invalid, missing
from .resources import customers, money
from .shapes import Obj
from .world import World

_PREFIX = {"subscription": "customer.subscription"}


def _row(world: World, asked: Obj) -> Obj:
    row = world.store.rows.get(str(asked.get("id")))
    if row is None:
        raise missing("object", str(asked.get("id")))
    return row


def edit(world: World, asked: Obj) -> Obj:
    """Change any field of anything: {"id", "set": {…}}; "silent" tells nobody. A name with dots reaches inside: items.data.0.quantity."""
    row = _row(world, asked)
    name = _PREFIX.get(row["object"], row["object"])
    with world.changing(row["id"], "" if asked.get("silent") else f"{name}.updated") as kept:
        for path, value in (asked.get("set") or {}).items():
            _put(kept, path.split("."), value)
    return row


def _put(place: Obj, keys: list[str], value: object) -> None:
    found: object = place
    for key in keys[:-1]:
        found = found[int(key)] if isinstance(found, list) else found[key]  # type: ignore[index]  # as deep as the path says
    if isinstance(found, list):
        found[int(keys[-1])] = value
    elif isinstance(found, dict):
        found[keys[-1]] = value


def delete(world: World, asked: Obj) -> Obj:
    """Delete a customer, end a subscription, archive a price: {"id"}; "silent" tells nobody."""
    row = _row(world, asked)
    if row["object"] == "customer":
        customers.delete(world, {}, row["id"])
    elif row["object"] == "subscription":
        subscribed.end(world, row["id"], reason="cancellation_requested")
    elif row["object"] == "price":
        with world.changing(row["id"], "price.updated") as kept:
            kept["active"] = False
    else:
        world.store.edit(row["id"])["_gone"] = True
        world.announce(f"{row['object']}.deleted", row)
    return row


def emit(world: World, asked: Obj) -> Obj:
    """Announce anything: {"type", "id" or "object": {…}}, with "set" over the object, "api_version", "livemode", "extra" top-level fields, "created"."""
    kind = str(asked.get("type") or "unknown.event")
    source = copy.deepcopy(asked["object"]) if "object" in asked else copy.deepcopy(world.show(_row(world, asked)))
    source |= asked.get("set") or {}
    event = world.new("event", "evt", type=kind, api_version=stripe.api_version, data={"object": source}, request={"id": None, "idempotency_key": None})
    event |= {"livemode": bool(asked.get("livemode", False)), "account": None, "context": None, "pending_webhooks": 0}
    event |= {"created": asked["created"]} if "created" in asked else {}
    event |= asked.get("extra") or {}
    if asked.get("api_version"):
        event |= {"api_version": asked["api_version"], "_api_version": asked["api_version"]}
    world.store.add(event)
    world.told(event)
    return event


def resend(world: World, asked: Obj) -> Obj:
    """Send an event again, as it was: {"id"}."""
    event = world.store.get("event", str(asked.get("id")))
    world.told(world.store.edit(event["id"]))
    return event


def refund(world: World, asked: Obj) -> Obj:
    """The bank answers about a refund: {"id", "status": succeeded | failed}."""
    return money.finish_refund(world, str(asked.get("id")), str(asked.get("status", "failed")))


def tax_id(world: World, asked: Obj) -> Obj:
    """The registry answers: {"id" or "value", "status"}."""
    found = [row for row in world.store.all("tax_id") if asked.get("id") == row["id"] or asked.get("value") == row["value"]]
    if not found:
        raise missing("tax_id", str(asked.get("id") or asked.get("value")))
    return customers.judge_tax_id(world, found[-1]["id"], str(asked.get("status", "verified")))


def debit(world: World, asked: Obj) -> Obj:
    """The bank answers about a debit: {"id": payment intent, "status": succeeded | failed}."""
    row = world.store.get("payment_intent", str(asked.get("id")))
    if row["status"] != "processing":
        raise invalid(f"This intent is {row['status']}.")
    world.store.edit(row["id"])["_ends"] = asked.get("status", "succeeded")
    paying.finish_debit(world, row["id"])
    return row


def finalize(world: World, asked: Obj) -> Obj:
    """Try to finalise a draft anew, after whatever hindered it was mended: {"id"}."""
    return invoicing.finalise(world, world.store.get("invoice", str(asked.get("id")))["id"])


def dispute(world: World, asked: Obj) -> Obj:
    """A charge is disputed: {"charge" or "payment_intent", "reason"}; or the bank decides: {"id": dispute, "status": lost | won}."""
    if "id" in asked:
        return disputes.close_dispute(world, str(asked["id"]), str(asked.get("status", "lost")))
    charge = asked.get("charge") or world.store.get("payment_intent", str(asked.get("payment_intent")))["latest_charge"]
    return disputes.open_dispute(world, str(charge), str(asked.get("reason", "fraudulent")))


VERBS: dict[str, Callable[[World, Obj], Obj]] = {
    "edit": edit, "delete": delete, "emit": emit, "resend": resend, "refund": refund, "tax_id": tax_id, "debit": debit, "finalize": finalize, "dispute": dispute,
}  # fmt: skip
