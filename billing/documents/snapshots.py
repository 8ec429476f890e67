"""What is copied into a document when it is issued: its lines, its seller, its buyer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from django.conf import settings

from billing.models import BillingAccount
from billing.pricing import Line, Quote


def stored(lines: Iterable[Line]) -> list[dict[str, Any]]:
    """Lines as a row keeps them."""
    return [asdict(line) for line in lines]


def read(lines: Iterable[Mapping[str, Any]]) -> tuple[Line, ...]:
    """Lines as the arithmetic takes them."""
    return tuple(Line(one["ref"], one["quantity"], one["unit"], one["amount"], one.get("discount", 0), one.get("tax", 0)) for one in lines)


def amounts(owed: Quote) -> dict[str, Any]:
    """The columns of a quote."""
    return {
        "currency": owed.currency, "lines": stored(owed.lines), "subtotal_minor": owed.subtotal, "discount_minor": owed.discount,
        "tax_minor": owed.tax, "total_minor": owed.total,
    }  # fmt: skip


def seller(currency: str) -> dict[str, Any]:
    """Who sells, with the bank account for this currency."""
    return {
        "name": settings.CRM_SELLER_NAME, "address": settings.CRM_SELLER_ADDRESS, "country": settings.CRM_SELLER_COUNTRY,
        "tax_id": settings.CRM_SELLER_TAX_ID, "bank": bank_lines(settings.CRM_SELLER_BANK, currency),
    }  # fmt: skip


def bank_lines(given: str, currency: str) -> list[str]:
    """The lines for a currency out of "EUR: IBAN …, BIC …; RUB: …, …"; those without a currency serve any."""
    parts = [one.strip() for one in given.split(";") if one.strip()]
    own = [one.split(":", 1)[1] for one in parts if one.startswith(f"{currency}:")]
    general = [one for one in parts if one[3:4] != ":"]
    return [line.strip() for one in (own or general) for line in one.split(",") if line.strip()]


def buyer(account: BillingAccount, *, name: str = "", email: str = "") -> dict[str, Any]:
    """Who buys: the account's main payer, else whoever is known by name. Inside a control unit."""
    payer = account.main_payer()
    if payer is None:
        return {"name": name or (account.workspace.name if account.workspace else "") or account.slug, "country": "", "address": "", "tax_id": "", "email": email}
    return {
        "name": payer.name, "country": payer.country, "address": payer.address, "tax_id": payer.tax_id, "tax_state": payer.tax_state,
        "details": payer.details, "email": email,
    }  # fmt: skip
