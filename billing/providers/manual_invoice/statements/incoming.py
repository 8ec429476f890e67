"""One line of a statement, whatever form it came in."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from django.utils.translation import gettext_lazy as _

from crm_platform.kernel import money
from crm_platform.kernel.errors import Invalid

LARGEST, MOST = 10 * 1024 * 1024, 20_000
_DATES = ("%d.%m.%Y", "%Y-%m-%d", "%d-%m-%Y", "%d/%m/%Y", "%Y%m%d")


class BadStatement(Invalid):
    """A file that is no statement, or is broken off."""

    code = "bad_statement"
    sentence = _("This file cannot be read as a bank statement: {why}. Nothing was recorded.")


@dataclass(frozen=True, slots=True)
class Incoming:
    """Money that came in."""

    at: datetime
    amount: int
    currency: str
    purpose: str
    payer: str = ""
    tax_id: str = ""
    account: str = ""
    external_id: str = ""

    def fingerprint(self, nth: int) -> str:
        """The same line in another statement has the same; of two that are alike in all, the second is another."""
        told = (self.external_id, f"{self.at:%Y-%m-%d}", self.amount, self.currency, self.account or self.payer, self.tax_id, self.purpose, nth)
        return hashlib.sha256("\x1f".join(map(str, told)).encode()).hexdigest()


def sum_of(text: str, currency: str) -> int:
    """A sum as banks write it, in minor units: "1 234,56", "1.234,56", "1,234.56", "-5.00". Raises BadStatement."""
    bare = text.strip().replace("\u00a0", "").replace(" ", "").replace("'", "").replace("\u202f", "")
    if "," in bare and "." in bare:
        bare = bare.replace(".", "").replace(",", ".") if bare.rfind(",") > bare.rfind(".") else bare.replace(",", "")
    try:
        value = Decimal(bare.replace(",", "."))
    except InvalidOperation:
        raise BadStatement(why=f"“{text[:40]}”") from None
    if not value.is_finite() or abs(value) >= Decimal(10) ** 12:
        raise BadStatement(why=f"“{text[:40]}”")
    return money.minor(value, currency=currency)


def day_of(text: str) -> datetime:
    """A date as banks write it. Raises BadStatement."""
    for form in _DATES:
        try:
            return datetime.strptime(text.strip()[:10], form).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise BadStatement(why=f"“{text[:40]}”")
