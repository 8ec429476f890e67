"""Keeping what differs between us and a provider: one open row for each difference, closed by the look that no longer finds it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from billing.models import BillingAccount
from crm_platform.kernel import clock

from .models import Drift

_log = logging.getLogger("kartoteka.billing")


def found(kind: str, provider: str, subject: str, *, account: BillingAccount | None = None, facts: Mapping[str, Any] | None = None, money: int = 0, currency: str = "") -> Drift:
    """Keep a difference, or that it is still there. Inside a control unit."""
    values = {"account": account, "facts": dict(facts or {}), "money_minor": money, "currency": currency, "seen_at": clock.real_now()}
    row, made = Drift.objects.get_or_create(kind=kind, provider=provider, subject=subject[:160], closed_at=None, defaults=values)
    if made:
        _log.warning("a difference to the provider", extra={"kind": kind, "provider": provider, "subject": subject, **dict(facts or {})})
    else:
        Drift.objects.filter(pk=row.pk).update(**values)
    return row


def stands(kind: str, account: BillingAccount, *, there: bool, facts: Mapping[str, Any] | None = None, money: int = 0, currency: str = "") -> None:
    """Whether one account has a difference of a kind at the moment. Inside a control unit."""
    if there:
        found(kind, account.provider, account.public_id, account=account, facts=facts, money=money, currency=currency)
    else:
        close(kind, account.provider, [account.public_id])


def close(kind: str, provider: str, subjects: Iterable[str]) -> None:
    """These are no longer there. Inside a control unit."""
    Drift.objects.filter(kind=kind, provider=provider, subject__in=list(subjects), closed_at=None).update(closed_at=clock.real_now())


def is_open(kind: str, account: BillingAccount) -> bool:
    """Whether an account has such a difference: two live subscriptions bar a further checkout. Inside a control unit."""
    return Drift.objects.filter(kind=kind, account=account, closed_at=None).exists()
