"""Money: integer minor units with a currency. Never a float."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.utils.formats import number_format

from .errors import CrmError

# ISO 4217: digits after the point where they are not two.
DIGITS = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "ISK": 0, "KWD": 3, "BHD": 3, "TND": 3}
SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "RUB": "₽", "JPY": "¥", "UAH": "₴", "KZT": "₸", "TRY": "₺", "PLN": "zł", "UZS": "soʻm"}
BEFORE = {"EUR", "USD", "GBP", "JPY"}
CURRENCIES = ("EUR", "USD", "RUB", "UZS", "GBP", "CHF", "PLN", "CZK", "SEK", "NOK", "DKK", "UAH", "KZT", "TRY", "GEL", "AMD", "AZN", "BYN", "CNY", "JPY", "AED")


class CurrencyMismatch(CrmError):
    """Two currencies were added."""

    code, status = "currency_mismatch", 422


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """`minor` units (cents) of `currency` (ISO 4217 code)."""

    minor: int
    currency: str

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other), self.currency)

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise CurrencyMismatch
        return other.minor

    @property
    def amount(self) -> Decimal:
        """The amount in major units, exact."""
        return major(self.minor, currency=self.currency)

    def __str__(self) -> str:
        return show(self.minor, currency=self.currency)


def digits_of(currency: str) -> int:
    """How many digits stand after the point."""
    return DIGITS.get(currency, 2)


def major(minor: int, *, currency: str) -> Decimal:
    """Minor units as an exact decimal of major units."""
    return Decimal(minor).scaleb(-digits_of(currency))


def whole(minor: int, *, currency: str) -> int:
    """The whole major units in minor ones; what is left of one is cut off."""
    unit: int = 10 ** digits_of(currency)
    return minor // unit if minor >= 0 else -(-minor // unit)


def typed(value: int, *, currency: str) -> str:
    """Minor units as one would type them: no cents where there are none."""
    whole = major(value, currency=currency)
    return f"{whole:f}" if whole % 1 else f"{whole:.0f}"


def minor(amount: Decimal, *, currency: str) -> int:
    """A decimal of major units in minor units, rounded half up."""
    return int(amount.scaleb(digits_of(currency)).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def show(value: int | None, *, currency: str, cents: Any = None) -> str:
    """The sum as people of the active language write it; cents only where there are any (or as `cents` says)."""
    if value is None:
        return ""
    digits = digits_of(currency)
    keep = digits if (cents if cents is not None else value % 10**digits) else 0
    figure = number_format(abs(major(value, currency=currency)), decimal_pos=keep, use_l10n=True, force_grouping=True)
    sign = SIGNS.get(currency, currency)
    text = f"{sign}{figure}" if currency in BEFORE else f"{figure}\u00a0{sign}"
    return f"\u2212{text}" if value < 0 else text
