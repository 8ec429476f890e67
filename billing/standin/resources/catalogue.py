"""What is sold: products and prices."""

from __future__ import annotations

from billing.standin.errors import invalid
from billing.standin.pricing import currency_of
from billing.standin.shapes import Obj
from billing.standin.world import World

from .listing import deleted, emptied, fits, merged, page

_PRODUCT = ("active", "description", "images", "name", "statement_descriptor", "tax_code", "unit_label", "url", "shippable", "marketing_features", "default_price")


def create_product(world: World, asked: Obj) -> Obj:
    """A new product, with its first price where one is given; an identity of one's own may be chosen."""
    if asked.get("id") in world.store.rows:
        raise invalid("Product already exists.", code="resource_already_exists", param="id")
    row = world.new("product", "prod", livemode=False, active=True, type="service", images=[], marketing_features=[], metadata={}, updated=world.now())
    row |= {name: value for name, value in emptied(asked).items() if name in (*_PRODUCT, "id", "type") and value is not None}
    row["metadata"] = merged({}, asked.get("metadata"))
    world.add(row, event="product.created")
    if "default_price_data" in asked:
        made = create_price(world, {name: value for name, value in asked["default_price_data"].items() if name != "expand"} | {"product": row["id"]})
        world.store.edit(row["id"])["default_price"] = made["id"]
    return row


def update_product(world: World, asked: Obj, product: str) -> Obj:
    """Change a product."""
    world.store.get("product", product)
    with world.changing(product, "product.updated") as row:
        row |= {name: value for name, value in emptied(asked).items() if name in _PRODUCT}
        row["metadata"] = merged(row["metadata"], asked.get("metadata"))
        row["updated"] = world.now()
    for price in world.store.all("price", product=product):
        world.store.edit(price["id"])["_name"] = _name(price, row)
    return row


def delete_product(world: World, _asked: Obj, product: str) -> Obj:
    """Delete a product that has no prices."""
    world.store.get("product", product)
    if world.store.all("price", product=product):
        raise invalid("This product cannot be deleted because it has one or more user-created prices.")
    row = world.store.edit(product)
    row["_gone"] = True
    world.announce("product.deleted", row)
    return deleted(row)


def products(world: World, asked: Obj) -> Obj:
    """Products, newest first."""
    wanted = {name: value for name, value in asked.items() if name != "ids"}
    rows = [row for row in world.store.all("product") if fits(row, wanted) and row["id"] in asked.get("ids", [row["id"]])]
    return page(world, rows, asked, url="/v1/products")


# Prices.


def create_price(world: World, asked: Obj) -> Obj:
    """A new price: per unit or in steps, once or recurring; it may take a lookup key over from another."""
    product = _product(world, asked)
    row = world.new(
        "price", "price", livemode=False, active=asked.get("active", True), currency=currency_of(asked["currency"]), product=product["id"], nickname=asked.get("nickname"),
        tax_behavior=asked.get("tax_behavior", "unspecified"), type="recurring" if "recurring" in asked else "one_time", metadata=merged({}, asked.get("metadata")),
        billing_scheme=asked.get("billing_scheme", "per_unit"), tiers_mode=asked.get("tiers_mode"), transform_quantity=asked.get("transform_quantity"),
    )  # fmt: skip
    row["recurring"] = _recurring(asked["recurring"]) if "recurring" in asked else None
    row |= _sums(asked, tiered=row["billing_scheme"] == "tiered")
    row["_currency_options"] = {currency_of(name): _option(one) for name, one in asked.get("currency_options", {}).items()}
    row["_name"] = _name(row, product)
    if asked.get("lookup_key"):
        _take_key(world, row, asked)
    return world.add(row, event="price.created")


def _name(_price: Obj, product: Obj) -> str:
    """What payers read: a nickname is for the seller alone."""
    return str(product["name"])


def _product(world: World, asked: Obj) -> Obj:
    if "product_data" in asked:
        return create_product(world, asked["product_data"])
    if "product" not in asked:
        raise invalid("You must specify either `product` or `product_data` when creating a price.", param="product", code="parameter_missing")
    return world.store.get("product", asked["product"], param="product")


def _recurring(asked: Obj) -> Obj:
    found = {"interval": asked["interval"], "interval_count": asked.get("interval_count", 1), "usage_type": asked.get("usage_type", "licensed"), "meter": asked.get("meter"), "trial_period_days": asked.get("trial_period_days")}
    if not 1 <= found["interval_count"] <= {"day": 1095, "week": 156, "month": 36, "year": 3}[found["interval"]]:
        raise invalid("Invalid interval_count: prices may recur at most every three years.", param="recurring[interval_count]")
    return found


def _sums(asked: Obj, *, tiered: bool) -> Obj:
    if tiered:
        return {"unit_amount": None, "unit_amount_decimal": None, "_tiers": _tiers(asked)}
    amount, decimal = asked.get("unit_amount"), asked.get("unit_amount_decimal")
    if (amount is None) == (decimal is None):
        raise invalid("You must specify exactly one of `unit_amount` and `unit_amount_decimal`.", param="unit_amount", code="parameter_missing")
    text = _pair(asked, "unit_amount")["unit_amount_decimal"]
    if text.startswith("-"):
        raise invalid("This value must be greater than or equal to 0.", param="unit_amount")
    return {"unit_amount": int(text) if "." not in text else None, "unit_amount_decimal": text, "_tiers": []}


def _tiers(asked: Obj) -> list[Obj]:
    if not asked.get("tiers") or not asked.get("tiers_mode"):
        raise invalid("You must specify `tiers` and `tiers_mode` when `billing_scheme` is `tiered`.", param="tiers", code="parameter_missing")
    found: list[Obj] = []
    for number, tier in enumerate(asked["tiers"]):
        last = tier["up_to"] == "inf"
        if last != (number == len(asked["tiers"]) - 1):
            raise invalid("The last tier, and no other, must have up_to set to `inf`.", param=f"tiers[{number}][up_to]")
        if not last and found and tier["up_to"] <= found[-1]["up_to"]:
            raise invalid("Tiers must be in increasing order of up_to.", param=f"tiers[{number}][up_to]")
        found.append({"up_to": None if last else tier["up_to"]} | {name: value for kind in ("flat_amount", "unit_amount") for name, value in _pair(tier, kind).items()})
    return found


def _pair(asked: Obj, name: str) -> Obj:
    amount, decimal = asked.get(name), asked.get(f"{name}_decimal")
    text = str(amount) if amount is not None else f"{decimal.normalize():f}" if decimal is not None else None
    return {name: int(text) if text is not None and "." not in text else None, f"{name}_decimal": text}


def _option(asked: Obj) -> Obj:
    tiered = "tiers" in asked
    sums: Obj = {"unit_amount": None, "unit_amount_decimal": None, "tiers": _tiers(asked | {"tiers_mode": "volume"})} if tiered else {"tiers": []} | _pair(asked, "unit_amount")
    return sums | {"tax_behavior": asked.get("tax_behavior", "unspecified"), "custom_unit_amount": None}


def _take_key(world: World, row: Obj, asked: Obj) -> None:
    for other in world.store.all("price", lookup_key=asked["lookup_key"]):
        if other["id"] == row["id"]:
            continue
        if not asked.get("transfer_lookup_key"):
            raise invalid(f"A price (`{other['id']}`) already uses that lookup key.", param="lookup_key", code="resource_already_exists")
        with world.changing(other["id"], "price.updated") as kept:
            kept["lookup_key"] = None
    row["lookup_key"] = asked["lookup_key"]


def update_price(world: World, asked: Obj, price: str) -> Obj:
    """Change what of a price may change: whether it is sold, its names, its lookup key."""
    world.store.get("price", price)
    with world.changing(price, "price.updated") as row:
        wanted = emptied(asked)
        row |= {name: wanted[name] for name in ("active", "nickname", "tax_behavior") if name in wanted}
        row["metadata"] = merged(row["metadata"], asked.get("metadata"))
        if "lookup_key" in asked:
            row["lookup_key"] = None
            if asked["lookup_key"]:
                _take_key(world, row, asked)
    return row


def prices(world: World, asked: Obj) -> Obj:
    """Prices, newest first."""
    wanted = {name: value for name, value in asked.items() if name not in ("lookup_keys", "recurring")}
    keys = asked.get("lookup_keys")
    rows = [row for row in world.store.all("price") if fits(row, wanted) and (keys is None or row["lookup_key"] in keys) and fits(row["recurring"] or {}, asked.get("recurring", {}))]
    return page(world, rows, asked, url="/v1/prices")


def sold(world: World, price: str, *, param: str, recurring: bool = True) -> Obj:
    """A price that can be sold; raises ApiError for an archived or a foreign kind."""
    row = world.store.get("price", price, param=param)
    if not row["active"]:
        raise invalid("The price specified is inactive. This field only accepts active prices.", param=param)
    if recurring and row["type"] != "recurring":
        raise invalid("The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.", param=param)
    return row


def inline(world: World, asked: Obj, *, param: str, recurring: bool = True) -> Obj:
    """The price that a request names, or describes in place."""
    if "price_data" in asked:
        data = asked["price_data"]
        made = create_price(world, data)
        world.store.edit(made["id"])["active"] = False
        return made
    if "price" not in asked:
        raise invalid("You must specify a price.", param=param, code="parameter_missing")
    return sold(world, asked["price"], param=f"{param}[price]", recurring=recurring)


def pieces(asked: Obj, *, param: str, default: int = 1) -> int:
    """A quantity that makes sense."""
    found = asked.get("quantity", default)
    if not 0 <= found <= 999_999:
        raise invalid("This value must be between 0 and 999999.", param=param, code="parameter_invalid_integer")
    return int(found)


def tiers_shown(price: Obj) -> list[Obj] | None:
    """The steps of a price."""
    return list(price["_tiers"]) or None


def options_shown(price: Obj) -> Obj:
    """What a price costs in each of its currencies."""
    own = {"unit_amount": price["unit_amount"], "unit_amount_decimal": price["unit_amount_decimal"], "tiers": list(price["_tiers"]), "tax_behavior": price["tax_behavior"], "custom_unit_amount": None}
    return {price["currency"]: own, **price["_currency_options"]}


