"""Leaving work, claiming it, keeping the lease."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from django.db import transaction
from django.db.models import Min, Q, QuerySet

from crm_platform.kernel import clock, jobs, units, workspace
from crm_platform.kernel.jobs import Kind, LeaseLost
from crm_platform.kernel.workspace import Place

from . import broker
from .models import Job, JobState

LEASE = timedelta(seconds=30)
MOST_ATTEMPTS = 5
# Whoever takes up a job so often without an end of it, or of a slice, died of it each time: it would take the workers from everybody.
MOST_TAKEN_UP = 10
_WAKE = "crm_platform.jobs.wake"


class NoteDue(Protocol):
    """Notes on the control side when a workspace's earliest timer rings (None: nothing waits). `served`: who has looked at all that waits there says so; else a job was left, and there may be earlier ones."""

    def __call__(self, public_id: str, moment: datetime | None, *, served: bool) -> None: ...


# Told after a commit: the registry's note of what is due (tenants keeps it).
_note_due: NoteDue | None = None


def answer_due(note: NoteDue) -> None:
    """Name who notes it."""
    global _note_due
    _note_due = note


def later(name: str, pk: int, *, at: datetime | None = None, key: str = "") -> int:
    """Answer to `kernel.jobs.later`: a row in this transaction, a wake-up after it."""
    moment = at or clock.real_now()
    if key:
        waiting = Job.objects.filter(key=key, state=JobState.WAITING).first()
        if waiting is not None:
            if moment < waiting.at:
                Job.objects.filter(pk=waiting.pk).update(at=moment)
                wake_after_commit(moment)
            return int(waiting.pk)
    row = Job.objects.create(name=name, target=pk, key=key, at=moment)
    wake_after_commit(moment)
    return int(row.pk)


def one_waiting(name: str, pk: int, *, key: str, at: datetime | None = None) -> None:
    """Leave work unless some of that key waits: one statement, and two that leave it at the same moment do not disturb each other."""
    moment = at or clock.real_now()
    Job.objects.bulk_create([Job(name=name, target=pk, key=key, at=moment)], ignore_conflicts=True)
    wake_after_commit(moment)


def wake_after_commit(moment: datetime | None = None) -> None:
    """After this unit's commit: tell Redis, and note the moment on the control side, once for the unit."""
    at = moment or clock.real_now()
    kept = units.store()
    earliest = kept.get(_WAKE)
    kept[_WAKE] = at if earliest is None else min(at, earliest)
    if earliest is not None:
        return
    place = workspace.current()

    transaction.on_commit(lambda: tell(place, kept.pop(_WAKE, at), served=False))


def tell(place: Place | None, moment: datetime | None, *, served: bool) -> None:
    """Note the moment on the control side, which needs none of itself, and wake who is due by now."""
    if place is not None and _note_due is not None:
        _note_due(place.public_id, moment, served=served)
    if moment is not None and moment <= clock.real_now():
        broker.wake(*((place.public_id, place.generation) if place else ("control", 0)))


@dataclass(slots=True)
class HeldLease:
    """A claimed job: see kernel.jobs.Lease. `until` is the end of the slice, `sign` says that its worker lives."""

    pk: int
    token: str
    checkpoint: Mapping[str, Any]
    until: float = field(default_factory=lambda: time.monotonic() + broker.SLICE)
    sign: Callable[[], None] = lambda: None

    def beat(self, checkpoint: Mapping[str, Any] | None = None) -> None:
        """Within the caller's unit: what it wrote and how far it came are kept together, or not at all."""
        values: dict[str, Any] = {"leased_until": clock.real_now() + LEASE}
        if checkpoint is not None:
            values["checkpoint"] = self.checkpoint = dict(checkpoint)
        if not Job.objects.filter(pk=self.pk, lease=self.token, state=JobState.RUNNING).update(**values):
            raise LeaseLost
        self.sign()

    def should_yield(self) -> bool:
        """After the slice's time."""
        return time.monotonic() > self.until


def claim(*, long_work: bool = True, sort: bool = True) -> tuple[Job, HeldLease] | None:
    """Take the earliest job that is due, or one whose holder has died. Inside a unit.

    What is long comes last, or without `long_work` not at all. `sort`: what is prompt comes first, for which all that wait
    are looked through; without it in the order of time, at the cost of one look at the index.
    """
    now = clock.real_now()
    job = next((found for rows in _wanted(now, long_work=long_work, sort=sort) if (found := rows.first()) is not None), None)
    if job is None:
        return None
    job.lease, job.leased_until, job.state = secrets.token_hex(12), now + LEASE, JobState.RUNNING
    job.attempts += 1
    job.key = ""  # it no longer waits: asking again leaves new work
    job.save(update_fields=["lease", "leased_until", "state", "attempts", "key"])
    return job, HeldLease(job.pk, job.lease, dict(job.checkpoint))


def _wanted(now: datetime, *, long_work: bool, sort: bool) -> Iterator[QuerySet[Job]]:
    due = Q(state=JobState.WAITING, at__lte=now) | Q(state=JobState.RUNNING, leased_until__lt=now)
    rows = Job.objects.select_for_update(skip_locked=True).filter(due).order_by("at", "id")
    if sort:
        yield rows.filter(name__in=jobs.named(Kind.PROMPT))
    yield rows.exclude(name__in=jobs.named(Kind.LONG))
    if long_work:
        yield rows


def finish(lease: HeldLease, *, state: JobState, error: str = "", at: datetime | None = None, fresh: bool = False) -> None:
    """Note the end of a slice, unless another has taken over. Inside a unit. `fresh` forgets the attempts."""
    now = clock.real_now()
    values: dict[str, Any] = {"state": state, "error": error[:2000], "lease": "", "leased_until": None}
    if state == JobState.WAITING:
        values["at"] = at or now
    else:
        values["finished_at"] = now
    if fresh:
        values["attempts"] = 0
    Job.objects.filter(pk=lease.pk, lease=lease.token).update(**values)


def note_served(moment: datetime | None) -> None:
    """All that is due here is done, and the earliest of the rest waits for `moment` (None: nothing waits): noted after this unit's commit."""
    place = workspace.current()
    transaction.on_commit(lambda: tell(place, moment, served=True))


def next_due(*, long_work: bool = True) -> datetime | None:
    """When this side's earliest open job (the long ones left out or not) wants to be served; inside a unit."""
    open_jobs = Job.objects.filter(state__in=(JobState.WAITING, JobState.RUNNING)).exclude(name__in=[] if long_work else jobs.named(Kind.LONG))
    found = open_jobs.aggregate(waiting=Min("at", filter=Q(state="waiting")), held=Min("leased_until", filter=Q(state="running")))
    return min((moment for moment in found.values() if moment is not None), default=None)
