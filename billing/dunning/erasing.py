"""The end of an unpaid workspace: the keeper's, who looks again under lock. A payment at the same instant comes before, and then nothing is erased; or it comes too late."""

from __future__ import annotations

import logging
import time
from datetime import timedelta

import psycopg
from django.conf import settings
from django.db import DatabaseError, InterfaceError
from redis.exceptions import RedisError

from billing import telling
from billing.models import BillingAccount, MoneyEntry, Subscription
from crm_platform.db import sides
from crm_platform.kernel import clock
from crm_platform.kernel.errors import CrmError
from crm_platform.kernel.points import reached
from tenants.lifecycle import erasing
from tenants.lifecycle.billing_state import ERASED_FROM, BillingState
from tenants.lifecycle.states import By
from tenants.models import State, Workspace

from . import calendar
from .models import DunningStep
from .walking import is_fresh

_log = logging.getLogger("kartoteka.keeper")
BY_RULE = By("billing", "the rules of the plan")
# Seconds between two looks of the keeper.
EVERY = 30.0
_looked = [0.0]


def now_and_then() -> None:
    """The keeper's duty: `erase_due`, not in each of its rounds."""
    if time.monotonic() - _looked[0] >= EVERY:
        _looked[0] = time.monotonic()
        erase_due()


def erase_due() -> int:
    """Erase those whose time is over; returns how many. One that fails goes on in the keeper's next round, and stops no other."""
    if settings.CRM_NO_DUNNING:
        return 0
    with sides.control_unit():
        rows = Subscription.objects.filter(past_due_since__lte=clock.now() - timedelta(days=ERASED_FROM), workspace__state__in=(State.ACTIVE, State.LEAVING, State.ASLEEP))
        found = [row.workspace for row in rows.select_related("workspace").order_by("past_due_since")[:5]]
    return sum(_tried(workspace) for workspace in found)


def _tried(workspace: Workspace) -> bool:
    try:
        return erase_unpaid(workspace)
    except (DatabaseError, InterfaceError, psycopg.Error, OSError, RedisError, CrmError):
        _log.exception("an erasure waits for the next round", extra={"workspace": workspace.public_id})
        return False


def erase_unpaid(workspace: Workspace) -> bool:
    """Erase one, if its time is over; invoices stay with its account. Needs the owner's login."""
    return erasing.erase_if(workspace, still=is_over, by=BY_RULE, reason="unpaid") is not None


def is_over(workspace: Workspace) -> bool:
    """The last look, in the unit that decides: unpaid for so long, no promise, three notices given, and known from a fresh look at the provider."""
    row = Subscription.objects.select_for_update(of=("self",)).select_related("workspace").filter(workspace=workspace).first()
    if row is None or settings.CRM_NO_DUNNING:
        return False
    account = BillingAccount.objects.filter(workspace=workspace).first()
    if account is not None and not is_fresh(account, now=clock.now()):
        return False
    if not calendar.may_be_erased(telling.facts(row), DunningStep.objects.filter(workspace=workspace, state="written"), now=clock.now()):
        return False
    Subscription.objects.filter(pk=row.pk).update(state=BillingState.DELETED)
    if account is not None:
        MoneyEntry.objects.create(account=account, name="workspace.erased", actor="billing", reason="unpaid", before={"state": row.state}, after={"state": "deleted"})
    reached("unpaid.over")
    return True
