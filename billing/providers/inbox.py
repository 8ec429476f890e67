"""Taking events in: verified, stored once, answered at once. What they mean is found out later, by looking at the provider."""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings

from crm_platform.kernel import clock, jobs

from .models import EventStatus, ProviderEvent
from .protocol import Event
from .registry import by_code

JOB = "billing.event"
# What is done, or at work, needs no second look; what failed, or was nobody's, is tried again at once when it is told again.
_SETTLED = (EventStatus.DONE, EventStatus.IGNORED, EventStatus.PROCESSING)
_ANEW = (EventStatus.FAILED, EventStatus.DEAD, EventStatus.ORPHAN)


def take_in(code: str, *, raw: bytes, headers: Mapping[str, str]) -> ProviderEvent:
    """Verify and keep a delivery. Inside a control unit. Raises NoSuchProvider, BadSignature, BadPayload."""
    return keep(code, by_code(code).read_event(raw, headers))


def keep(code: str, event: Event) -> ProviderEvent:
    """Keep an event once; one that is known and not yet done is looked at again. Inside a control unit."""
    status = EventStatus.RECEIVED if event.live == settings.STRIPE_LIVE else EventStatus.IGNORED
    ProviderEvent.objects.bulk_create([_row(code, event, status)], ignore_conflicts=True)
    row = ProviderEvent.objects.only("pk", "status").get(provider=code, external_id=event.external_id)
    if row.status in _ANEW:
        ProviderEvent.objects.filter(pk=row.pk, status__in=_ANEW).update(status=EventStatus.RECEIVED, next_attempt_at=clock.real_now())
    if row.status not in _SETTLED:
        jobs.later(JOB, row.pk)
    return row


def _row(code: str, event: Event, status: str) -> ProviderEvent:
    error = "" if status == EventStatus.RECEIVED else "live mode of the other kind"
    return ProviderEvent(
        provider=code, external_id=event.external_id[:120], kind=event.kind[:100], created=event.created, version=event.version[:40], customer=event.customer[:120],
        object_id=event.object_id[:120], named=event.metadata.get("account", "")[:64], live=event.live, raw=event.raw, status=status, error=error,
    )  # fmt: skip
