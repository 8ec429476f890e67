"""The day's look as a job of the control side."""

from __future__ import annotations

from crm_platform.db import sides
from crm_platform.kernel import jobs

from . import daily


@jobs.register(daily.JOB)
def take(_pk: int, *, lease: jobs.Lease) -> None:
    """Once a day; a second one finds it done."""
    with sides.control_unit():
        daily.take()
