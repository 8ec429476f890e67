"""Letters at 70, 90 and 100 percent of a limit, each once, with the day on which it will be full at the present pace."""

from __future__ import annotations

from django.utils.formats import date_format
from django.utils.translation import override

from crm_platform.accounts import directory
from crm_platform.db import sides
from crm_platform.kernel import jobs, workspace
from crm_platform.kernel.jobs import Again, Lease
from crm_platform.letters import post
from tenants.inside import services as inside

from . import answering
from .marks import LOOK, mark
from .models import Counter


@jobs.register(LOOK, kind=jobs.Kind.PROMPT)
def notice(pk: int, *, lease: Lease) -> Again | None:
    """Tell the owners of each figure that has passed a mark it had not passed before."""
    with sides.unit(workspace.here()):
        tell()
        lease.beat()
    return None


def tell() -> list[str]:
    """Write the letters; gives the metrics that were told. Inside a unit."""
    told = []
    for row in Counter.objects.select_for_update().order_by("metric"):
        reached = mark(row.value, answering.limit_of(row.metric))
        if reached <= row.noticed:
            continue
        Counter.objects.filter(pk=row.pk).update(noticed=reached)
        if answering.label(row.metric) and not _as_bought(row):
            _write(row, reached)
            told.append(row.metric)
    return told


def _as_bought(row: Counter) -> bool:
    """Seats that were bought are there to be sat on: only more people than seats are news."""
    limit = answering.limit_of(row.metric)
    return row.metric == "users" and bool(inside.state().seats) and limit is not None and row.value <= limit


def _write(row: Counter, percent: int) -> None:
    usage, day = answering.Meter().usage(row.metric), answering.forecast(row.metric)
    for person in directory.owners():
        with override(person.language):
            facts = {
                "what": answering.label(row.metric), "percent": percent, "used": answering.amount(row.metric, usage.used), "limit": answering.amount(row.metric, usage.limit or 0),
                "day": date_format(day, "j E Y") if day else "", "page": workspace.url("/settings/plan"),
            }  # fmt: skip
        post.write(str(person.email), "limit_near", language=person.language, **facts)
