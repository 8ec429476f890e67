"""What an integration's page says in figures: rows it wrote, requests of the last hour, how near it came to its budget."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Max

from crm_platform.accounts.tokens import budget_key_of
from crm_platform.events.models import Event
from crm_platform.kernel import clock, gates, neighbours, versions
from crm_platform.kernel.budgets import ASKED, BURST, REFUSED

from .models import Integration

MINUTES = 60
# A transaction that began earlier may still commit events of lower numbers: only what is older is counted for good.
_SETTLED = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Usage:
    """Requests and refusals of an hour, the busiest minute, and the plan's bound: `rate` a second, `a_minute` evenly; None for no bound."""

    asked: int
    refused: int
    busiest: int
    rate: int | None
    at_once: int | None
    a_minute: int | None


def rows_written(integration: Integration) -> int:
    """How many rows it wrote: those counted before, and its events since."""
    later = Event.objects.filter(via=integration.via, pk__gt=integration.counted_to)
    settled = later.filter(at__lt=clock.now() - _SETTLED)
    up_to = settled.aggregate(last=Max("pk"))["last"]
    if up_to is not None:
        count = later.filter(pk__lte=up_to).count()
        with versions.quiet():  # only if nobody was here meanwhile
            changed = Integration.objects.filter(pk=integration.pk, counted_to=integration.counted_to).update(rows_written=integration.rows_written + count, counted_to=up_to)
        if changed:
            integration.rows_written, integration.counted_to = integration.rows_written + count, up_to
    return integration.rows_written + Event.objects.filter(via=integration.via, pk__gt=integration.counted_to).count()


def usage(integration: Integration) -> Usage:
    """The last hour, as the processes told it: a few seconds late."""
    key = budget_key_of(integration.pk)
    asked, refused = (neighbours.by_minute(key, measure, minutes=MINUTES) for measure in (ASKED, REFUSED))
    rate = gates.limit("api_rate")
    return Usage(sum(asked) + sum(refused), sum(refused), max(asked, default=0), rate, rate and rate * BURST, rate and rate * 60)
