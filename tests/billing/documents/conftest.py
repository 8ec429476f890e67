"""An account that pays by transfer, a seller of ours, and short ways to write documents."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from billing.documents import services
from billing.documents.models import Invoice, Kind
from billing.models import BillingAccount, Payer
from billing.pricing import Line, quote
from crm_platform.db import sides
from crm_platform.kernel import ids
from crm_platform.kernel.permissions import robot
from tests.conftest import Door

OPERATOR, SECOND = robot("operator Vera"), robot("operator Timur")
NOW = datetime(2027, 3, 10, 9, 30, tzinfo=UTC)
LINES = (Line("plan:team:1:seats", 5, 1_900, 9_500), Line("addon:contacts_10k:1", 1, 900, 900))


@pytest.fixture(autouse=True)
def seller(settings: Any) -> str:
    """A seller of this test alone, so that its numbers begin at one; the tax id."""
    settings.CRM_SELLER_NAME, settings.CRM_SELLER_COUNTRY, settings.CRM_SELLER_ADDRESS = "Kartoteka B.V.", "NL", "Keizersgracht 1, Amsterdam"
    settings.CRM_SELLER_TAX_ID, settings.CRM_SELLER_TAX_BP = f"NL{ids.random_id(9).upper()}", 2_100
    settings.CRM_SELLER_BANK = "EUR: IBAN NL02 ABNA 0123 4567 89, BIC ABNANL2A; RUB: р/с 40702810900000012345, БИК 044525225"
    settings.CRM_REFUND_APPROVAL = 50_000
    return str(settings.CRM_SELLER_TAX_ID)


@dataclass
class Books:
    """One account, with verbs in units of their own."""

    door: Door
    pk: int

    @property
    def account(self) -> BillingAccount:
        with sides.control_unit():
            return BillingAccount.objects.get(pk=self.pk)

    def issue(self, lines: Any = LINES, *, currency: str = "EUR", kind: Kind = Kind.PROFORMA, operation: str = "", **more: Any) -> Invoice:
        with sides.control_unit():
            account = services.locked(self.pk)
            wish = services.Wish(kind, quote(lines, currency, tax_bp=more.pop("tax_bp", 2_100)), operation or ids.random_id(), **more)
            return services.issue(account, wish, actor=OPERATOR)

    def pay(self, bill: Invoice, amount: int, *, operation: str = "", actor: Any = OPERATOR, **more: Any) -> Any:
        with sides.control_unit():
            return services.record_payment(services.locked(self.pk), Invoice.objects.get(pk=bill.pk), amount, actor=actor, operation=operation or ids.random_id(), **more)

    def now(self, bill: Invoice) -> Invoice:
        with sides.control_unit():
            return Invoice.objects.get(pk=bill.pk)

    def of_kind(self, kind: Kind) -> list[Invoice]:
        with sides.control_unit():
            return list(Invoice.objects.filter(account_id=self.pk, kind=kind).order_by("pk"))

    def payer(self, **values: Any) -> Payer:
        with sides.control_unit():
            Payer.objects.filter(account_id=self.pk).delete()
            return Payer.objects.create(account_id=self.pk, main=True, **{"name": "Atelier Veldhuis", "country": "NL", "address": "Singel 5, Amsterdam", **values})


def books_of(door: Door, *, provider: str = "manual_invoice") -> Books:
    with sides.control_unit():
        account = BillingAccount.objects.create(workspace=door.workspace, slug=door.workspace.slug or "", provider=provider, external_id=f"x{ids.random_id()}")
    return Books(door, account.pk)


@pytest.fixture
def books(make_door: Callable[..., Door]) -> Books:
    return books_of(make_door())
