"""Work of the control side that nobody clicks: seats of which a provider told nothing, what is owed for a recommendation, pauses that are over, days of occasional seats."""

from __future__ import annotations

import logging
from datetime import timedelta

from crm_platform.db import sides
from crm_platform.kernel import clock, jobs
from crm_platform.kernel.errors import CrmError
from crm_platform.kernel.jobs import Lease
from tenants.models import State

from .models import MoneyEntry
from .seats import buying
from .subscribing import pausing, referring

_log = logging.getLogger("kartoteka.billing")
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
    referring.give_owed()
    pausing.come_back_due()
    charge_last_month()


def charge_last_month() -> int:
    """The active days of occasional seats of the month that is over go on each firm's next bill, once; returns how many firms have some."""
    end = clock.now().date().replace(day=1)
    start = (end - timedelta(days=1)).replace(day=1)
    with sides.control_unit():
        rows = MoneyEntry.objects.select_related("account__workspace").filter(name="occasional.ceiling", account__workspace__state=State.ACTIVE)
        done = set(MoneyEntry.objects.filter(name="occasional.charged", after__from=start.isoformat()).values_list("account", flat=True))
        found = {row.account_id: row.account.workspace for row in rows if row.account_id not in done and row.account.workspace is not None}
    charged = 0
    for workspace in found.values():
        try:
            charged += bool(buying.charge_days(workspace.place, start=start, end=end))
        except CrmError as error:
            _log.warning("occasional days could not be charged", extra={"workspace": workspace.public_id, "error": error.code})
    return charged
