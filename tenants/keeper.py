"""The keeper: the one process with the owner's login. It refills the pool, finishes broken sign-ups, erases, proves archives."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from datetime import timedelta

from django.db import close_old_connections
from django.db.models import Q, QuerySet

from crm_platform.kernel import clock

from . import calling
from .archives import proving
from .carrying import spares
from .lifecycle import chores
from .models import State, Workspace
from .moving import services as moving
from .provisioning import owner, pool
from .returning import services as returning
from .rounds import Rounds
from .sleeping import services as sleeping
from .sleeping import waking
from .snapshots import nightly
from .snapshots import services as snapshots

_log = logging.getLogger("kartoteka.keeper")
# A sign-up that has not finished by then was killed; those at work take well under a second.
BROKEN_AFTER = timedelta(minutes=2)


_also: list[Callable[[], object]] = []
_outdated, _unopened = Rounds("discard what is outdated", most=10), Rounds("return unfinished sign-ups", most=10)


def also(duty: Callable[[], object]) -> None:
    """Add a duty of an upper folder to the quick ones, done in each round. Called at start-up."""
    _also.append(duty)


def work(stop: threading.Event) -> None:
    """All of the keeper's work until `stop` is set. What takes long goes on beside the rounds, so that neither the pool nor who wakes a workspace waits for a copy."""
    beside = (threading.Thread(target=waking.watch, args=(stop,)), threading.Thread(target=_carry, args=(stop,), kwargs={"every": 2.0}))
    for thread in beside:
        thread.daemon = True
        thread.start()
    run(stop)


def run(stop: threading.Event, *, every: float = 2.0) -> None:
    """The quick duties, a round each `every` seconds; who calls in between is only let have more ready workspaces."""
    due = time.monotonic()
    while not stop.is_set():
        whole = time.monotonic() >= due
        _do((*QUICK, *_also) if whole else (refill,))
        if whole:
            due = time.monotonic() + every
        calling.wait(calling.REFILL, stop, seconds=max(0.01, due - time.monotonic()))


def _carry(stop: threading.Event, *, every: float) -> None:
    with owner.seated():
        while not stop.is_set():
            _do(CARRYING)
            stop.wait(every)


def round_once() -> None:
    """One round of all duties."""
    _do((*QUICK, *_also, *CARRYING))


def _do(duties: Iterable[Callable[[], object]]) -> None:
    """One that fails, as where a database does not answer, is logged and keeps no other from its turn, today or ever: a thread that ended would be missed by nobody."""
    for duty in duties:
        try:
            duty()
        except Exception:  # broad: a mistake of ours in one duty is no reason to leave the others undone
            _log.exception("a duty failed", extra={"duty": getattr(duty, "__name__", "")})
            close_old_connections()


def refill() -> None:
    """Make as many ready workspaces as are missing."""
    made = pool.fill(to=pool.wanted())
    if made:
        _log.info("pool refilled", extra={"made": made})


def tidy() -> None:
    """Discard what is of an older release, and what was claimed and never opened."""
    _outdated.go(pool.outdated().order_by("pk"), pool.discard)
    _unopened.go(_broken().order_by("pk"), _return)


def _return(workspace: Workspace) -> None:
    _log.warning("unfinished sign-up returned", extra={"workspace": workspace.public_id})
    pool.discard(workspace)


def _broken() -> QuerySet[Workspace]:
    """Claimed, never opened: nobody has ever been inside, so the schema is dropped and the address is free again."""
    before = clock.real_now() - BROKEN_AFTER
    stale = Q(signup__finished_at=None, signup__started_at__lt=before) | Q(signup=None, claimed_at__lt=before) | Q(slug=None)
    return Workspace.objects.filter(stale, state=State.CLAIMING)


QUICK: tuple[Callable[[], object], ...] = (refill, tidy, chores.keep, proving.start, proving.tell_failed, spares.sweep, snapshots.let_go)
CARRYING: tuple[Callable[[], object], ...] = (
    moving.resume_all, sleeping.resume_all, waking.wake_asked, returning.resume_all, nightly.one_more, sleeping.one_more,
)  # fmt: skip
