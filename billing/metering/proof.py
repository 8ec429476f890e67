"""The nightly proof that each counter equals its count."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from crm_platform.db import sides
from crm_platform.kernel import clock, jobs, workspace
from crm_platform.kernel.jobs import Again, Lease

from .models import Counter

_log = logging.getLogger("kartoteka.metering")
_truths: dict[str, Callable[[], int]] = {}


def truth(metric: str) -> Callable[[Callable[[], int]], Callable[[], int]]:
    """Register how a metric is counted from its rows."""

    def keep(function: Callable[[], int]) -> Callable[[], int]:
        _truths[metric] = function
        return function

    return keep


def prove() -> dict[str, dict[str, Any]]:
    """Compare and mend; returns metric → counter, count. Inside a unit."""
    found: dict[str, dict[str, Any]] = {}
    for metric, count in sorted(_truths.items()):
        row, _made = Counter.objects.select_for_update().get_or_create(metric=metric)
        counted = count()
        found[metric] = {"counter": row.value, "count": counted}
        if row.value != counted:
            _log.error("a counter was wrong", extra={"metric": metric, "counter": row.value, "count": counted})
            Counter.objects.filter(pk=metric).update(value=counted)
    return found


@jobs.register("metering.prove", kind=jobs.Kind.LONG)
def nightly(pk: int, *, lease: Lease) -> Again | None:
    """Prove tonight, and leave tomorrow's proof."""
    with sides.unit(workspace.here()):
        prove()
        lease.beat()
        begin()
    return None


def begin() -> None:
    """Leave the next proof, a day from now."""
    jobs.later("metering.prove", 0, at=clock.real_now() + timedelta(days=1), key="metering.prove")
