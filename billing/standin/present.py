"""How objects are shown: without our notes, with the parts that are only shown where asked for, and with identities expanded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .errors import invalid
from .resources import catalogue
from .shapes import Obj
from .store import copied
from .world import World, shown

_MOST = 100


def _list(data: list[Obj], url: str) -> Obj:
    return {"object": "list", "data": data, "has_more": False, "url": url}


def _payments(world: World, row: Obj) -> Obj:
    return _list(world.store.all("invoice_payment", invoice=row["id"])[::-1], f"/v1/invoice_payments?invoice={row['id']}")


def _secret(world: World, row: Obj) -> Obj | None:
    intent = world.store.rows.get(row.get("_intent") or "")
    return {"client_secret": intent["client_secret"], "type": "payment_intent"} if intent and row["status"] == "open" else None


def _subscriptions(world: World, row: Obj) -> Obj:
    live = [one for one in world.store.all("subscription", customer=row["id"]) if one["status"] not in ("canceled", "incomplete_expired")]
    return _list(live[::-1], f"/v1/customers/{row['id']}/subscriptions")


# Parts that are shown only where `expand` names them.
_PARTS: dict[tuple[str, str], Callable[[World, Obj], Any]] = {
    ("invoice", "payments"): _payments,
    ("invoice", "confirmation_secret"): _secret,
    ("customer", "subscriptions"): _subscriptions,
    ("customer", "tax_ids"): lambda world, row: _list(world.store.all("tax_id", customer=row["id"])[::-1], f"/v1/customers/{row['id']}/tax_ids"),
    ("customer", "sources"): lambda world, row: _list([], f"/v1/customers/{row['id']}/sources"),
    ("customer", "tax"): lambda world, row: None,
    ("charge", "refunds"): lambda world, row: _list(world.store.all("refund", charge=row["id"])[::-1], f"/v1/charges/{row['id']}/refunds"),
    ("price", "tiers"): lambda world, row: catalogue.tiers_shown(row),
    ("price", "currency_options"): lambda world, row: catalogue.options_shown(row),
    ("checkout.session", "line_items"): lambda world, row: row["_lines"],
    ("coupon", "applies_to"): lambda world, row: {"products": row["_products"]} if row["_products"] else None,
    ("coupon", "currency_options"): lambda world, row: row["_currency_options"] or None,
}
_HIDDEN_UNLESS_ASKED = {kind: {part for owner, part in _PARTS if owner == kind} for kind, _part in _PARTS}


def answer(world: World, found: Obj, expand: Sequence[str]) -> Obj:
    """An object or a list as the service answers it."""
    made: Obj = whole(world, found)
    for path in expand:
        keys = path.split(".")
        if len(keys) > 4:
            raise invalid(f"You cannot expand more than 4 levels of a property. Property: {path}", param="expand")
        _expand(world, made, found, keys, path)
    return made


def whole(world: World, row: Any) -> Any:
    """An object without our notes, with all that stands in it, prices as they are now."""
    if isinstance(row, list):
        return [whole(world, one) for one in row]
    if not isinstance(row, dict):
        return row
    kind = row.get("object")
    hidden = _HIDDEN_UNLESS_ASKED.get(kind, ()) if isinstance(kind, str) else ()
    found = {name: copied(value) if name == "metadata" else whole(world, value) for name, value in shown(row).items() if name not in hidden}
    if kind == "subscription_item" and row["price"]["id"] in world.store.rows:
        price = world.store.rows[row["price"]["id"]]
        found["price"] = whole(world, price)
    return found


def _expand(world: World, made: Any, source: Any, keys: list[str], path: str) -> None:
    """Put the object in the place of its identity, along a path of names."""
    if isinstance(made, list):
        for one, origin in zip(made, source, strict=True):
            _expand(world, one, origin, keys, path)
        return
    if not isinstance(made, dict):
        return
    name, *rest = keys
    part = _PARTS.get((str(made.get("object")), name))
    if part and name not in made:
        origin = world.store.rows.get(made.get("id", ""), source)
        made[name] = whole(world, part(world, origin))
    elif name not in made:
        raise invalid(f"This property cannot be expanded ({path}).", param="expand")
    else:
        made[name] = _opened(world, made[name])
    if rest:
        _expand(world, made[name], made[name], rest, path)


def _opened(world: World, value: Any) -> Any:
    if isinstance(value, str) and value in world.store.rows:
        return whole(world, world.store.rows[value])
    if isinstance(value, list):
        return [_opened(world, one) for one in value[:_MOST]]
    return value
