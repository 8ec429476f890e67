"""Coupons, promotion codes, and the discounts that come of them; and rates of tax."""

from __future__ import annotations

from billing.standin import periods, subscribed
from billing.standin.errors import invalid
from billing.standin.pricing import currency_of
from billing.standin.shapes import Obj
from billing.standin.store import new_id
from billing.standin.world import World

from .listing import deleted, emptied, fits, merged, page


def create_coupon(world: World, asked: Obj) -> Obj:
    """A new coupon: so many percent, or a sum in one currency."""
    if asked.get("id") in world.store.rows:
        raise invalid("Coupon already exists.", code="resource_already_exists", param="id")
    percent, amount = asked.get("percent_off"), asked.get("amount_off")
    if (percent is None) == (amount is None):
        raise invalid("You must pass exactly one of `percent_off` and `amount_off`.", param="percent_off", code="parameter_missing")
    if percent is not None and not 0 < percent <= 100:
        raise invalid("This value must be greater than 0 and at most 100.", param="percent_off")
    if amount is not None and (amount <= 0 or "currency" not in asked):
        raise invalid("You must pass `currency` when passing `amount_off`, which is greater than 0.", param="currency", code="parameter_missing")
    if asked.get("duration") == "repeating" and not asked.get("duration_in_months"):
        raise invalid("You must pass `duration_in_months` when passing `duration=repeating`.", param="duration_in_months", code="parameter_missing")
    row = world.new("coupon", "co", livemode=False, times_redeemed=0, valid=True, duration=asked.get("duration", "once"), metadata=merged({}, asked.get("metadata")))
    row["id"] = asked.get("id") or new_id("x")[2:10]
    row |= {name: asked.get(name) for name in ("percent_off", "amount_off", "duration_in_months", "max_redemptions", "redeem_by", "name")}
    row["currency"] = currency_of(asked["currency"]) if amount is not None else None
    row["_products"] = (asked.get("applies_to") or {}).get("products", [])
    row["_currency_options"] = {currency_of(name): one for name, one in asked.get("currency_options", {}).items()}
    return world.add(row, event="coupon.created")


def update_coupon(world: World, asked: Obj, coupon: str) -> Obj:
    """Change a coupon's name; what it takes off stays."""
    world.store.get("coupon", coupon)
    with world.changing(coupon, "coupon.updated") as row:
        row["metadata"] = merged(row["metadata"], asked.get("metadata"))
        row["name"] = asked.get("name", row["name"])
    return row


def delete_coupon(world: World, _asked: Obj, coupon: str) -> Obj:
    """Delete a coupon; discounts that came of it stay."""
    world.store.get("coupon", coupon)
    row = world.store.edit(coupon)
    row["_gone"] = True
    world.announce("coupon.deleted", row)
    return deleted(row)


def is_valid(world: World, coupon: Obj) -> bool:
    """Whether a coupon can still be redeemed."""
    in_time = coupon["redeem_by"] is None or world.now() < coupon["redeem_by"]
    return in_time and (coupon["max_redemptions"] is None or coupon["times_redeemed"] < coupon["max_redemptions"]) and not coupon.get("_gone")


# Promotion codes.


def create_code(world: World, asked: Obj) -> Obj:
    """A code that people type for a coupon."""
    promotion = asked["promotion"]
    if not promotion.get("coupon"):
        raise invalid("Missing required param: promotion[coupon].", param="promotion[coupon]", code="parameter_missing")
    coupon = world.store.get("coupon", promotion["coupon"], param="promotion[coupon]")
    code = asked.get("code") or new_id("x")[2:10].upper()
    if any(row["code"].lower() == code.lower() for row in world.store.all("promotion_code", active=True)):
        raise invalid(f"An active promotion code with `code: {code}` already exists.", param="code")
    restrictions = asked.get("restrictions", {})
    row = world.new("promotion_code", "promo", code=code, livemode=False, active=asked.get("active", True), times_redeemed=0, metadata=merged({}, asked.get("metadata")))
    row |= {name: asked.get(name) for name in ("customer", "expires_at", "max_redemptions")}
    row["promotion"] = {"type": "coupon", "coupon": coupon["id"]}
    row["restrictions"] = {"first_time_transaction": restrictions.get("first_time_transaction", False), "minimum_amount": restrictions.get("minimum_amount"), "minimum_amount_currency": restrictions.get("minimum_amount_currency")}
    return world.add(row, event="promotion_code.created")


def update_code(world: World, asked: Obj, code: str) -> Obj:
    """Switch a code off or on."""
    world.store.get("promotion_code", code)
    with world.changing(code, "promotion_code.updated") as row:
        row["metadata"] = merged(row["metadata"], asked.get("metadata"))
        row["active"] = asked.get("active", row["active"])
    return row


def codes(world: World, asked: Obj) -> Obj:
    """Promotion codes, newest first; a code is found however its letters are written."""
    wanted = {name: value for name, value in asked.items() if name not in ("code", "coupon")}
    rows = [
        row for row in world.store.all("promotion_code")
        if fits(row, wanted) and row["code"].lower() == str(asked.get("code", row["code"])).lower() and row["promotion"]["coupon"] == asked.get("coupon", row["promotion"]["coupon"])
    ]  # fmt: skip
    return page(world, rows, asked, url="/v1/promotion_codes")


def check_code(world: World, code: Obj, *, customer: Obj | None, subtotal: int, currency: str) -> None:
    """Raises ApiError where a code cannot be used here and now."""
    late = code["expires_at"] is not None and world.now() >= code["expires_at"]
    used_up = code["max_redemptions"] is not None and code["times_redeemed"] >= code["max_redemptions"]
    if not code["active"] or late or used_up:
        raise invalid("This promotion code is expired or has been used up.", param="discounts[0][promotion_code]", code="coupon_expired")
    if code["customer"] and (customer is None or code["customer"] != customer["id"]):
        raise invalid("This promotion code cannot be redeemed by this customer.", param="discounts[0][promotion_code]")
    rules = code["restrictions"]
    if rules["first_time_transaction"] and customer and any(row["amount_paid"] > 0 for row in world.store.all("invoice", customer=customer["id"], status="paid")):
        raise invalid("This promotion code cannot be redeemed because the associated customer has prior transactions.", param="discounts[0][promotion_code]", code="promotion_code_customer_not_first_time")
    if rules["minimum_amount"] and (rules["minimum_amount_currency"] != currency or subtotal < rules["minimum_amount"]):
        raise invalid("The order does not reach the minimum amount of this promotion code.", param="discounts[0][promotion_code]")


# Discounts.


def redeem(world: World, asked: object, *, customer: Obj, currency: str, subtotal: int, **owner: str) -> list[str]:
    """The discounts that a request names, redeemed for their owner: coupons, promotion codes, or discounts that are there."""
    assert isinstance(asked, list)  # noqa: S101 (read by the library's types)
    found = []
    for one in asked:
        if one.get("discount"):
            found.append(str(world.store.get("discount", one["discount"], param="discounts[0][discount]")["id"]))
        elif one.get("coupon") or one.get("promotion_code"):
            found.append(_redeemed(world, one, customer=customer, currency=currency, subtotal=subtotal, owner=owner))
    return found


def _redeemed(world: World, one: Obj, *, customer: Obj, currency: str, subtotal: int, owner: dict[str, str]) -> str:
    code = world.store.get("promotion_code", one["promotion_code"], param="discounts[0][promotion_code]") if one.get("promotion_code") else None
    if code:
        check_code(world, code, customer=customer, subtotal=subtotal, currency=currency)
        world.store.edit(code["id"])["times_redeemed"] += 1
    coupon = world.store.get("coupon", code["promotion"]["coupon"] if code else one["coupon"], param="discounts[0][coupon]")
    check_coupon(world, coupon, currency)
    kept = world.store.edit(coupon["id"])
    kept["times_redeemed"] += 1
    kept["valid"] = is_valid(world, kept)
    row = world.new("discount", "di", customer=customer["id"], start=world.now(), promotion_code=code["id"] if code else None, **owner)
    row["end"] = periods.added(world.now(), interval="month", count=coupon["duration_in_months"]) if coupon["duration"] == "repeating" else None
    row |= {"source": {"type": "coupon", "coupon": coupon["id"]}, "_coupon": dict(kept)}
    world.add(row, event="customer.discount.created" if "subscription" in owner else "")
    return str(row["id"])


def check_coupon(world: World, coupon: Obj, currency: str) -> None:
    """Raises ApiError where a coupon cannot be redeemed any more, or not in this currency."""
    if not is_valid(world, coupon):
        raise invalid(f"Coupon expired: {coupon['id']}", param="coupon", code="coupon_expired")
    if coupon["currency"] and coupon["currency"] != currency and currency not in coupon["_currency_options"]:
        raise invalid(f"The coupon has currency {coupon['currency']}, which does not match {currency}.", param="coupon")


def drop_from_subscription(world: World, _asked: Obj, subscription: str) -> Obj:
    """Take all discounts off a subscription."""
    row = world.store.edit(world.store.get("subscription", subscription)["id"])
    for one in list(row["discounts"]):
        subscribed.drop_discount(world, row, one)
    return {"object": "discount", "deleted": True}


# Rates of tax.


def create_rate(world: World, asked: Obj) -> Obj:
    """A rate of tax, on top of prices or within them."""
    if not 0 <= asked["percentage"] <= 100:
        raise invalid("This value must be between 0 and 100.", param="percentage")
    row = world.new("tax_rate", "txr", livemode=False, metadata=merged({}, asked.get("metadata")), active=asked.get("active", True), rate_type="percentage")
    row |= {name: asked.get(name) for name in ("country", "description", "display_name", "inclusive", "jurisdiction", "percentage", "state", "tax_type")}
    row["effective_percentage"] = asked["percentage"]
    return world.add(row, event="tax_rate.created")


def update_rate(world: World, asked: Obj, rate: str) -> Obj:
    """Change a rate's names; the percentage stays."""
    world.store.get("tax_rate", rate)
    with world.changing(rate, "tax_rate.updated") as row:
        row |= {name: value for name, value in emptied(asked).items() if name in ("active", "country", "description", "display_name", "jurisdiction", "state", "tax_type")}
        row["metadata"] = merged(row["metadata"], asked.get("metadata"))
    return row


def rates(world: World, ids: object, *, param: str) -> list[Obj]:
    """Rates by their identities, as invoices keep them."""
    given = ids if isinstance(ids, list) else []
    return [{name: value for name, value in world.store.get("tax_rate", one, param=param).items() if not name.startswith("_")} for one in given]
