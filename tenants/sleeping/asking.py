"""Asking for a workspace that is asleep: the first who comes calls the keeper; programs wait for it, people see a page."""

from __future__ import annotations

import time
from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from crm_platform.db.sides import outside
from crm_platform.kernel import clock
from crm_platform.kernel.errors import Unavailable
from tenants import calling
from tenants.models import Nap, State, Workspace

# Seconds a program is let wait for a workspace that wakes (a hook, a form, a job), and after which a person's page asks again.
PATIENCE, LOOKS_EVERY, PAGE_RETURNS = 8.0, 0.1, 2
# After this an asking that was lost (Redis, the keeper) is repeated.
REPEATED = timedelta(seconds=20)


class Asleep(Unavailable):
    """Nobody was here for a while."""

    code = "asleep"
    heading = _("Waking up")
    sentence = _("Nobody was here for a while, so this workspace is asleep. It is being woken now; the page comes by itself in a few seconds. Nothing was lost.")


class CannotWake(Unavailable):
    """What it sleeps in is lost or damaged: coming again alone does not help."""

    code = "cannot_wake"
    heading = _("It cannot be woken")
    sentence = _("Nobody was here for a while, so this workspace was put to sleep, and now it does not wake by itself: the copy in which it sleeps cannot be read. Those who run the platform have been told and will see to it. Coming again at once does not help.")


def ask(public_id: str) -> None:
    """Let the keeper wake a workspace: the first asking calls it, later ones only after a while."""
    now = clock.real_now()
    with outside():
        nap = Nap.objects.filter(workspace__public_id=public_id, finished_at=None)
        first = nap.filter(wake_asked_at=None).update(wake_asked_at=now) or nap.filter(wake_asked_at__lt=now - REPEATED).update(wake_asked_at=now)
    if first:
        calling.call(calling.WAKE)


def awaited(public_id: str, *, patience: float = PATIENCE) -> Workspace:
    """The workspace when it is awake. Raises Asleep where that takes longer than the patience, CannotWake where it was tried and failed."""
    ask(public_id)
    until = time.monotonic() + patience
    while True:
        with outside():
            row = Workspace.objects.get(public_id=public_id)
            if row.state != State.ASLEEP:
                return row
            if Nap.objects.filter(workspace=row, finished_at=None).exclude(error="").exists():
                raise CannotWake
        if time.monotonic() > until:
            raise Asleep
        time.sleep(LOOKS_EVERY)
