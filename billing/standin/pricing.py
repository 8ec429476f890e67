"""What so many of a price cost: per unit or in steps, in whole minor units, rounded half up."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from .errors import invalid
from .shapes import Obj

# Currencies without minor units, and those with three digits of them.
ZERO_DECIMAL = frozenset(["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf"])
THREE_DECIMAL = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
_KNOWN = ZERO_DECIMAL | THREE_DECIMAL | frozenset(
    ["usd", "eur", "gbp", "rub", "uzs", "chf", "sek", "nok", "dkk", "pln", "czk", "huf", "ron", "bgn", "try", "uah", "kzt", "gel", "amd", "azn", "byn", "inr", "cny", "hkd", "sgd", "aud", "cad", "nzd", "brl", "mxn", "ars", "zar", "ils", "aed", "sar", "thb", "idr", "myr", "php", "twd", "egp"]
)  # fmt: skip


def digits(currency: str) -> int:
    """How many digits the minor unit has."""
    return 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2


def currency_of(text: str, *, param: str = "currency") -> str:
    """A currency's code in small letters; raises ApiError for one that is none."""
    if text.lower() not in _KNOWN:
        raise invalid(f"Invalid currency: {text.lower()}. The payment service does not know it.", param=param)
    return text.lower()


def rounded(value: Fraction) -> int:
    """Half up, away from zero, so that a credit mirrors its charge."""
    sign = -1 if value < 0 else 1
    return sign * int(abs(value) + Fraction(1, 2))


def exact(text: object) -> Fraction:
    """A decimal text as it is."""
    return Fraction(str(text))


def amount_of(price: Obj, quantity: int, currency: str) -> int:
    """What a quantity costs for one period."""
    shares = _in_currency(price, currency)
    pieces = _transformed(price, quantity)
    if price["billing_scheme"] == "tiered":
        return _tiered(shares["tiers"], pieces, graduated=price["tiers_mode"] == "graduated")
    return rounded(exact(shares["unit_amount_decimal"] or 0) * pieces)


def _in_currency(price: Obj, currency: str) -> Obj:
    if price["currency"] == currency:
        return {"tiers": price["_tiers"], "unit_amount_decimal": price["unit_amount_decimal"]}
    option = price["_currency_options"].get(currency)
    if option is None:
        raise invalid(f"The price specified supports currencies of `{price['currency']}`, but the expected currency is `{currency}`.", param="currency")
    return dict(option)


def supports(price: Obj, currency: str) -> bool:
    """Whether the price can be charged in a currency."""
    return price["currency"] == currency or currency in price["_currency_options"]


def _transformed(price: Obj, quantity: int) -> int:
    transform = price["transform_quantity"]
    if not transform:
        return quantity
    whole, rest = divmod(quantity, transform["divide_by"])
    return int(whole + (1 if rest and transform["round"] == "up" else 0))


def _tiered(tiers: list[Obj], quantity: int, *, graduated: bool) -> int:
    total, below = Fraction(0), 0
    for tier in tiers:
        last = tier["up_to"] is None or quantity <= tier["up_to"]
        pieces = quantity if last else tier["up_to"]
        if graduated or last:
            inside = pieces - below if graduated else quantity
            total += exact(tier["unit_amount_decimal"] or 0) * inside + (exact(tier["flat_amount_decimal"] or 0) if inside or not graduated else 0)
        if last:
            break
        below = tier["up_to"]
    return rounded(total)


def shared_out(total: int, weights: list[int]) -> list[int]:
    """A sum shared out by weights to the last minor unit: what rounding leaves goes to the greatest remainders."""
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    exactly = [Fraction(total * weight, whole) for weight in weights]
    parts = [int(part) for part in exactly]
    order = sorted(range(len(parts)), key=lambda n: (parts[n] - exactly[n], n))
    for n in order[: abs(total - sum(parts))]:
        parts[n] += 1 if total > 0 else -1
    return parts


def money(amount: int, currency: str) -> str:
    """A sum as people read it: 1,234.50 EUR."""
    places = digits(currency)
    value = Decimal(amount).scaleb(-places).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    return f"{value:,} {currency.upper()}"
