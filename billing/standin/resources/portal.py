"""The portal: where a customer keeps cards, sees invoices and cancels."""

from __future__ import annotations

from billing.standin.shapes import Obj
from billing.standin.world import World

from .listing import fits, merged, page

_UPDATES = ("address", "email", "name", "phone", "tax_id")


def create_session(world: World, asked: Obj) -> Obj:
    """A page for one customer."""
    customer = world.store.get("customer", asked.get("customer", ""), param="customer")
    chosen = world.store.get("billing_portal.configuration", asked["configuration"], param="configuration") if "configuration" in asked else _default(world)
    row = world.new("billing_portal.session", "bps", customer=customer["id"], configuration=chosen["id"], livemode=False, locale=asked.get("locale"), return_url=asked.get("return_url") or chosen["default_return_url"], flow=None)
    row["url"] = f"{world.place.public}/p/{row['id']}"
    if "after_expiration" in row:
        row["after_expiration"] = None
    return world.store.add(row)


def _default(world: World) -> Obj:
    found = world.store.all("billing_portal.configuration", is_default=True)
    return found[0] if found else create(world, {"features": {}, "_default": True})


def create(world: World, asked: Obj) -> Obj:
    """What the portal allows."""
    row = world.new("billing_portal.configuration", "bpc", active=True, livemode=False, is_default=asked.get("_default", False), metadata=merged({}, asked.get("metadata")), updated=world.now(), name=asked.get("name") or None)
    row["default_return_url"] = asked.get("default_return_url") or None
    row["login_page"] = {"enabled": False, "url": None}
    features = row["features"]
    features["customer_update"] = {"allowed_updates": list(_UPDATES), "enabled": False}
    features["invoice_history"] = {"enabled": True}
    features["payment_method_update"] = {"enabled": True, "payment_method_configuration": None}
    features["subscription_cancel"] = {"cancellation_reason": {"enabled": False, "options": ["other"]}, "enabled": True, "mode": "at_period_end", "proration_behavior": "none"}
    features["subscription_update"] |= {"default_allowed_updates": [], "enabled": False, "products": None, "proration_behavior": "none", "schedule_at_period_end": {"conditions": []}, "billing_cycle_anchor": None}
    _write(row, asked)
    return world.add(row, event="billing_portal.configuration.created")


def _write(row: Obj, asked: Obj) -> None:
    row["business_profile"] |= {name: value or None for name, value in (asked.get("business_profile") or {}).items()}
    for name, given in (asked.get("features") or {}).items():
        row["features"][name] |= {key: value for key, value in given.items() if key in row["features"][name] and not isinstance(value, (dict, list))}


def update(world: World, asked: Obj, configuration: str) -> Obj:
    """Change what the portal allows."""
    world.store.get("billing_portal.configuration", configuration)
    with world.changing(configuration, "billing_portal.configuration.updated") as row:
        _write(row, asked)
        row["active"] = asked.get("active", row["active"])
        row["default_return_url"] = asked.get("default_return_url", row["default_return_url"]) or None
        row["metadata"] = merged(row["metadata"], asked.get("metadata"))
        row["updated"] = world.now()
    return row


def listing(world: World, asked: Obj) -> Obj:
    """Configurations, newest first."""
    rows = [row for row in world.store.all("billing_portal.configuration") if fits(row, asked)]
    return page(world, rows, asked, url="/v1/billing_portal/configurations")
