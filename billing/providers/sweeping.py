"""Each minute: events whose job was lost, looks that were asked for and never came, and now and then what we did not hear of."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db.models import Q

from billing.models import BillingAccount
from crm_platform.db import sides
from crm_platform.jobs import broker
from crm_platform.jobs.models import Job, JobState
from crm_platform.kernel import clock, jobs
from crm_platform.kernel.jobs import Lease

from . import events, inbox, reconciling, syncing
from .models import EventStatus, ProviderEvent, SyncLease

_log = logging.getLogger("kartoteka.billing")
# Seconds between two sweeps, and between two looks at what has come due; how long bodies of events are kept.
EVERY = 60.0
RING = 2.0
KEPT = timedelta(days=90)
JOB = "billing.sweep"


def ask() -> None:
    """Leave the sweep to a worker: the scheduler's chore."""
    with sides.control_unit():
        jobs.later(JOB, 0, key=JOB)


def ring() -> None:
    """Wake the workers where a job of the control side has come due: what was left for a second from now is not looked for by anybody else so soon."""
    with sides.control_unit():
        due = Job.objects.filter(state=JobState.WAITING, at__lte=clock.real_now()).exists()
    if due:
        broker.wake("control", 0, lane=broker.REST)


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
            jobs.later(syncing.LOOK, account.pk)
        reconciling.leave_due(now)
        ProviderEvent.objects.filter(received_at__lt=now - KEPT).exclude(raw="").update(raw="")
    if found:
        _log.info("events were stuck", extra={"events": len(found)})
