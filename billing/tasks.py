"""Work of the control side that nobody clicks: seats of which a provider told nothing, planned changes that it let go, periods that begin after an old bill was paid, what is owed for a recommendation, pauses that are over, days of occasional seats."""

from __future__ import annotations

from crm_platform.db import sides
from crm_platform.kernel import jobs
from crm_platform.kernel.jobs import Lease

from .seats import buying, days
from .subscribing import pausing, planned, referring, returning

# Seconds between two looks.
EVERY = 300.0
JOB = "billing.settle"


def ask() -> None:
    """Leave the look to a worker: the scheduler's chore."""
    with sides.control_unit():
        jobs.later(JOB, 0, key=JOB)


@jobs.register(JOB)
def settle(_pk: int, *, lease: Lease) -> None:
    """One look at all of it; what cannot be done now is done by the next."""
    with sides.control_unit():
        lease.beat()
    buying.retry_unanswered()
    returning.begin_due()
    planned.ask_again_due()
    referring.give_owed()
    pausing.come_back_due()
    days.take_up_leaving()
    days.settle_stretches()
    days.charge_last_month()
