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
# ISO 3166: a country that is none would be outside of the Union, and go untaxed.
COUNTRIES = frozenset(["AD", "AE", "AF", "AG", "AI", "AL", "AM", "AO", "AQ", "AR", "AS", "AT", "AU", "AW", "AX", "AZ", "BA", "BB", "BD", "BE", "BF", "BG", "BH", "BI", "BJ", "BL", "BM", "BN", "BO", "BQ", "BR", "BS", "BT", "BV", "BW", "BY", "BZ", "CA", "CC", "CD", "CF", "CG", "CH", "CI", "CK", "CL", "CM", "CN", "CO", "CR", "CU", "CV", "CW", "CX", "CY", "CZ", "DE", "DJ", "DK", "DM", "DO", "DZ", "EC", "EE", "EG", "EH", "ER", "ES", "ET", "FI", "FJ", "FK", "FM", "FO", "FR", "GA", "GB", "GD", "GE", "GF", "GG", "GH", "GI", "GL", "GM", "GN", "GP", "GQ", "GR", "GS", "GT", "GU", "GW", "GY", "HK", "HM", "HN", "HR", "HT", "HU", "ID", "IE", "IL", "IM", "IN", "IO", "IQ", "IR", "IS", "IT", "JE", "JM", "JO", "JP", "KE", "KG", "KH", "KI", "KM", "KN", "KP", "KR", "KW", "KY", "KZ", "LA", "LB", "LC", "LI", "LK", "LR", "LS", "LT", "LU", "LV", "LY", "MA", "MC", "MD", "ME", "MF", "MG", "MH", "MK", "ML", "MM", "MN", "MO", "MP", "MQ", "MR", "MS", "MT", "MU", "MV", "MW", "MX", "MY", "MZ", "NA", "NC", "NE", "NF", "NG", "NI", "NL", "NO", "NP", "NR", "NU", "NZ", "OM", "PA", "PE", "PF", "PG", "PH", "PK", "PL", "PM", "PN", "PR", "PS", "PT", "PW", "PY", "QA", "RE", "RO", "RS", "RU", "RW", "SA", "SB", "SC", "SD", "SE", "SG", "SH", "SI", "SJ", "SK", "SL", "SM", "SN", "SO", "SR", "SS", "ST", "SV", "SX", "SY", "SZ", "TC", "TD", "TF", "TG", "TH", "TJ", "TK", "TL", "TM", "TN", "TO", "TR", "TT", "TV", "TW", "TZ", "UA", "UG", "UM", "US", "UY", "UZ", "VA", "VC", "VE", "VG", "VI", "VN", "VU", "WF", "WS", "XK", "YE", "YT", "ZA", "ZM", "ZW"])  # fmt: skip
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
