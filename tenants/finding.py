"""A workspace by what an operator types."""

from __future__ import annotations

import time

from django.utils.translation import gettext_lazy as _

from crm_platform.db import sides
from crm_platform.kernel.errors import NotFound

from .models import NOBODYS, Nap, State, Workspace
from .provisioning import owner
from .sleeping import asking, waking

# Seconds a command waits for the keeper to wake a workspace, where it may not do so itself.
PATIENCE = 30.0


class NoSuchWorkspace(NotFound):
    """The command names an address nobody has."""

    code = "no_such_workspace"
    sentence = _("No workspace has the address “{slug}”.")


def by_slug(slug: str) -> Workspace:
    """The workspace of an address label; raises NoSuchWorkspace."""
    with sides.control_unit():
        found = Workspace.objects.filter(slug=slug).exclude(state__in=NOBODYS).first()
    if found is None:
        raise NoSuchWorkspace(slug=slug)
    return found


def awake(slug: str) -> Workspace:
    """The same for a command that works inside it: one that is asleep is woken first. Raises Asleep where nobody wakes it."""
    found, until = by_slug(slug), time.monotonic() + PATIENCE
    while found.state == State.ASLEEP and owner.held() and time.monotonic() < until:
        with sides.control_unit():
            nap = Nap.objects.filter(workspace=found, finished_at=None).first()
        if nap is None:
            break
        if not waking.wake(nap):  # another has its turn, and may be doing something else with it
            time.sleep(asking.LOOKS_EVERY)
        found = by_slug(slug)
    return found if found.state != State.ASLEEP else asking.awaited(found.public_id, patience=PATIENCE)
