"""Events at an even rate in a workspace that tells them to a receiver."""

from __future__ import annotations

import itertools
import time
from typing import Any

from crm_core.insights.bench import hooking
from crm_core.sales.deals import services as deals
from crm_platform.db import sides
from crm_platform.kernel.permissions import robot
from tenants.finding import awake
from webhooks.outbound import services as hooks

# Made in one unit, as a program does that sends several at once.
AT_ONCE = 10


def measure(slug: str, *, destination: str, form: str, rate: int, seconds: int) -> dict[str, Any]:
    """Subscribe, then make deals; returns how many, and how many a second that were in truth."""
    place = awake(slug).place
    actor = robot("bench")
    with sides.unit(place):
        hooks.subscribe(actor, destination, ["add_lead"], format=form)
    began, names = time.perf_counter(), hooking.names(rate * seconds)
    for at in range(0, rate * seconds, AT_ONCE):
        with sides.unit(place):
            deals.create_deals(actor, [{"name": name} for name in itertools.islice(names, AT_ONCE)])
        time.sleep(max(0.0, began + (at + AT_ONCE) / rate - time.perf_counter()))
    return {"events": rate * seconds, "rate": round(rate * seconds / (time.perf_counter() - began))}
