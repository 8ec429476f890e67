"""Looking at an account: one at a time, fetch the latest, apply it. Webhooks, the way back from a checkout, the reconciliation and the command all come here.

A lease, not a lock: nothing waits in the database while the provider is asked. Whoever lost the lease cannot write, for each
look raises the account's generation first, and writes only where it is still its own (billing.md 2.3, 8).
"""

from __future__ import annotations

import logging
import secrets
import time
from datetime import timedelta
from enum import StrEnum

from django.db.models import F, Q

from billing import ports
from billing.models import BillingAccount
from crm_platform.db import sides
from crm_platform.kernel import clock
from tenants.models import Workspace

from . import applying
from .models import SyncLease
from .registry import provider_for

_log = logging.getLogger("kartoteka.billing")
LEASE = timedelta(seconds=90)
# Looks in a row while news keep coming; then others have their turn.
_MOST = 5


class Outcome(StrEnum):
    """What became of a look: the news are in, another is looking, or there is nothing to look at."""

    DONE = "done"
    BUSY = "busy"
    NOTHING = "nothing"


def mark(account_id: int) -> None:
    """Ask for a look at an account. Inside a control unit."""
    BillingAccount.objects.filter(pk=account_id).update(dirty_at=clock.real_now())


def sync_account(account_id: int, *, patience: float = 0.0) -> Outcome:
    """Bring what the provider has of an account into ours. Opens units of its own; raises ProviderUnavailable, with nothing changed.

    Where another is looking, it looks once more for us; `patience` seconds are waited for that.
    """
    token = secrets.token_hex(12)
    with sides.control_unit():
        mark(account_id)
    until = time.monotonic() + patience
    while not _taken(account_id, token):
        if time.monotonic() >= until:
            return Outcome.BUSY
        time.sleep(0.05)
        if patience and _is_clean(account_id):
            return Outcome.DONE
    try:
        return _look(account_id, token)
    finally:
        with sides.control_unit():
            SyncLease.objects.filter(account_id=account_id, token=token).delete()


def _look(account_id: int, token: str) -> Outcome:
    for _round in range(_MOST):
        with sides.control_unit():
            BillingAccount.objects.filter(pk=account_id).update(dirty_at=None, sync_generation=F("sync_generation") + 1)
            account = BillingAccount.objects.get(pk=account_id)
            SyncLease.objects.filter(account_id=account_id, token=token).update(until=clock.real_now() + LEASE)
        if not account.provider or not account.external_id:
            return Outcome.NOTHING
        try:
            seen = provider_for(account).fetch(account.external_id)
        except BaseException:
            with sides.control_unit():
                mark(account_id)
            raise
        workspace, more = None, True
        with sides.control_unit():
            now = BillingAccount.objects.select_for_update().get(pk=account_id)
            if now.sync_generation != account.sync_generation:
                _log.info("a look was overtaken", extra={"account": now.public_id})
                return Outcome.BUSY
            workspace = applying.apply(now, seen)
            more = now.dirty_at is not None
            if not more:
                SyncLease.objects.filter(account_id=account_id, token=token).delete()
        if workspace is not None:
            _tell(workspace)
        if not more:
            break
    return Outcome.DONE


def _tell(workspace: Workspace) -> None:
    ports.told(workspace)


def _taken(account_id: int, token: str) -> bool:
    now = clock.real_now()
    with sides.control_unit():
        made = SyncLease.objects.bulk_create([SyncLease(account_id=account_id, token=token, until=now + LEASE)], ignore_conflicts=True)
        if made and SyncLease.objects.filter(account_id=account_id, token=token).exists():
            return True
        return bool(SyncLease.objects.filter(Q(until__lt=now), account_id=account_id).update(token=token, until=now + LEASE))


def _is_clean(account_id: int) -> bool:
    with sides.control_unit():
        return BillingAccount.objects.filter(pk=account_id, dirty_at=None).exists() and not SyncLease.objects.filter(account_id=account_id).exists()
