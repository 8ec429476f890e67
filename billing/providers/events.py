"""Working through the inbox: whose event it is, one look at that account for all that wait, and what becomes of those that fail."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import F, Q

from billing.models import BillingAccount
from crm_platform.db import sides
from crm_platform.kernel import clock, jobs
from crm_platform.kernel.errors import NotFound
from crm_platform.kernel.jobs import Lease
from tenants.models import State

from . import drifting, inbox, syncing
from .models import OPEN, DriftKind, EventStatus, ProviderEvent
from .syncing import Outcome

_log = logging.getLogger("kartoteka.billing")
# Tries before an event is laid aside; the pause doubles from a minute to six hours.
MOST = 12
_FIRST, _LONGEST = 60, 6 * 3600
# What asks for a look at the customer; of what is sold we only hear when somebody edits it behind our back; of the rest nothing.
FAMILIES = ("checkout.", "customer.", "invoice.", "invoice_payment.", "credit_note.", "charge.", "refund.", "payment_method.", "payment_intent.", "subscription_schedule.", "setup_intent.")
CATALOGUE = ("price.", "product.")
# Names its invoice and no customer; the invoice's own event, which comes beside each, names both.
BESIDE = "invoice_payment."


@jobs.register(inbox.JOB)
def handle(pk: int, *, lease: Lease) -> None:
    """Handle an event, and with it all that wait for the same customer."""
    with sides.control_unit():
        lease.beat()
        event = ProviderEvent.objects.filter(pk=pk).first()
        if event is None:
            return
        account, waiting = _account_of(event), _waiting(event)
        mine = [one.pk for one in waiting if account is not None and _speaks_of(one, account)]
        for one in waiting:
            if one.pk not in mine:
                _of_nobody(one)
        # The attempt counts from now on, and is over when the lease is.
        ProviderEvent.objects.filter(pk__in=mine).update(status=EventStatus.PROCESSING, next_attempt_at=clock.real_now() + syncing.LEASE, attempts=F("attempts") + 1)
    if account is not None and mine:
        _look(account, mine)


def _waiting(event: ProviderEvent) -> list[ProviderEvent]:
    """All that wait for the same customer, seen by us alone; of an event that names none, itself."""
    same = Q(customer=event.customer) if event.customer else Q(pk=event.pk)
    due = ProviderEvent.objects.select_for_update(skip_locked=True).filter(same, provider=event.provider, status__in=OPEN, next_attempt_at__lte=clock.real_now())
    return list(due.defer("raw"))


def _look(account: BillingAccount, events: Sequence[int]) -> None:
    try:
        outcome = syncing.sync_account(account.pk)
    except Exception as error:  # broad: whatever it is, the events wait for the next try, and the others flow
        _log.warning("an account could not be looked at", exc_info=error, extra={"account": account.public_id, "events": len(events)})
        _failed(events, f"{type(error).__name__}: {error}")
        return
    if outcome == Outcome.BUSY:
        _put_back(events)
        return
    with sides.control_unit():
        ProviderEvent.objects.filter(pk__in=events).update(status=EventStatus.DONE, handled_at=clock.real_now(), error="")


def _put_back(events: Sequence[int]) -> None:
    """Another is looking: its look may have begun before these came, so they are asked for once more."""
    soon = clock.real_now() + timedelta(seconds=2)
    with sides.control_unit():
        ProviderEvent.objects.filter(pk__in=events).update(status=EventStatus.RECEIVED, next_attempt_at=soon, attempts=F("attempts") - 1)
        jobs.later(inbox.JOB, events[0], at=soon)


def _failed(events: Sequence[int], error: str) -> None:
    with sides.control_unit():
        for event in ProviderEvent.objects.filter(pk__in=events):
            event.error = error[:2000]
            event.status = EventStatus.DEAD if event.attempts >= MOST else EventStatus.FAILED
            event.next_attempt_at = clock.real_now() + pause_after(event.attempts)
            event.save(update_fields=["error", "status", "next_attempt_at"])
            if event.status == EventStatus.DEAD:
                drifting.found(DriftKind.INBOX, event.provider, event.external_id, facts={"error": event.error[:200], "kind": event.kind})
            else:
                jobs.later(inbox.JOB, event.pk, at=event.next_attempt_at)


def pause_after(attempts: int) -> timedelta:
    """A minute, doubling, to six hours; up to a fifth more, so that not all come at once."""
    seconds = min(_LONGEST, _FIRST * 2 ** max(0, attempts - 1))
    return timedelta(seconds=seconds * (1 + secrets.randbelow(200) / 1000))


def _account_of(event: ProviderEvent) -> BillingAccount | None:
    """By the customer alone; nobody's where there is no workspace to it any more."""
    if not event.customer:
        return None
    account = BillingAccount.objects.select_related("workspace").filter(provider=event.provider, external_id=event.customer).first()
    return None if account is None or account.workspace is None or account.workspace.state == State.ERASED else account


def _speaks_of(event: ProviderEvent, account: BillingAccount) -> bool:
    """What an event says of itself only refuses: where it names another account, it is nobody's."""
    return event.kind.startswith(FAMILIES) and event.named in ("", account.public_id)


def _of_nobody(event: ProviderEvent) -> None:
    if event.kind.startswith(CATALOGUE) and event.kind.endswith(".created"):
        status = EventStatus.DONE  # we make what we sell at the first purchase of it; what another makes there we do not sell
    elif event.kind.startswith(CATALOGUE):
        drifting.found(DriftKind.CATALOGUE, event.provider, event.object_id or event.external_id, facts={"kind": event.kind})
        status = EventStatus.DONE
    elif event.kind.startswith(BESIDE) and not event.customer:
        status = EventStatus.IGNORED
    elif event.kind.startswith(FAMILIES):
        status = EventStatus.ORPHAN
        _log.log(logging.WARNING if event.named else logging.INFO, "an event of nobody's", extra={"event": event.external_id, "kind": event.kind, "customer": event.customer})
    else:
        status = EventStatus.IGNORED
        _log.info("an event of a kind that we do not know", extra={"event": event.external_id, "kind": event.kind})
    ProviderEvent.objects.filter(pk=event.pk).update(status=status, handled_at=clock.real_now())


def replay(external_id: str) -> ProviderEvent:
    """Ask for an event once more, whatever became of it; raises NotFound. Inside a control unit."""
    event = ProviderEvent.objects.filter(external_id=external_id).first()
    if event is None:
        raise NotFound
    ProviderEvent.objects.filter(pk=event.pk).update(status=EventStatus.RECEIVED, attempts=0, next_attempt_at=clock.real_now(), error="")
    drifting.close(DriftKind.INBOX, event.provider, [event.external_id])
    jobs.later(inbox.JOB, event.pk)
    event.refresh_from_db()
    return event


def stuck(now: datetime) -> list[int]:
    """Those whose job was lost, or whose worker was killed. Inside a control unit."""
    waiting = Q(status__in=OPEN, next_attempt_at__lt=now - timedelta(seconds=60))
    return list(ProviderEvent.objects.filter(waiting | Q(status=EventStatus.PROCESSING, next_attempt_at__lt=now)).values_list("pk", flat=True)[:1000])
