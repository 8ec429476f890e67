"""Each minute: events whose job was lost, looks that were asked for and never came, and now and then what we did not hear of."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db.models import Q

from billing.models import BillingAccount
from crm_platform.db import sides
from crm_platform.kernel import clock, jobs
from crm_platform.kernel.jobs import Lease

from . import events, inbox, syncing
from .models import EventStatus, ProviderEvent, SyncLease

_log = logging.getLogger("kartoteka.billing")
# Seconds between two sweeps; how long bodies of events are kept.
EVERY = 60.0
KEPT = timedelta(days=90)
JOB, LOOK = "billing.sweep", "billing.look"


def ask() -> None:
    """Leave the sweep to a worker: the scheduler's chore."""
    with sides.control_unit():
        jobs.later(JOB, 0, key=JOB)


@jobs.register(JOB)
def sweep(_pk: int, *, lease: Lease) -> None:
    """Give what is stuck to the workers again."""
    now = clock.real_now()
    with sides.control_unit():
        lease.beat()
        found = events.stuck(now)
        ProviderEvent.objects.filter(pk__in=found, status=EventStatus.PROCESSING).update(status=EventStatus.RECEIVED, next_attempt_at=now)
        for pk in found:
            jobs.later(inbox.JOB, pk)
        held = SyncLease.objects.filter(until__gt=now).values("account")
        waiting = BillingAccount.objects.filter(dirty_at__lt=now - timedelta(seconds=60)).exclude(Q(external_id="") | Q(pk__in=held)).order_by("dirty_at")[:200]
        for account in waiting:
            jobs.later(LOOK, account.pk)
        ProviderEvent.objects.filter(received_at__lt=now - KEPT).exclude(raw="").update(raw="")
    if found:
        _log.info("events were stuck", extra={"events": len(found)})


@jobs.register(LOOK)
def look(pk: int, *, lease: Lease) -> None:
    """One look at an account."""
    with sides.control_unit():
        lease.beat()
    syncing.sync_account(pk)
