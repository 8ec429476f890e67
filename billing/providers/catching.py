"""Catching up after an outage: events that never arrived are read from the provider's own list, which goes back thirty days; beyond it every account is looked at."""

from __future__ import annotations

import itertools
import logging
from datetime import timedelta

from billing.models import BillingAccount
from crm_platform.db import sides
from crm_platform.kernel import clock, jobs

from . import inbox, syncing
from .models import Cursor, ProviderEvent
from .registry import by_code

_log = logging.getLogger("kartoteka.billing")
# How long a provider remembers, less a day.
REMEMBERED = timedelta(days=29)
_AT_ONCE = 100


def catch_up(code: str) -> int:
    """Take in what we have not heard of; returns how many. Opens units of its own; raises ProviderUnavailable."""
    provider, now = by_code(code), clock.real_now()
    if "events" not in provider.capabilities:
        return 0
    with sides.control_unit():
        cursor, made = Cursor.objects.get_or_create(provider=code)
    if cursor.read_at is not None and now - cursor.read_at > REMEMBERED:
        look_at_all(code)
    heard, last = 0, cursor.last_event
    events = provider.events(since=cursor.last_event)
    while batch := list(itertools.islice(events, _AT_ONCE)):
        with sides.control_unit():
            known = set(ProviderEvent.objects.filter(provider=code, external_id__in=[event.external_id for event in batch]).values_list("external_id", flat=True))
            for event in batch:
                if event.external_id not in known:
                    inbox.keep(code, event)
                    heard += 1
            last = batch[-1].external_id
            Cursor.objects.filter(pk=cursor.pk).update(last_event=last, last_event_at=batch[-1].created)
    with sides.control_unit():
        Cursor.objects.filter(pk=cursor.pk).update(read_at=now)
    if heard and not made:
        _log.warning("events had not arrived", extra={"provider": code, "events": heard})
    return heard


def look_at_all(code: str) -> None:
    """Leave a look at every account of a provider."""
    with sides.control_unit():
        for pk in BillingAccount.objects.filter(provider=code).exclude(external_id="").values_list("pk", flat=True):
            syncing.mark(pk)
            jobs.later(syncing.LOOK, pk)
