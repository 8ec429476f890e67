"""Which tax stands on a document of ours, by who sells and who buys.

At home the seller's rate. To a business in another country of the Union whose tax id was verified: none, the buyer owes it
(reverse charge). While an id is not verified the tax is charged; once it is, a credit note mends it. Outside of the Union: none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

UNION = frozenset(["AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"])
REVERSE_CHARGE, OUTSIDE = "reverse_charge", "outside"


@dataclass(frozen=True, slots=True)
class Tax:
    """The rate in hundredths of a percent, and the note that the document carries."""

    bp: int
    note: str = ""

    def stored(self) -> dict[str, Any]:
        """As a document keeps it."""
        return {"tax_bp": self.bp, "note": self.note}


NO_TAX = Tax(0)


def of(buyer: Mapping[str, Any]) -> Tax:
    """By a buyer's snapshot."""
    rate, home, country = settings.CRM_SELLER_TAX_BP, settings.CRM_SELLER_COUNTRY, str(buyer.get("country", "")).upper()
    if not rate or not country or country == home:
        return Tax(rate)
    if home in UNION and country in UNION:
        return Tax(0, REVERSE_CHARGE) if buyer.get("tax_id") and buyer.get("tax_state") == "verified" else Tax(rate)
    return Tax(0, OUTSIDE)
