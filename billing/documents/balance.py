"""The account's credit with us: a ledger, whose sum is what can be used for the next bill."""

from __future__ import annotations

from django.db.models import Sum

from billing.models import BillingAccount
from crm_platform.kernel import clock

from .models import BalanceEntry, Invoice


def credit_of(account: BillingAccount, currency: str) -> int:
    """What we owe the customer, in minor units. Inside a control unit."""
    return int(BalanceEntry.objects.filter(account=account, currency=currency).aggregate(sum=Sum("change_minor"))["sum"] or 0)


def enter(account: BillingAccount, change: int, *, currency: str, reason: str, actor: str, operation: str, document: Invoice | None = None) -> bool:
    """One line, once by its operation; whether it is new. Inside a control unit, the account's row locked.

    The account shows it as a provider does (what is owed to the customer is negative) and is looked at again.
    """
    if BalanceEntry.objects.filter(operation=operation).exists():
        return False
    BalanceEntry.objects.create(account=account, currency=currency, change_minor=change, reason=reason, actor=actor, document=document, operation=operation)
    account.balance_minor = -credit_of(account, currency)
    account.dirty_at = clock.real_now()
    account.save(update_fields=["balance_minor", "dirty_at"])
    return True
