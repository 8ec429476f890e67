"""Leaving with a date of erasure, and coming back. Until that date the people read and export; nothing is lost by changing one's mind."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from crm_platform.accounts.roles import OWNER
from crm_platform.db import sides
from crm_platform.kernel import clock
from crm_platform.kernel.errors import Forbidden, Invalid
from crm_platform.kernel.permissions import Actor
from tenants import routing
from tenants.models import State

from . import hosts, states
from .models import Departure, Entry
from .states import By

# The days the screen offers; the shortest still lets a holiday's absence be noticed.
DAYS = (7, 30, 90)


class OwnersOnly(Forbidden):
    """Only an owner may let the whole workspace be erased, or call it back."""

    code = "owners_only"
    sentence = _("Only an owner of the workspace can do this.")


def require_owner(actor: Actor) -> None:
    """Raise OwnersOnly for anybody else; that the workspace is read-only does not matter here."""
    if actor.role != OWNER:
        raise OwnersOnly


def leave_by(actor: Actor, public_id: str, *, days: int, reason: str, operation: uuid.UUID) -> Entry:
    """An owner lets the workspace go. Raises OwnersOnly, Invalid, NoSuchWay."""
    require_owner(actor)
    if days not in DAYS:
        raise Invalid(fields={"days": [_("Choose one of the dates.")]})
    return leave(public_id, by=By.person(actor), reason=reason, operation=operation, erases_at=clock.now() + timedelta(days=days))


def leave(public_id: str, *, by: By, reason: str, operation: uuid.UUID, erases_at: datetime) -> Entry:
    """From active to leaving, once per operation; its own hosts stop leading here at once. Opens a control unit; the caller tells the workspace."""
    with sides.control_unit():
        made = states.done_before(operation, kind="leaving")
        if made is not None:
            return made
        row = states.locked(public_id)
        before = states.move(row, State.LEAVING)
        departure = Departure.objects.create(workspace=row, asked_by=by.kind, erases_at=erases_at)
        hosts.let_go(row)
        told = {"before": {}, "after": {"erases_at": erases_at.isoformat(), "certificate": departure.certificate}}
        entry = states.record(row, "leaving", by=by, operation=operation, reason=reason, before=before, tell=told)
    routing.forget()
    return entry


def come_back_by(actor: Actor, public_id: str, *, operation: uuid.UUID) -> Entry:
    """An owner calls the workspace back. Raises OwnersOnly, NoSuchWay once the erasure has begun."""
    require_owner(actor)
    return come_back(public_id, by=By.person(actor), operation=operation)


def come_back(public_id: str, *, by: By, operation: uuid.UUID, reason: str = "") -> Entry:
    """From leaving to active, once per operation. Opens a control unit; the caller tells the workspace."""
    with sides.control_unit():
        made = states.done_before(operation, kind="returned")
        if made is not None:
            return made
        row = states.locked(public_id)
        before = states.move(row, State.ACTIVE)
        Departure.objects.filter(workspace=row).delete()
        hosts.ask_again(row)
        entry = states.record(row, "returned", by=by, operation=operation, reason=reason, before=before, tell={"before": {}, "after": {}})
    routing.forget()
    return entry


def departure_of(public_id: str) -> Departure | None:
    """The departure of a workspace that leaves. Opens a control unit."""
    with sides.control_unit():
        return Departure.objects.select_related("workspace").filter(workspace__public_id=public_id).first()
