"""A workspace by what an operator types."""

from __future__ import annotations

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
    found = by_slug(slug)
    if found.state != State.ASLEEP:
        return found
    if owner.held():
        with sides.control_unit():
            nap = Nap.objects.filter(workspace=found, finished_at=None).first()
        if nap is not None and waking.wake(nap):
            return by_slug(slug)
    return asking.awaited(found.public_id, patience=PATIENCE)
